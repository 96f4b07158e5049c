# Copyright (c) mmgmp authors.
"""A run killed at random and resumed equals an uninterrupted run."""

import json
import random
import time

import pytest

from tests.utils.killable import (
    equal,
    kill_within,
    results,
    start,
    train_config,
    wait,
)
from tests.utils.leaves import read_leaf

KILLS = 3  # for each number of workers


@pytest.fixture(scope='module')
def settings(tiny_mini_hac):
    return {
        **tiny_mini_hac,
        'model.cls_head.classifier.dropout_ratio': 0.5,
        'train_cfg.max_epochs': 3,
        'train_cfg.val_begin': 1,
        'train_cfg.val_interval': 1,
        'train_dataloader.batch_size': 14,
        # By this metric, the best epoch changes once.
        'default_hooks.checkpoint.save_best': 'acc/all/video_unimodal/top1',
        'log_level': 'ERROR',
        'resume': True,
    }


def config(settings, work_dir, workers=0):
    cfg = read_leaf('gmp')
    cfg.merge_from_dict(settings)
    cfg.train_dataloader.num_workers = workers
    cfg.train_dataloader.persistent_workers = workers > 0
    cfg.work_dir = str(work_dir)
    return cfg.to_dict()


def summary(work_dir):
    summary = json.loads((work_dir / 'summary.json').read_text())
    assert summary.pop('seconds') > 0
    return summary


@pytest.fixture(scope='module')
def whole(settings, tmp_path_factory):
    """Work dir, results, summary and seconds of an uninterrupted run."""
    work_dir = tmp_path_factory.mktemp('whole')
    started = work_dir / 'started'
    process = start(train_config, config(settings, work_dir), started)
    while not started.exists() and process.is_alive():
        time.sleep(0.01)
    start_time = time.perf_counter()
    assert not wait(process)
    seconds = time.perf_counter() - start_time
    checkpoints = results(work_dir)
    assert len(checkpoints) == 2 and checkpoints['epoch_3.pth']['iter'] == 6
    return work_dir, checkpoints, summary(work_dir), seconds


@pytest.mark.slow
@pytest.mark.parametrize('workers', [0, 2])
def test_killed_runs_end_as_the_whole_one(workers, settings, whole, tmp_path):
    _, expected, expected_summary, seconds = whole
    assert expected_summary['selected_epoch'] > 1
    times = random.Random(workers)
    kills = runs = 0
    while kills < KILLS:
        runs += 1
        work_dir = tmp_path / str(runs)
        arguments = config(settings, work_dir, workers), tmp_path / 'started'
        killed = True
        while killed:
            process = start(train_config, *arguments)
            if kills < KILLS:
                killed = kill_within(
                    process, arguments[1], times.uniform(0, seconds)
                )
            else:
                killed = wait(process)
            kills += killed
        assert equal(results(work_dir), expected)
        assert summary(work_dir) == expected_summary


def test_run_that_has_ended_gives_its_summary_again(settings, whole):
    work_dir, expected, expected_summary, _ = whole
    (work_dir / 'summary.json').unlink()
    cfg = config(settings, work_dir)
    assert not wait(start(train_config, cfg, work_dir / 'started'))
    assert equal(results(work_dir), expected)
    assert summary(work_dir) == expected_summary
