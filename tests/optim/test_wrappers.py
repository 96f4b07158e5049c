# Copyright (c) mmgmp authors.
"""What all wrappers of modalities have in common, one line for each."""

import pytest
from mmaction.registry import OPTIM_WRAPPERS

from mmgmp.optim import ModalityOptimWrapper
from tests.examples.test_one_backward_wrapper import SlowDownStronger

from .assertions import assert_valid_wrapper
from .test_gradient_scaling_optim_wrapper import NoisyScaling

SUM = dict(weighting=dict(type='Sum'))
NO_GMP = dict(alpha_k=0, alpha_p=0, projection='none')
FEATURE = dict(granularity='feature')

# The arguments of a wrapper, and those with which it does nothing.
CASES = {
    'GMPOptimWrapper': ({}, NO_GMP),
    'GMPOptimWrapper-feature': (FEATURE, NO_GMP),
    'TaskGradientOptimWrapper': (dict(weighting=dict(type='PCGrad')), SUM),
    'TaskGradientOptimWrapper-feature': (
        dict(weighting=dict(type='MGDA'), **FEATURE),
        SUM,
    ),
    'TaskGradientOptimWrapper-state': (
        dict(weighting=dict(type='torchjd.PCD')),
        SUM,
    ),
    'TaskGradientOptimWrapper-random': (
        dict(weighting=dict(type='torchjd.Random')),
        SUM,
    ),
    SlowDownStronger.__name__: ({}, dict(alpha=0)),
    NoisyScaling.__name__: (dict(noise=0.1), dict(noise=0)),
}


@pytest.mark.parametrize('case', CASES)
def test_wrapper_is_valid(case, tmp_path):
    type_, _, variant = case.partition('-')
    kwargs, neutral = CASES[case]
    assert_valid_wrapper(
        dict(type=type_, **kwargs),
        neutral,
        tmp_path,
        accumulates=variant != 'feature',
    )


def test_each_registered_wrapper_is_checked():
    registered = {
        name
        for name, cls in OPTIM_WRAPPERS.module_dict.items()
        if issubclass(cls, ModalityOptimWrapper)
        and not cls.__module__.startswith('tests.')
    }
    assert registered <= {case.partition('-')[0] for case in CASES}
