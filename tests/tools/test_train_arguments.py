# Copyright (c) mmgmp authors.
"""What tools/train.py makes of its arguments."""

import argparse
import runpy
from pathlib import Path

import pytest
from mmengine.config import Config

TOOL = runpy.run_path(str(Path(__file__).parents[2] / 'tools/train.py'))


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


@pytest.mark.parametrize(
    'type_', ['OptimWrapper', 'GMPOptimWrapper', 'AmpGMPOptimWrapper']
)
def test_amp_takes_the_mixed_precision_variant(type_):
    cfg = merge(Config(dict(optim_wrapper=dict(type=type_))), amp=True)
    assert cfg.optim_wrapper.type == 'Amp' + type_.removeprefix('Amp')


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
