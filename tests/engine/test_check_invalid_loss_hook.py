# Copyright (c) mmgmp authors.
"""CheckInvalidLossHook stops a training whose loss is not finite."""

import math

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmgmp.engine import CheckInvalidLossHook
from tests.utils import counting_toy


@pytest.fixture
def train(tmp_path):
    def train(interval, fault='diverge', domains=2, epochs=4):
        cfg = Config(counting_toy.settings())
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = f'{tmp_path.name}{interval}{epochs}'
        cfg.model.fault = fault
        # Eight iterations per epoch.
        cfg.train_dataloader.batch_size = 1
        cfg.train_dataloader.dataset.rows = counting_toy.SOURCE * 2
        cfg.train_cfg.max_epochs = epochs
        hook = dict(type='CheckInvalidLossHook', interval=interval)
        cfg.custom_hooks.append(hook)
        Runner.from_cfg(cfg).train()

    return train


@pytest.mark.parametrize(('interval', 'iteration'), [(1, 3), (5, 5), (50, 8)])
def test_stops_at_the_next_check(train, interval, iteration):
    message = f'loss is nan in epoch 1, iteration {iteration}$'
    with pytest.raises(FloatingPointError, match=message):
        train(interval)


def test_finite_loss_goes_on(train):
    train(1, fault=None, epochs=1)


@pytest.mark.parametrize('value', [math.inf, -math.inf, math.nan])
def test_only_losses_count(train, value):
    class FakeRunner:
        epoch, iter, max_iters, train_dataloader = 1, 6, 100, [0] * 10

    hook = CheckInvalidLossHook(interval=1)
    hook.after_train_iter(FakeRunner, 0, outputs=dict(norm=value, loss=1.0))
    with pytest.raises(FloatingPointError, match=f'loss_a is {value} in'):
        hook.after_train_iter(FakeRunner, 0, outputs=dict(loss_a=value))


def test_interval():
    with pytest.raises(ValueError, match='`interval` must be .* got 0'):
        CheckInvalidLossHook(interval=0)
