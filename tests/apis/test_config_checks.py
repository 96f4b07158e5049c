# Copyright (c) mmgmp authors.
import pytest
from mmengine.config import Config

from mmgmp.apis.config_checks import check_config, has_type
from mmgmp.optim import GMPOptimWrapper
from tests.utils.leaves import read_leaf

NAN = float('nan')
LR = 'optim_wrapper.optimizer.lr'


@pytest.fixture
def cfg(tmp_path):
    cfg = read_leaf('gmp')
    cfg.work_dir = str(tmp_path / 'run')
    return cfg


def check(cfg, options=None, parts=('train', 'val')):
    cfg.merge_from_dict(options or {})
    check_config(cfg, parts)


def test_work_dir_is_made_by_the_check(cfg, tmp_path):
    check(cfg)
    assert not [*(tmp_path / 'run').iterdir()]


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('train_cfg.max_epochs', 0, 'at least 1, got 0'),
        ('train_cfg.max_epochs', 2.5, 'an integer, got 2.5'),
        ('train_cfg.max_epochs', 'six', "an integer, got 'six'"),
        ('train_cfg.max_epochs', True, 'an integer, got True'),
        ('train_cfg.val_interval', 0, 'at least 1, got 0'),
        ('train_dataloader.batch_size', 0, 'at least 1, got 0'),
        ('val_dataloader.batch_size', 3.0, 'an integer, got 3.0'),
        ('val_dataloader.num_workers', -2, 'at least 0, got -2'),
        ('train_dataloader.drop_last', 'no', "True or False, got 'no'"),
        ('train_dataloader.sampler.shuffle', 'yes', 'True or False'),
        (LR, NAN, 'at least 0, got nan'),
        (LR, -0.1, 'at least 0, got -0.1'),
        (LR, '1e-3x', 'a number'),
        (LR, [0, 1], r'a number, got \[0, 1\]'),
        ('optim_wrapper.optimizer.weight_decay', -1, 'at least 0'),
        ('optim_wrapper.optimizer.amsgrad', NAN, 'is nan'),
        ('optim_wrapper.clip_grad.max_norm', NAN, 'above 0, got nan'),
        ('optim_wrapper.clip_grad.max_norm', 0, 'above 0, got 0'),
        ('optim_wrapper.accumulative_counts', 0, 'at least 1'),
        ('optim_wrapper.alpha_k', NAN, 'is nan'),
        ('optim_wrapper.alpha_p', True, 'a number, got True'),
        ('optim_wrapper.alpha_p', 'high', "a number, got 'high'"),
        ('model.num_classes', True, 'an integer'),
        ('model.objectives.domain.reversal_weight', NAN, 'is nan'),
        ('model.objectives.domain.reversal_weight', '1', 'a number'),
        ('model.cls_head.classifier.hidden_channels', 3.5, 'an integer or No'),
        ('param_scheduler.0.T_max', 'eight', 'a number'),
        ('param_scheduler.0.by_epoch', 'no', "True or False, got 'no'"),
        ('train_dataloader.sampler.seed', 'one', 'an integer'),
        (
            'optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult',
            'half',
            'a number',
        ),
        ('auto_scale_lr', dict(base_batch_size=0), 'at least 1'),
        ('randomness.seed', -1, 'at least 0'),
        ('randomness.seed', 2**32, r'below 2\*\*32'),
        ('randomness.seed', 'one', 'an integer'),
        ('resume', 'run/epoch_1.pth', 'True or False'),
        ('log_level', 'LOUD', "one of .*'INFO'"),
        ('train_dataloader.dataset.indices', 0, 'no samples would be left'),
    ],
)
def test_value_that_no_method_can_mean(cfg, key, value, message):
    with pytest.raises(ValueError, match=f'`{key}.*{message}') as raised:
        check(cfg, {key: value})
    assert '\n' not in str(raised.value)


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        (LR, 0),
        (LR, 1),
        ('optim_wrapper.clip_grad.max_norm', float('inf')),
        ('default_hooks.checkpoint.interval', -1),
        ('randomness.seed', None),
        ('randomness.seed', 2**32 - 1),
        ('param_scheduler.0.end', 2.5),
        ('param_scheduler', None),
        ('train_dataloader.num_workers', 2),
        ('optim_wrapper.type', GMPOptimWrapper),
        ('load_from', 'https://host/weights.pth'),
    ],
)
def test_value_that_is_permitted(cfg, key, value):
    check(cfg, {key: value})


def test_unknown_optimizer(cfg):
    with pytest.raises(ValueError, match="no optimizer 'Adan'.*Adam"):
        check(cfg, {'optim_wrapper.optimizer.type': 'Adan'})


def test_validation_that_never_runs(cfg):
    with pytest.raises(ValueError, match='`train_cfg.val_begin` is 4, after'):
        check(cfg, {'train_cfg.max_epochs': 3})
    # With --no-validate, nothing is expected.
    cfg.val_dataloader = None
    check(cfg)


def test_config_without_the_parts():
    with pytest.raises(ValueError, match='has no `model`: pass the config of'):
        check_config(Config(dict(a=1)), ('train',))
    with pytest.raises(ValueError, match='has no `train_dataloader`'):
        check_config(Config(dict(model=dict())), ('train',))
    check_config(Config(dict(model=dict())), ('test',))


def test_true_is_not_a_number():
    assert not has_type(True, float) and not has_type(1, bool)
    assert has_type(1, float) and not has_type(1.0, int)


@pytest.mark.parametrize(
    ('key', 'value', 'missing'),
    [('norm_type', 1, 'max_norm'), ('type', 'value', 'clip_value')],
)
def test_clipping_without_a_limit(cfg, key, value, missing):
    match = f'without a limit: set optim_wrapper.clip_grad.{missing}$'
    with pytest.raises(ValueError, match=match):
        check(cfg, {'optim_wrapper.clip_grad': {key: value}})
    limited = {key: value, missing: 3.0}
    check(cfg, {'optim_wrapper.clip_grad': limited})
