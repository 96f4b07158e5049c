# Copyright (c) mmgmp authors.
"""Checks before training, on a toy and on recognizers of narrow encoders."""

import shutil
from types import SimpleNamespace

import pytest
from mmaction.registry import DATASETS
from mmengine.config import Config, config
from mmengine.runner import Runner

from mmgmp.apis import run_checks, train
from mmgmp.apis.run_checks import check_run
from tests.utils import counting_toy
from tests.utils.leaves import read_leaf
from tests.utils.memory_clips import MemoryClips, read_memory_clips

LABELS = {}


@DATASETS.register_module()
class LabelledMemoryClips(MemoryClips):
    """Clips whose labels are known before they are read."""

    def load_data_list(self):
        items = super().load_data_list()
        for item in items:
            item['label'] = item['number'] % self.num_classes
            item.update(LABELS)
        return items


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Skip what takes longer than the checks."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr(config, 'FormatCode', lambda text, **_: (text, True))
    # The epochs of these tests are shorter.
    monkeypatch.setattr(run_checks, 'FEW_BATCHES', 0)


@pytest.fixture
def toy(tmp_path):
    cfg = Config(counting_toy.settings())
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    return cfg


@pytest.fixture
def clips(tmp_path):
    LABELS.clear()
    cfg = read_memory_clips(read_leaf('dann'))
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.type = 'LabelledMemoryClips'
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.log_level = 'ERROR'
    return cfg


def check(cfg, options=None):
    cfg.merge_from_dict(options or {})
    check_run(Runner.from_cfg(cfg))


@pytest.fixture
def warnings(monkeypatch):
    texts = []
    monkeypatch.setattr(
        run_checks, 'print_log', lambda text, **kwargs: texts.append(text)
    )
    return texts


def test_nothing_is_wrong(toy, clips, warnings):
    check(toy)
    check(clips)
    assert not warnings


def test_epoch_of_few_batches(toy, warnings, monkeypatch):
    count = len(Runner.build_dataloader(toy.train_dataloader))
    monkeypatch.setattr(run_checks, 'FEW_BATCHES', count)
    check(toy)
    assert not warnings
    monkeypatch.setattr(run_checks, 'FEW_BATCHES', count + 1)
    toy.experiment_name += '_again'
    check(toy)
    assert f'an epoch has only {count} batches' in warnings.pop()


def test_batch_larger_than_the_data(toy):
    options = {
        'train_dataloader.batch_size': 5,
        'train_dataloader.drop_last': True,
    }
    with pytest.raises(ValueError, match='gives no batch: `batch_size` is 5'):
        check(toy, options)
    check(toy, {'train_dataloader.drop_last': False})


def test_endless_sampler_has_batches(toy):
    toy.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    options = {
        'train_dataloader.batch_size': 5,
        'train_dataloader.drop_last': True,
        'train_dataloader.sampler': dict(type='InfiniteSampler'),
    }
    check(toy, options)


def test_dataset_without_samples(toy):
    with pytest.raises(ValueError, match='`val_dataloader.dataset` has no s'):
        check(toy, {'val_dataloader.dataset.rows': []})


@pytest.mark.parametrize('num_classes', [5, 9])
def test_head_of_another_size(clips, num_classes):
    with pytest.raises(ValueError, match='has 7 classes: set model.num_cl'):
        check(clips, {'model.num_classes': num_classes})


@pytest.mark.parametrize(
    ('label', 'message'),
    [
        (7, 'is 7, but the head has 7 classes, 0 to 6'),
        (-1, 'is -1, but'),
        (0.5, 'is 0.5: MultimodalHead needs one class index'),
        ([0.2, 0.8], r'is \[0.2, 0.8\]: .*not soft or several labels'),
        (True, 'is True: '),
        ('3', "is '3': "),
    ],
)
def test_label_that_the_head_cannot_learn(clips, label, message):
    LABELS['label'] = label
    with pytest.raises(ValueError, match=f'the label of .*0 in .*{message}'):
        check(clips)


NORM = {
    'model.neck': dict(type='ModalityProjection', norm_cfg=dict(type='BN1d'))
}


