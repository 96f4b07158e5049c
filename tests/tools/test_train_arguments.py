# Copyright (c) mmgmp authors.
"""How tools/train.py applies its arguments to the config."""

import argparse
import runpy
from pathlib import Path

import pytest
import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch.optim import SGD

from mmgmp.optim import GMPOptimWrapper, ModalityOptimWrapper
from mmgmp.utils import load_config
from mmgmp.utils.command_line import add_config_options
from mmgmp.utils.setting import read_config
from tests.utils.leaves import leaf_path

MODALITY_WRAPPERS = [
    name
    for name, wrapper in OPTIM_WRAPPERS.module_dict.items()
    if issubclass(wrapper, ModalityOptimWrapper)
]
TOOLS = Path(__file__).parents[2] / 'tools'
TOOL = runpy.run_path(str(TOOLS / 'train.py'))


def merge(cfg, **kwargs):
    args = dict(
        no_validate=False,
        amp=False,
        resume=None,
        auto_scale_lr=False,
        seed=None,
    )
    TOOL['merge_args'](cfg, argparse.Namespace(**dict(args, **kwargs)))
    return cfg


@pytest.mark.parametrize('type_', ['OptimWrapper', 'AmpOptimWrapper'])
def test_amp_of_a_stock_wrapper_is_its_variant(type_, monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cuda')
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper')


@pytest.mark.parametrize('type_', MODALITY_WRAPPERS)
def test_amp_is_an_argument_of_our_wrappers(type_):
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper == dict(type=type_, amp=True)
    chosen = dict(type=type_, amp=dict(dtype='bfloat16'))
    cfg = merge(Config(dict(optim_wrapper=chosen)), amp=True)
    assert cfg.optim_wrapper == chosen


@pytest.mark.parametrize(
    'type_',
    [
        GMPOptimWrapper,
        'mmgmp.optim.GMPOptimWrapper',
        'mmaction.GMPOptimWrapper',
    ],
)
def test_amp_of_a_type_that_is_no_plain_name(type_):
    cfg = Config(dict(optim_wrapper=dict(type=type_)))
    assert merge(cfg, amp=True).optim_wrapper.amp is True
    assert cfg.optim_wrapper.type == type_


@pytest.mark.parametrize('type_', [OptimWrapper, AmpOptimWrapper])
def test_amp_of_a_stock_class(type_, monkeypatch):
    monkeypatch.setattr('mmengine.device.get_device', lambda: 'cuda')
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper.type in ('AmpOptimWrapper', AmpOptimWrapper)


def test_pure_python_config_trains_with_amp(tmp_path):
    text = read_config(leaf_path('gmp'), {}, exact=True).pretty_text
    text = text.replace("type='GMPOptimWrapper'", 'type=GMPOptimWrapper')
    path = tmp_path / 'lazy.py'
    path.write_text(f'from mmgmp.optim import GMPOptimWrapper\n{text}')
    cfg = merge(read_config(path, {}), amp=True)
    wrapper = dict(cfg.optim_wrapper, optimizer=SGD([torch.zeros(1)], lr=1.0))
    assert OPTIM_WRAPPERS.build(wrapper).precision.enabled
    with pytest.raises(ValueError, match='--dataset .* has no effect'):
        read_config(path, dict(dataset='hac'))


def test_amp_of_an_unknown_wrapper():
    cfg = Config(dict(optim_wrapper=dict(type='mmgmp.GMPOptimWraper')))
    with pytest.raises(ValueError, match='--amp: there is no .*GMPOptimWrap'):
        merge(cfg, amp=True)
    with pytest.raises(ValueError, match='--amp: the config has no'):
        merge(Config({}), amp=True)


@pytest.mark.parametrize('seed', [-1, 2**32])
def test_seed_out_of_range(seed, monkeypatch, capsys):
    argv = ['train.py', str(leaf_path('gmp')), '--seed', str(seed)]
    monkeypatch.setattr('sys.argv', argv)
    with pytest.raises(SystemExit):
        TOOL['parse_args']()
    assert '--seed must be from 0' in capsys.readouterr().err


@pytest.mark.parametrize('option', ['model', '=1', 'a=[1,2'])
def test_option_without_key_and_value(option, monkeypatch, capsys):
    argv = ['train.py', str(leaf_path('gmp')), '--cfg-options', option]
    monkeypatch.setattr('sys.argv', argv)
    with pytest.raises(SystemExit) as stopped:
        TOOL['parse_args']()
    assert stopped.value.code == 2
    assert '--cfg-options' in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['data_root=/my/clips'], 'set test_dataloader.dataset.data_root'),
        (['train_cfg.max_epochs=1'], '`train_cfg.val_begin` is 4, after'),
        (['model.type=MultimodalRecogniser'], "mean 'MultimodalRecognizer'"),
        (['model.objective.x=1'], "did you mean 'objectives'?"),
    ],
)
def test_mistake_in_the_options_is_one_line(
    options, message, run_tool, capsys, tmp_path
):
    with pytest.raises(SystemExit) as stopped:
        run_tool(
            TOOLS / 'train.py',
            leaf_path('gmp'),
            '--work-dir',
            tmp_path,
            '--cfg-options',
            *options,
        )
    assert stopped.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith('train.py: error: ') and message in error


