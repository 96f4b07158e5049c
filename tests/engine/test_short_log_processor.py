# Copyright (c) mmgmp authors.
"""The lines of the log, and that the JSON log keeps every scalar."""

from types import SimpleNamespace

import pytest
from mmaction.registry import LOG_PROCESSORS
from mmengine.logging import MessageHub
from mmengine.runner import LogProcessor

import mmgmp  # noqa: F401

SCALARS = {
    'lr': [1e-3] * 4,
    'time': [1.0, 2.0, 3.0, 4.0],
    'data_time': [0.5] * 4,
    'gmp/rho.video': [0.5, 1.0, 1.5, 2.0],
    'gmp/rho.audio': [2.0, 1.0, 0.7, 0.5],
    'gmp/k.video': [1.0] * 4,
    'gmp/conflict.video': [0.0, 1.0, 1.0, 0.0],
    'gmp/conflict.audio': [0.0, 0.0, 1.0, 0.0],
    'gmp/cosine.video': [-0.5] * 4,
    'semantic_confidence.video': [0.2] * 4,
    'loss': [4.0, 3.0, 2.0, 1.0],
    'loss_cls': [3.0, 2.0, 1.0, 0.0],
}
RESULTS = {
    'acc/all/fused/top1': 0.75,
    'acc/all/fused/mean1': 0.7,
    'acc/all/video/top1': 0.5,
    'acc/all/video/mean1': 0.45,
    'acc/all/video_unimodal/top1': 0.4,
    'acc/human/fused/top1': 0.8,
    'acc/human/video/top1': 0.3,
    'acc/worst/fused/top1': 0.1,
    'acc/all/fused/class/run': 0.9,
    'acc/all/clips': 12.0,
    'acc/top5': 0.99,
    'score/im': 0.6,
}


@pytest.fixture
def runner(monkeypatch):
    """What a log processor reads of a runner."""
    hub = MessageHub('short-log')
    for index in range(4):
        for name, values in SCALARS.items():
            hub.update_scalar(f'train/{name}', values[index])
    for name, value in RESULTS.items():
        hub.update_scalar(f'val/{name}', value)
    hub.update_info('eta', 60)
    loop = SimpleNamespace(dataloader=[None] * 4)
    return SimpleNamespace(
        message_hub=hub,
        model=None,
        epoch=0,
        iter=3,
        max_epochs=2,
        train_loop=loop,
        val_loop=loop,
        _train_loop=loop,
    )


def build(**options):
    cfg = dict(type='ShortLogProcessor', window_size=4, **options)
    return LOG_PROCESSORS.build(cfg)


def items(line):
    """Name -> text of the scalars in a line."""
    parts = line.split(']  ', 1)[1].split('  ')
    return dict(part.split(': ') for part in parts if ': ' in part)


def test_training_line_has_means_over_the_window(runner):
    tag, line = build().get_log_after_iter(runner, 3, 'train')
    assert items(line) == {
        'lr': '1.0000e-03',
        'eta': '0:01:00',
        'time': '2.5000',
        'data_time': '0.5000',
        'loss': '2.5000',
        'loss_cls': '1.5000',
        'gmp/rho.video': '1.2500',
        'gmp/conflict.video': '0.5000',
        'gmp/conflict.audio': '0.2500',
    }
    stock, _ = LogProcessor(window_size=4).get_log_after_iter(
        runner, 3, 'train'
    )
    assert tag == stock
    assert tag['gmp/rho.audio'] == 0.5


def test_both_ratios_of_three_modalities(runner):
    runner.message_hub.update_scalar('train/gmp/rho.flow', 1.0)
    _, line = build().get_log_after_iter(runner, 3, 'train')
    assert {'gmp/rho.video', 'gmp/rho.audio', 'gmp/rho.flow'} <= {*items(line)}


def test_hierarchy_and_custom_entries(runner):
    custom = dict(data_src='gmp/cosine.video', method_name='min')
    processor = build(
        log_with_hierarchy=True,
        custom_cfg=[dict(custom, log_name='least', window_size=2)],
    )
    tag, line = processor.get_log_after_iter(runner, 3, 'train')
    assert tag['train/gmp/k.video'] == 1
    assert items(line)['least'] == '-0.5000'
    assert items(line)['lr'] == '1.0000e-03'


def test_results_in_a_line(runner):
    tag, line = build().get_log_after_epoch(runner, 4, 'val')
    assert {*items(line)} == {
        'acc/all/fused/top1',
        'acc/all/fused/mean1',
        'acc/all/video/top1',
        'acc/human/fused/top1',
        'acc/top5',
        'score/im',
    }
    assert tag == RESULTS


def test_chosen_scalars(runner):
    _, line = build(scalars='loss', inverse=()).get_log_after_iter(
        runner, 3, 'train'
    )
    assert {*items(line)} == {'loss'}
