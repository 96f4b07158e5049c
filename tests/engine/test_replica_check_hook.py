# Copyright (c) mmgmp authors.
"""Diverging ranks stop with the name of the parameter."""

from types import SimpleNamespace

import pytest
import torch

from mmgmp.engine import ReplicaCheckHook
from mmgmp.engine.hooks.replica_check_hook import checksums
from tests.utils.ranks import run_ranks


def test_checksum_sees_a_single_bit():
    weight = torch.ones(3, 5)
    other = weight.clone()
    other[2, 4] = torch.nextafter(other[2, 4], torch.tensor(2.0))
    zero, minus_zero = torch.zeros(2), -torch.zeros(2)
    sums = checksums([weight, other, zero, minus_zero])
    assert sums[0] != sums[1]
    assert sums[2] != sums[3]
    # 1.0 is 0x3f800000.
    assert sums[0] == 15 * 0x3F800000


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float64, torch.int8])
def test_checksum_of_any_element_size(dtype):
    weight = torch.arange(6).reshape(2, 3).to(dtype)
    sums = checksums([weight, weight.T, weight + 1, weight[0, 0]])
    assert sums[0] == sums[1] != sums[2]
    assert sums.dtype == torch.int64


def test_interval_out_of_range_is_named():
    with pytest.raises(ValueError, match='`interval`.*0'):
        ReplicaCheckHook(interval=0)


def make_runner(iteration=0):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    return SimpleNamespace(model=model, iter=iteration)


def run_rank(rank):
    hook = ReplicaCheckHook(interval=5)
    runner = make_runner(iteration=4)
    hook.after_train_iter(runner, 0)
    with torch.no_grad():
        runner.model[1].weight[0, 0] += 1e-7 * rank
    runner.iter = 5
    hook.after_train_iter(runner, 0)  # no check between the intervals
    runner.iter = 9
    try:
        hook.after_train_iter(runner, 0)
    except RuntimeError as error:
        return str(error)
    return ''


def test_ranks_that_differ_all_raise(tmp_path):
    for message in run_ranks(run_rank, tmp_path):
        assert 'after iteration 10' in message
        assert "in 1 of 4 parameters, first in '1.weight'" in message


def run_rank_with_a_new_layer(rank):
    runner = make_runner()
    if rank == 1:
        runner.model.append(torch.nn.Linear(1, 1, bias=False))
    try:
        ReplicaCheckHook(interval=1).after_train_iter(runner, 0)
    except RuntimeError as error:
        return str(error)
    return ''


def test_parameter_of_one_rank_is_named_on_all(tmp_path):
    for message in run_ranks(run_rank_with_a_new_layer, tmp_path):
        assert 'parameters of the model' in message
        assert "'2.weight' is not on rank 0" in message


def test_single_process_is_left_alone():
    ReplicaCheckHook(interval=1).after_train_iter(make_runner(), 0)