def test_amp_without_a_variant_is_an_error():
    cfg = Config(dict(optim_wrapper=dict(type='ApexOptimWrapper')))
    with pytest.raises(ValueError, match="'ApexOptimWrapper' has no mixed"):
        merge(cfg, amp=True)


def test_seed_replaces_that_of_the_config():
    cfg = Config(dict(randomness=dict(seed=0, deterministic=False)))
    assert merge(cfg, seed=3).randomness == dict(seed=3, deterministic=False)
    assert merge(Config({}), seed=3).randomness.seed == 3


def test_resume_from_a_path_and_from_the_latest():
    assert merge(Config({}), resume='a.pth').load_from == 'a.pth'
    cfg = merge(Config(dict(load_from='b.pth')), resume='auto')
    assert (cfg.resume, cfg.load_from) == (True, None)


def test_auto_scale_lr_without_a_base_is_an_error():
    with pytest.raises(ValueError, match='base_batch_size'):
        merge(Config({}), auto_scale_lr=True)


def test_user_mistake_is_one_line(monkeypatch, capsys):
    config = str(leaf_path('gmp'))
    for flags, message in (
        (['--target', 'dog'], "must be one of ['human', 'animal', 'cartoon']"),
        (['--dataset', 'hack'], "['epic_kitchens', 'hac', 'mini_hac']"),
        (['--modalities', 'video-smell'], "['video', 'audio']"),
        (['--sources', 'human-dog'], "['human', 'animal', 'cartoon']"),
    ):
        monkeypatch.setattr('sys.argv', ['train.py', config, *flags])
        with pytest.raises(SystemExit) as stopped:
            TOOL['main']()
        assert stopped.value.code == 2
        error = capsys.readouterr().err.strip()
        assert error.startswith(f'train.py: error: {flags[0]} (MMGMP_')
        assert message in error and '\n' not in error


@pytest.mark.parametrize(
    ('name', 'option'), [('test.py', []), ('train.py', ['--resume'])]
)
def test_missing_checkpoint_is_one_line(run_tool, capsys, name, option):
    with pytest.raises(SystemExit) as stopped:
        run_tool(TOOLS / name, leaf_path('gmp'), *option, 'absent.pth')
    assert stopped.value.code == 2
    message = f'{name}: error: checkpoint absent.pth does not exist'
    assert capsys.readouterr().err.strip() == message


def test_stock_wrapper_has_no_mixed_precision_on_cpu():
    with pytest.raises(ValueError, match="--amp: MMEngine's AmpOptimWrapper"):
        merge(Config(dict(optim_wrapper=dict(type='OptimWrapper'))), amp=True)


@pytest.mark.parametrize('key', ['target', 'corrupted'])
def test_option_that_would_change_nothing(key, monkeypatch, capsys):
    options = ['--cfg-options', f'{key}=human']
    argv = ['train.py', str(leaf_path('gmp')), *options]
    monkeypatch.setattr('sys.argv', argv)
    with pytest.raises(SystemExit):
        TOOL['main']()
    error = capsys.readouterr().err.splitlines()[-1]
    assert f'--cfg-options {key}=... is applied too late' in error


def test_flag_switches_a_variable_off(monkeypatch):
    monkeypatch.setenv('MMGMP_CORRUPTED', 'true')
    for flags, corrupted in (([], True), (['--no-corrupted'], False)):
        argv = ['train.py', str(leaf_path('gmp')), *flags]
        monkeypatch.setattr('sys.argv', argv)
        assert load_config(TOOL['parse_args']()).corrupted is corrupted


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        (
            "[{'type': 'A', 'k': [1, 2]}, {'type': 'B'}]",
            [dict(type='A', k=[1, 2]), dict(type='B')],
        ),
        ("{'a': None}", dict(a=None)),
        ('[1,2]', [1, 2]),
        ('1e-3', 0.001),
        ('{{name}}', '{{name}}'),
    ],
)
def test_dicts_among_the_options(text, value):
    parser = argparse.ArgumentParser()
    add_config_options(parser)
    args = parser.parse_args(['--cfg-options', f'x.y={text}'])
    assert args.cfg_options == {'x.y': value}
