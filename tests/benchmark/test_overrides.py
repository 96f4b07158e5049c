# Copyright (c) mmgmp authors.
"""Overrides reach something in the config, at any depth, or are refused."""

import pytest

from mmgmp.benchmark.run import Run
from tests.utils.leaves import leaf_path

VARIABLES = dict(dataset='mini_hac', target='animal')


def load(overrides, method='gmp'):
    config = str(leaf_path(method))
    return Run('x', config, 'animal', 0, overrides, VARIABLES).load_config()


@pytest.mark.parametrize(
    'key',
    [
        'optim_wrapper.alpha_p',
        'optim_wrapper.optimizer.lr',
        'custom_hooks.0.priority',
        'env_cfg.cudnn_benchmark',
        # Arguments that the config leaves to the code.
        'optim_wrapper.granularity',
        'train_dataloader.drop_last',
        'train_dataloader.dataset.spec',
        'param_scheduler.0.eta_min',
        'auto_scale_lr',
    ],
)
def test_accepted(key):
    owner, _, name = key.rpartition('.')
    nested = {owner: {name: 0.25}} if owner else {name: 0.25}
    for overrides in ({key: 0.25}, nested):
        node = load(overrides)
        for part in key.split('.'):
            node = node[int(part) if isinstance(node, list) else part]
        assert node == 0.25


def test_type_and_its_argument():
    overrides = {
        'optim_wrapper.type': 'GMPOptimWrapper',
        'optim_wrapper.alpha_k': 0.75,
    }
    assert load(overrides, 'erm').optim_wrapper.alpha_k == 0.75


def test_overrides_are_not_changed():
    overrides = {
        'optim_wrapper': dict(_delete_=True, type='OptimWrapper', optimizer={})
    }
    first, second = load(overrides), load(overrides)
    assert first.optim_wrapper == second.optim_wrapper
    assert overrides['optim_wrapper']['_delete_']


@pytest.mark.parametrize(
    ('overrides', 'message'),
    [
        ({'optim_wrapper.alpha_q': 1}, "no argument 'alpha_q'; did you mean"),
        ({'optim_wrapper': {'alpha_q': 1}}, "no argument 'alpha_q'"),
        ({'optim_wrappers.x': 1}, "no 'optim_wrappers' .* mean 'optim_wrapp"),
        ({'optim_wraper': 1}, "no 'optim_wraper' to change; did you mean"),
        ({'optim_wrapper.optimizer.lrate': 1}, "Adam has no argument 'lrate'"),
        (
            {'model': {'objectives': {'domain': {'revers': 1}}}},
            "'model.objectives.domain.revers'.*no argument",
        ),
        ({'custom_hooks.40.x': 1}, "no 'custom_hooks.40'"),
        ({'custom_hooks.-1.x': 1}, "no 'custom_hooks.-1'"),
        ({'custom_hooks.0.x': 1}, "no argument 'x'"),
        ({'custom_hooks.0': 1}, 'give the whole list'),
        ({'train_cfg.max_epoch': 1}, "mean 'max_epochs'"),
        ({'train_dataloader.batchsize': 1}, "mean 'batch_size'"),
        ({'default_hooks.checkpoint.intervall': 1}, "mean 'interval'"),
        ({'randomness.seed': 1}, 'has no effect.*use `seeds`'),
        ({'randomness': {'seed': 1}}, 'has no effect.*use `seeds`'),
        ({'work_dir': 'x'}, 'has no effect.*use --work-dir'),
        ({'target': 'human'}, "only computes other settings from 'target'"),
        ({'model.': 1}, "no 'model.' to change"),
        ({'': 1}, "no '' to change"),
        ({'load_from': {'x': 1}}, 'cannot be merged'),
        (
            {'optim_wrapper': {'alpha_k': 1}, 'optim_wrapper.alpha_p': 1},
            "both 'optim_wrapper' and 'optim_wrapper.alpha_p'",
        ),
    ],
)
def test_without_effect(overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(overrides)
    assert '\n' not in str(caught.value)
