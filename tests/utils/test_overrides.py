# Copyright (c) mmgmp authors.
import pytest
from mmaction.registry import TRANSFORMS
from mmengine.config import Config

from mmgmp.utils import override
from tests.utils.leaves import read_leaf


@TRANSFORMS.register_module()
class OverridesToyTransform:
    """Takes any argument, and reads one."""

    def __init__(self, size=1, **kwargs):
        self.size = size


@TRANSFORMS.register_module()
class OverridesToyChild(OverridesToyTransform):
    def __init__(self, colour='red', **kwargs):
        super().__init__(**kwargs)
        self.colour = colour


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('model.backbone.encoders.audio.with_cp', True),
        ('default_hooks.logger.interval', 3),
        ('default_hooks.ema', dict(type='EMAHook')),
        ('env_cfg.mp_cfg.opencv_num_threads', 1),
        ('train_dataloader.prefetch_factor', 4),
        ('optim_wrapper.clip_grad.max_norm', 40),
        ('optim_wrapper.paramwise_cfg.custom_keys.neck.lr_mult', 0.1),
        ('auto_scale_lr.enable', True),
        ('resume', True),
        ('load_from', 'a.pth'),
        ('compile', True),
        ('sync_bn', 'torch'),
        ('param_scheduler', None),
        ('custom_hooks', []),
        ('train_dataloader.dataset.pipeline.1.clip_len', 4),
        ('model.objectives.domain.schedule', 'dann'),
    ],
)
def test_key_that_is_read(key, value):
    cfg = read_leaf('gmp')
    override(cfg, {key: value})
    node = cfg
    for part in key.split('.'):
        node = node[int(part) if part.isdigit() else part]
    assert node == value


def test_new_hook_of_several_keys():
    cfg = read_leaf('erm')
    keys = {
        'default_hooks.average.type': 'EMAHook',
        'default_hooks.average.momentum': 0.01,
    }
    override(cfg, keys)
    assert cfg.default_hooks.average == dict(type='EMAHook', momentum=0.01)


def test_dict_in_the_place_of_none():
    cfg = Config(dict(optim_wrapper=dict(clip_grad=None)))
    override(cfg, {'optim_wrapper.clip_grad.max_norm': 2})
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=2)


PARTS = ['test_dataloader', 'train_dataloader', 'val_dataloader']


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        (
            'data_root',
            '/clips',
            'changes nothing.*set '
            + ', '.join(rf'{part}\.dataset\.data_root' for part in PARTS),
        ),
        ('num_classes', 4, 'set model.num_classes instead'),
        ('sources', ['human'], 'applied too late.*--sources'),
        ('test_pipeline', [], r'set test_dataloader\.dataset\.pipeline, val'),
        ('has_audio', False, "'has_audio' is a variable"),
        ('sample.clip_len', 4, r'train_dataloader\.dataset\.pipeline\.1\.'),
        ('lr', 0.1, 'set optim_wrapper.optimizer.lr instead'),
        ('optim_wraper.optimizer.lr', 0.1, "did you mean 'optim_wrapper'"),
        ('+model.neck', 1, "did you mean 'model'"),
        ('Train_cfg.max_epochs', 1, "did you mean 'train_cfg'"),
        ('nonsense', 1, "has no 'nonsense', and nothing would read it$"),
        ('cfg.seed', 1, "has no 'cfg', and nothing would read it"),
        ('model..neck', 1, 'joined by dots'),
        ('launcher', 'pytorch', 'use --launcher'),
        ('data_preprocessor.mean', [1], 'set model.data_preprocessor.mean'),
        ('resume.path', 'a', "resume is False, which has no 'path'"),
        ('train_cfg', 5, 'is a dict, .* such as train_cfg.type'),
        ('custom_hooks.7.x', 1, 'a list of 3: its indices are 0 to 2'),
        ('custom_hooks.-1.x', 1, 'its indices are 0 to 2'),
        ('env_cfg.cudnn_benchmak', True, "did you mean 'cudnn_benchmark'"),
        ('auto_scale_lr.enabled', True, "did you mean 'enable'"),
        ('optim_wrapper.clip_grad.maxnorm', 1, "did you mean 'max_norm'"),
        (
            'optim_wrapper.paramwise_cfg.norm_decay',
            0,
            "did you mean 'norm_decay_mult'",
        ),
        ('default_hooks.loger.interval', 1, "did you mean 'logger'"),
        (
            'train_dataloader.dataset.pipeline.1.clip_length',
            4,
            "does not read 'clip_length'; did you mean 'clip_len'",
        ),
    ],
)
def test_key_that_nothing_reads(key, value, message):
    with pytest.raises(ValueError, match=message) as raised:
        override(read_leaf('gmp'), {key: value})
    assert f'--cfg-options {key}=...' in str(raised.value)


@pytest.mark.parametrize('type_', ['OverridesToyChild', OverridesToyChild])
def test_argument_that_a_base_class_drops(type_):
    def cfg():
        return Config(dict(train_dataloader=dict(dataset=dict(type=type_))))

    for name in ('colour', 'size'):
        override(cfg(), {f'train_dataloader.dataset.{name}': 2})
    with pytest.raises(ValueError, match="did you mean 'colour'"):
        override(cfg(), {'train_dataloader.dataset.color': 2})


def test_folder_of_one_dataset_is_reported(monkeypatch):
    texts = []
    monkeypatch.setattr(
        'mmgmp.utils.overrides.print_log',
        lambda text, **kwargs: texts.append(text),
    )
    one = {'train_dataloader.dataset.data_root': '/clips'}
    override(read_leaf('erm'), one)
    assert texts == [
        '--cfg-options train_dataloader.dataset.data_root=/clips: '
        'test_dataloader.dataset.data_root, val_dataloader.dataset.data_root '
        'is still data/mini_hac'
    ]
    texts.clear()
    keys = [f'{part}.dataset.data_root' for part in PARTS]
    override(read_leaf('erm'), dict.fromkeys(keys, '/clips'))
    assert not texts


def test_imports_are_done():
    cfg = read_leaf('erm')
    with pytest.raises(ImportError, match='absent_module'):
        override(cfg, {'custom_imports.imports': ['absent_module']})
