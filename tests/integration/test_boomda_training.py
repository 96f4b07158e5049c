# Copyright (c) mmgmp authors.
"""Boomda in stock loops: two ranks, resuming, and no use of target labels."""

import os

import pytest
import torch
import torch.nn.functional as F
from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config, config
from mmengine.dataset import BaseDataset
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from torch import nn

from tests.utils.adaptation import train
from tests.utils.killable import equal, results
from tests.utils.leaves import read_leaf
from tests.utils.ranks import run_ranks
from tests.utils.tiny_tree import change_table, copy_tables, read_tiny_tree

from .test_unlabelled_training import TARGET, permuted

BALANCES = ('closed_form', 'qp')
INPUTS = dict(video=6, audio=5)
CLASSES, WIDTH, ITERATIONS = 3, 4, 6
# Logged values that are computed from the rows of all ranks.
JOINED = (
    'boomda/gamma',
    'boomda/discrepancy',
    'boomda/ratio',
    'loss_alignment',
    'loss_information',
)


@pytest.fixture(scope='module', autouse=True)
def unformatted():
    """Skip the formatting of configs, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, 'FormatCode', lambda text, **_: (text, False))
        yield


# --- Two ranks ---------------------------------------------------------------


@MODELS.register_module()
class ToyLinearEncoder(nn.Sequential):
    def __init__(self, in_channels):
        super().__init__(nn.Linear(in_channels, 8), nn.Tanh())


@DATASETS.register_module()
class ToyShiftedDataset(BaseDataset):
    """Noise around class means, with a shifted target."""

    def __init__(self, size, labelled):
        self.size, self.labelled = size, labelled
        super().__init__(serialize_data=False)

    def load_data_list(self):
        return [dict(number=number) for number in range(self.size)]

    def prepare_data(self, index):
        generator = torch.Generator().manual_seed(2 * index + self.labelled)
        label = index % CLASSES
        inputs = {
            m: 2 * F.one_hot(torch.tensor(label), width)
            + torch.randn(width, generator=generator)
            for m, width in INPUTS.items()
        }
        sample = ActionDataSample()
        sample.set_field(0 if self.labelled else -1, 'domain')
        if self.labelled:
            sample.set_gt_label(label)
        else:
            inputs = {m: 1.5 * x + 0.5 for m, x in inputs.items()}
        return dict(inputs=inputs, data_samples=sample)


def train_toy(work_dir, balance, rows, **options):
    """Logs and weights after 6 iterations of `rows` rows of each role."""
    model = dict(
        type='MultimodalRecognizer',
        data_preprocessor=dict(
            type='MultiModalDataPreprocessor',
            preprocessors={
                m: dict(type='ActionDataPreprocessor') for m in INPUTS
            },
        ),
        backbone=dict(
            type='MultimodalBackbone',
            encoders={
                m: dict(type='ToyLinearEncoder', in_channels=width)
                for m, width in INPUTS.items()
            },
        ),
        # Without BatchNorm, whose statistics depend on the rows of one rank.
        neck=dict(
            type='ModalityProjection',
            out_channels=WIDTH,
        ),
        cls_head=dict(type='MultimodalHead'),
        in_channels=dict.fromkeys(INPUTS, 8),
        num_classes=CLASSES,
        num_domains=1,
        objectives=dict(
            boomda=dict(
                type='Boomda',
                beta=0.01,
                scale='dim',
                alpha2=10,
                balance=balance,
            )
        ),
    )
    loader = dict(
        batch_size=2 * rows,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_sampler=dict(type='SourceTargetBatchSampler', num_target=rows),
        dataset=dict(
            type='ConcatDataset',
            datasets=[
                dict(type='ToyShiftedDataset', size=12, labelled=True),
                dict(type='ToyShiftedDataset', size=9, labelled=False),
            ],
        ),
    )
    runner = Runner.from_cfg(
        Config(
            dict(
                default_scope='mmaction',
                experiment_name=f'boomda-{balance}',
                work_dir=str(work_dir),
                model=model,
                train_dataloader=loader,
                train_cfg=dict(by_epoch=True, max_epochs=2),
                optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
                default_hooks=dict(checkpoint=None),
                randomness=dict(seed=0),
                log_level='ERROR',
                **options,
            )
        )
    )
    runner.train()
    model = getattr(runner.model, 'module', runner.model)
    return logs(), model.state_dict()


def logs():
    """Name -> values, (iterations,), logged by the last run."""
    buffers = MessageHub.get_current_instance().log_scalars
    return {
        name.removeprefix('train/'): torch.tensor(buffer.data[0])
        for name, buffer in buffers.items()
        if not name.endswith('time')
    }


def run_rank(rank, folder):
    os.environ['LOCAL_RANK'] = str(rank)
    wrapper = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        device_ids=None,
    )
    return {
        balance: train_toy(
            folder, balance, 2, launcher='pytorch', model_wrapper_cfg=wrapper
        )
        for balance in BALANCES
    }


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    """Logs and weights of each rank, by balance."""
    folder = tmp_path_factory.mktemp('ranks')
    return run_ranks(run_rank, folder, str(folder))


@pytest.mark.skipif(
    torch.cuda.is_available(), reason='two ranks with gloo, on CPU'
)
@pytest.mark.parametrize('balance', BALANCES)
def test_ranks_train_as_one_process_with_the_joined_batch(
    balance, ranks, tmp_path
):
    (first, weights), (second, others) = (found[balance] for found in ranks)
    expected, expected_weights = train_toy(tmp_path, balance, 4)
    assert first.keys() == second.keys() == expected.keys()
    joined = {key for key in expected if key.startswith(JOINED)}
    assert len(joined) == 3 + 3 + 3
    for key, values in expected.items():
        assert len(values) == len(first[key]) == ITERATIONS
        if key in joined:
            assert torch.equal(first[key], second[key]), key
            torch.testing.assert_close(first[key], values, rtol=1e-5, atol=0)
        mean = (first[key] + second[key]) / 2
        assert torch.allclose(mean, values, rtol=1e-5, atol=1e-6), key
    assert equal(weights, others)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-5, atol=1e-6)

    # Each rank has different rows, and in some iteration one rank keeps pseudo
    # labels and the other none.
    assert (first['loss_cls'] != second['loss_cls']).all()
    kept = torch.stack([first['boomda/kept'], second['boomda/kept']]) > 0
    assert (kept.sum(dim=0) == 1).any()
    other = ranks[0][BALANCES[1 - BALANCES.index(balance)]][0]
    gamma = 'boomda/gamma.fused'
    assert ((first[gamma] - other[gamma]).abs() > 0.01).any()


# --- The shipped config ------------------------------------------------------


def train_shipped(work_dir, settings, epochs=1, root=None, **options):
    """Logs and weights, optionally of another tree in `root`."""
    cfg = read_tiny_tree(read_leaf('boomda'), settings)
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'train_cfg.max_epochs': epochs,
            'train_dataloader.batch_size': 14,
            'train_dataloader.batch_sampler.num_target': 7,
            # The heads do not agree in such a short training.
            'model.objectives.boomda.min_votes': 2,
            'log_level': 'ERROR',
            **options,
        }
    )
    if root is not None:
        for leaf in cfg.train_dataloader.dataset.datasets:
            leaf.update(type='HACDataset', data_root=str(root))
            leaf.pop('spec')
    model = train(cfg)
    return logs(), model.state_dict()


@pytest.fixture(scope='module')
def reference(tiny_mini_hac, tmp_path_factory):
    """Work dir, and logs and weights of the first epoch."""
    work_dir = tmp_path_factory.mktemp('reference')
    return work_dir, train_shipped(work_dir, tiny_mini_hac)


@pytest.fixture
def relabelled(tiny_mini_hac, tmp_path):
    """A tree with other labels of the target's training clips."""
    tree = tiny_mini_hac['train_dataloader.dataset.data_root']
    root = copy_tables(tree, tmp_path / 'data')
    change_table(root, TARGET, permuted)
    return root


