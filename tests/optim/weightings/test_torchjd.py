# Copyright (c) mmgmp authors.
"""Weightings of TorchJD by name."""

import inspect
import sys

import pytest
import torch
from torchjd import aggregation
from torchjd.aggregation import Weighting

from mmgmp.optim.weightings.torchjd import NAMES
from mmgmp.registry import WEIGHTINGS

from ..weighting_checks import random_gramian
from .test_weightings import weigh

# They take a matrix of gradients, or several batches.
NO_GRAMIAN = {'ExcessMTL', 'MoDo', 'SDMGrad'}


def test_all_weightings_of_a_gramian_have_a_name():
    found = {
        name.removesuffix('Weighting')
        for name, cls in vars(aggregation).items()
        if inspect.isclass(cls)
        and issubclass(cls, Weighting)
        and cls is not Weighting
    }
    assert found == {*NAMES} | NO_GRAMIAN


@pytest.mark.parametrize('name', ['MGDA', 'PCGrad', 'IMTLG', 'AlignedMTL'])
def test_weights_are_those_of_torchjd(name):
    gramian = random_gramian(2, seed=3)
    expected = getattr(aggregation, f'{name}Weighting')()(gramian)
    assert weigh(f'torchjd.{name}', gramian) == expected.tolist()


@pytest.mark.parametrize('name', ['UPGrad', 'DualProj'])
def test_dual_cone_needs_no_solver(name):
    gramian = random_gramian(4, seed=1)
    assert weigh(f'torchjd.{name}', gramian) == weigh(name, gramian)
    assert weigh(
        f'torchjd.{name}', gramian, pref_vector=[0.25] * 4
    ) == pytest.approx(weigh(name, gramian))


def test_list_is_a_vector():
    found = weigh('torchjd.Constant', torch.eye(2), weights=[0.5, 3])
    assert found == [0.5, 3]


def test_modalities_have_states_of_their_own():
    weighting = WEIGHTINGS.build(dict(type='torchjd.PCD'))
    grams = [random_gramian(2, seed=seed) for seed in range(4)]
    both = [
        (weighting.weigh(g, 'video'), weighting.weigh(h, 'audio'))
        for g, h in zip(grams, grams[::-1])
    ]
    alone = WEIGHTINGS.build(dict(type='torchjd.PCD'))
    expected = [alone.weigh(g, 'video') for g in grams]
    assert all(torch.equal(v, e) for (v, _), e in zip(both, expected))
    assert weighting.state_dict().keys() == {'video', 'audio'}


def test_state_is_not_lost_when_it_is_restored():
    for type_, kwargs in (
        ('torchjd.PCD', {}),
        ('torchjd.GradVac', {}),
        ('torchjd.CRMOGM', dict(weighting=dict(type='torchjd.PCD'))),
    ):
        weighting = WEIGHTINGS.build(dict(type=type_, **kwargs))
        for seed in range(3):
            weighting.weigh(random_gramian(2, seed=seed), 'video')
        other = WEIGHTINGS.build(dict(type=type_, **kwargs))
        fresh = WEIGHTINGS.build(dict(type=type_, **kwargs))
        other.load_state_dict(weighting.state_dict())
        gramian = random_gramian(2, seed=9)
        expected = weighting.weigh(gramian, 'video')
        assert torch.equal(other.weigh(gramian, 'video'), expected), type_
        assert not torch.equal(fresh.weigh(gramian, 'video'), expected), type_


def test_wrong_arguments_are_told_at_once():
    with pytest.raises(ValueError, match='beta'):
        WEIGHTINGS.build(dict(type='torchjd.GradVac', beta=2.0))
    with pytest.raises(KeyError, match='Nothing'):
        WEIGHTINGS.build(dict(type='torchjd.Nothing'))


def test_without_torchjd_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'torchjd', None)
    with pytest.raises(ImportError, match=r'pip install .mmgmp\[torchjd\]'):
        WEIGHTINGS.build(dict(type='torchjd.MGDA'))
