# Copyright (c) mmgmp authors.
"""How tools/train.py applies its arguments to the config."""

import argparse
import runpy
from pathlib import Path

import pytest
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.config import Config

from mmgmp.optim import ModalityOptimWrapper
from mmgmp.utils import load_config
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
    function = TOOL['use_mixed_precision']
    monkeypatch.setitem(function.__globals__, 'get_device', lambda: 'cuda')
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper == dict(type='AmpOptimWrapper')


@pytest.mark.parametrize('type_', MODALITY_WRAPPERS)
def test_amp_is_an_argument_of_our_wrappers(type_):
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper == dict(type=type_, amp=True)
    chosen = dict(type=type_, amp=dict(dtype='bfloat16'))
    cfg = merge(Config(dict(optim_wrapper=chosen)), amp=True)
    assert cfg.optim_wrapper == chosen


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