def test_the_target_trains(reference):
    """Otherwise the tests below would prove nothing."""
    _, (found, _) = reference
    assert len(found['loss']) == 4
    assert (found['loss_alignment'] > 0).all()
    assert (found['loss_pseudo'] > 0).any()
    assert 'boomda/pseudo_accuracy' not in found


@pytest.mark.slow
def test_labels_of_the_target_play_no_part(
    relabelled, reference, tiny_mini_hac, tmp_path
):
    run = train_shipped(tmp_path, tiny_mini_hac, root=relabelled)
    assert equal(run, reference[1])


@pytest.mark.slow
def test_hidden_labels_are_logged_and_play_no_part(
    relabelled, reference, tiny_mini_hac, tmp_path
):
    key = 'train_dataloader.dataset.datasets.1.keep_hidden_label'
    run = train_shipped(
        tmp_path, tiny_mini_hac, root=relabelled, **{key: True}
    )
    accuracy = run[0].pop('boomda/pseudo_accuracy')
    assert equal(run, reference[1])
    right = accuracy * 7 * run[0]['boomda/kept']
    torch.testing.assert_close(right, right.round(), rtol=0, atol=1e-5)


@pytest.mark.slow
def test_resumed_training_ends_as_the_uninterrupted_one(
    reference, tiny_mini_hac, tmp_path
):
    work_dir, _ = reference
    _, whole = train_shipped(tmp_path, tiny_mini_hac, epochs=2)
    _, resumed = train_shipped(work_dir, tiny_mini_hac, epochs=2, resume=True)
    assert equal(resumed, whole)
    checkpoints = results(work_dir)
    assert checkpoints.keys() == {'epoch_2.pth'}
    assert equal(checkpoints, results(tmp_path))


@pytest.mark.parametrize(
    'alpha_k', [pytest.param(0, marks=pytest.mark.slow), 0.5]
)
def test_gmp_balances_the_classes_of_boomda(
    alpha_k, reference, tiny_mini_hac, tmp_path
):
    """Two methods in one config; 0 is Boomda alone."""
    terms = ('information', 'pseudo', 'alignment')
    wrapper = dict(
        type='GMPOptimWrapper',
        tasks=dict(
            semantic=['loss_cls', 'loss_unimodal_cls'],
            adaptation=[f'loss_{term}' for term in terms],
        ),
        alpha_k=alpha_k,
        projection='none',
    )
    options = {f'optim_wrapper.{key}': wrapper[key] for key in wrapper}
    found, _ = train_shipped(tmp_path, tiny_mini_hac, **options)
    _, (alone, _) = reference
    strengths = torch.stack([found[f'gmp/k.{m}'] for m in INPUTS])
    first, later = found['loss'][0], found['loss'][1:]
    assert first == alone['loss'][0]
    if alpha_k:
        assert strengths.min() < 1
        assert (later != alone['loss'][1:]).all()
    else:
        assert (strengths == 1).all()
        torch.testing.assert_close(
            later, alone['loss'][1:], rtol=1e-3, atol=1e-3
        )
