# Copyright (c) mmgmp authors.
"""Training with an unlabelled target: unused labels and exact resume."""

import pytest
import torch
from mmengine.config import config

from mmgmp.apis import train_and_test
from tests.utils.adaptation import adaptation_cfg, train
from tests.utils.tiny_tree import change_table, copy_tables

TARGET = 'HAC_train_only_cartoon.csv'
SOURCE = 'HAC_train_only_human.csv'
ITERATIONS = 4


@pytest.fixture(scope='module', autouse=True)
def unformatted():
    """Skip the formatting of configs, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, 'FormatCode', lambda text, **_: (text, False))
        yield


@pytest.fixture(scope='module')
def clean(tiny_mini_hac):
    return tiny_mini_hac['train_dataloader.dataset.data_root']


@pytest.fixture
def root(clean, tmp_path):
    """A copy of the tree with tables that a test may change."""
    return copy_tables(clean, tmp_path / 'data')


def permuted(name, label):
    return name, str((int(label) + 3) % 7)


def deleted(name, label):
    return (name,)


def same(first, second):
    weights = [model.state_dict() for model in (first, second)]
    return first.record == second.record and all(
        torch.equal(weights[0][key], weights[1][key]) for key in weights[0]
    )


@pytest.fixture(scope='module')
def reference(clean, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('reference')
    return train(adaptation_cfg(work_dir, clean))


def test_every_batch_has_both_roles(reference):
    assert len(reference.record) == 2 * ITERATIONS
    for clips, labels, (_, loss_align) in reference.record:
        is_target = [clip.startswith('cartoon/') for clip in clips]
        assert is_target == 7 * [False] + 7 * [True]
        assert len(labels) == 7 and loss_align > 0
    sources = [clip for clips, *_ in reference.record for clip in clips[:7]]
    assert len({*sources[:28]}) == len({*sources[28:]}) == 28
    assert sources[:28] != sources[28:]
    targets = [clip for clips, *_ in reference.record for clip in clips[7:]]
    for i in range(0, 56, 14):
        assert len({*targets[i : i + 14]}) == 14


@pytest.mark.parametrize('relabel', [permuted, deleted])
def test_labels_of_the_target_play_no_part(relabel, root, reference, tmp_path):
    change_table(root, TARGET, relabel)
    assert same(train(adaptation_cfg(tmp_path, root)), reference)


def test_hidden_labels_play_no_part(root, reference, tmp_path):
    change_table(root, TARGET, permuted)
    key = 'train_dataloader.dataset.datasets.1.keep_hidden_label'
    model = train(adaptation_cfg(tmp_path, root, **{key: True}))
    assert same(model, reference)
    assert {*model.hidden} == {*range(7)} and not reference.hidden


def test_labels_of_the_source_and_clips_of_the_target_play_theirs(
    root, reference, tmp_path
):
    """Otherwise the tests above would prove nothing."""
    change_table(root, SOURCE, permuted)
    other = train(adaptation_cfg(tmp_path / '1', root))
    assert not same(other, reference)
    assert [r[0] for r in other.record] == [r[0] for r in reference.record]
    change_table(
        root, SOURCE, lambda name, label: (name, str((int(label) + 4) % 7))
    )
    assert same(train(adaptation_cfg(tmp_path / '2', root)), reference)
    cfg = adaptation_cfg(tmp_path / '3', root)
    cfg.train_dataloader.dataset.datasets[1].pipeline = [
        dict(type='CorruptedTarget', transforms=cfg.train_pipeline)
    ]
    other = train(cfg)
    assert [r[:2] for r in other.record] == [r[:2] for r in reference.record]
    assert all(
        first[2][1] != second[2][1]
        for first, second in zip(other.record, reference.record, strict=True)
    )


def test_resumed_run_equals_the_uninterrupted_one(clean, reference, tmp_path):
    first = train(adaptation_cfg(tmp_path, clean, 1))
    # Worker processes have no effect.
    workers = {'train_dataloader.num_workers': 1}
    rest = train(adaptation_cfg(tmp_path, clean, 2, resume=True, **workers))
    assert len(first.record) == len(rest.record) == ITERATIONS
    rest.record = first.record + rest.record
    assert same(rest, reference)


def test_loop_by_iterations_resumes_within_an_epoch(
    clean, tmp_path, monkeypatch
):
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda _: None)

    def run(name, max_iters, **options):
        settings = {
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': 3,
            'log_processor.by_epoch': False,
            **options,
        }
        cfg = adaptation_cfg(tmp_path / name, clean, **settings)
        cfg.train_cfg = dict(by_epoch=False, max_iters=max_iters)
        return train(cfg)

    whole = run('whole', 6)
    first = run('part', 3)
    rest = run('part', 6, resume=True)
    rest.record = first.record + rest.record
    assert same(rest, whole)
    sources = [clip for clips, *_ in whole.record for clip in clips[:7]]
    assert len({*sources[:28]}) == 28


def test_summary_names_the_sources_alone(clean, tmp_path):
    cfg = adaptation_cfg(tmp_path, clean, epochs=1)
    cfg.experiment_name = 'adaptation-summary'
    summary = train_and_test(cfg)
    assert summary['sources'] == ['human', 'animal']
    assert summary['target'] == 'cartoon'
    assert summary['target_top1'].keys() == {'fused'}
