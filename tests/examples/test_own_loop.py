# Copyright (c) mmgmp authors.
"""A worked example: an optim wrapper in a plain PyTorch loop.

docs/add_a_method.md quotes the function.
"""

import torch

from mmgmp.optim import GMPOptimWrapper
from tests.optim.toy import MODALITIES, TASKS, ToyModel, make_batch, train


def train_in_own_loop(model, batches):
    wrapper = GMPOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        modalities=MODALITIES,
        tasks=TASKS,
    )
    wrapper.initialize_count_status(model, 0, len(batches))  # once
    for batch in batches:
        with wrapper.optim_context(model):
            losses = model(batch['inputs'], mode='loss')
            loss, _ = model.parse_losses(losses)
        wrapper.update_params(loss)  # backward, step and zero_grad
    return wrapper


def test_own_loop_trains_as_the_runner_does():
    batches = [make_batch(seed) for seed in range(3)]
    first, second = ToyModel(), ToyModel()
    train_in_own_loop(first, batches)
    optimizer = torch.optim.SGD(second.parameters(), lr=0.1)
    train(
        second,
        GMPOptimWrapper(optimizer=optimizer, modalities=MODALITIES),
        batches,
    )
    for a, b in zip(first.parameters(), second.parameters()):
        assert torch.equal(a, b)