@pytest.mark.parametrize(
    ('size', 'message'),
    [(1, 'each batch has one'), (7, 'the last batch of an epoch has one')],
)
def test_batch_norm_of_one_sample(clips, size, message, warnings):
    clips.train_dataloader.update(batch_size=size, drop_last=size == 1)
    check(clips)
    assert any(text.startswith(message) for text in warnings)
    with pytest.raises(ValueError, match=f'{message}.* neck.projections'):
        check(clips, NORM)


def test_last_batch_of_one_sample_is_dropped(clips, warnings):
    clips.train_dataloader.update(batch_size=7, drop_last=True)
    check(clips, NORM)
    assert not warnings


def test_model_without_trained_parameters(toy):
    runner = Runner.from_cfg(toy)
    runner.model.requires_grad_(False)
    with pytest.raises(ValueError, match='no parameter of the model would be'):
        check_run(runner)


SAVE_BEST = 'default_hooks.checkpoint.save_best'


@pytest.mark.parametrize(
    'key',
    [
        'acc/cartoon/fused/top1',  # of the target
        'acc/all/flow/top1',
        'acc/top1',
        'score/iw',
        'fused',
    ],
)
def test_selection_by_a_metric_that_does_not_exist(clips, key):
    with pytest.raises(ValueError, match=f"`save_best` is '{key}', but.*acc/"):
        check(clips, {SAVE_BEST: key})


@pytest.mark.parametrize(
    'key',
    [
        'acc/human/video/mean1',
        'acc/worst/audio/top1',
        'acc/all/video_unimodal/top1',
        'auto',
    ],
)
def test_selection_by_a_metric_that_exists(clips, key):
    check(clips, {SAVE_BEST: key})


def test_selection_by_metrics_of_others(clips):
    clips.val_evaluator = [
        dict(type='DomainAccMetric'),
        dict(type='AccMetric', prefix='stock'),
    ]
    check(clips, {SAVE_BEST: 'stock/top5'})
    with pytest.raises(ValueError, match='`save_best`'):
        check(clips, {SAVE_BEST: 'other/top5'})


def test_branches_of_other_models_are_not_known(toy):
    check(toy, {SAVE_BEST: 'acc/human/pose/top1'})
    with pytest.raises(ValueError, match='`save_best`'):
        check(toy, {SAVE_BEST: 'acc/cartoon/pose/top1'})


def test_full_disk(toy, monkeypatch):
    usage = SimpleNamespace(free=2)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage)
    with pytest.raises(ValueError, match='0 MB left.*make room'):
        check(toy)


@pytest.mark.parametrize(
    ('scheduler', 'is_cut'),
    [
        (dict(type='CosineAnnealingLR', T_max=4, end=4), False),
        (dict(type='CosineAnnealingLR', T_max=9), True),
        (dict(type='LinearLR', end=6, by_epoch=False), True),
        (dict(type='LinearLR', end=4, by_epoch=False), False),
        (dict(type='StepLR', step_size=3), False),
    ],
)
def test_schedule_that_is_cut_off(toy, scheduler, is_cut, warnings):
    toy.param_scheduler = scheduler
    check(toy)
    assert len(warnings) == is_cut
    if is_cut:
        assert f'({scheduler["type"]}) ends after' in warnings[0]


def test_custom_keys_that_match_no_parameter(toy, warnings):
    weight, _ = next(iter(Runner.from_cfg(toy).model.named_parameters()))
    toy.experiment_name += '-2'
    toy.optim_wrapper.paramwise_cfg = dict(
        custom_keys={weight: dict(lr_mult=0.1), 'bakbone': dict(lr_mult=0.1)}
    )
    check(toy)
    assert len(warnings) == 1 and "contains ['bakbone'], " in warnings[0]


def test_train_checks_and_trains(toy):
    runner = train(toy)
    assert runner.epoch == 4
    toy.experiment_name += '-2'
    toy.train_cfg.val_begin = 9
    with pytest.raises(ValueError, match='`train_cfg.val_begin`'):
        train(toy)
    toy.train_cfg.val_begin = 1
    toy.experiment_name += '-3'
    toy.default_hooks.checkpoint.save_best = 'acc/none/fused/top1'
    with pytest.raises(ValueError, match='`save_best`'):
        train(toy)
