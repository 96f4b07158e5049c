# Copyright (c) mmgmp authors.
"""Properties of optim wrappers, checked by a line in ``test_wrappers.py``."""

import math
from itertools import product

import torch
from mmaction.registry import OPTIM_WRAPPERS
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper

from tests.utils.ranks import run_ranks

from .toy import (
    MODALITIES,
    ToyModel,
    flat_weights,
    make_batch,
    split_batch,
    train,
)
from .weighting_checks import reload


class PoisonedModel(ToyModel):
    """A model with one loss that can be multiplied by a number."""

    poison = 1.0
    poisoned = 'loss_domain'

    def forward(self, *args, **kwargs):
        losses = super().forward(*args, **kwargs)
        losses[self.poisoned] = losses[self.poisoned] * self.poison
        return losses


def build_wrapper(model, cfg, seed=0):
    """Wrapper with momentum, so that each step affects the next ones."""
    MessageHub.get_current_instance().update_info('seed', seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    cls = cfg['type']
    if isinstance(cls, str):
        cls = OPTIM_WRAPPERS.get(cls)
    kwargs = {key: value for key, value in cfg.items() if key != 'type'}
    if 'clip_grad' in kwargs:
        kwargs['clip_grad'] = dict(kwargs['clip_grad'])
    if cls is not OptimWrapper:
        kwargs['modalities'] = MODALITIES
    return cls(optimizer=optimizer, **kwargs)


def trained(cfg, batches, model=None):
    """Flat weights after training on the batches."""
    model = model or ToyModel()
    return train(model, build_wrapper(model, cfg), batches)


def assert_neutral(cfg):
    """With neutral arguments, it trains like the stock wrapper."""
    batches = [make_batch(seed) for seed in range(6)]
    for stock in (
        {},
        dict(accumulative_counts=2),
        dict(clip_grad=dict(max_norm=0.1)),
    ):
        expected = trained(dict(type='OptimWrapper', **stock), batches)
        found = trained(dict(cfg, **stock), batches)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def assert_changes_something(cfg):
    """Without neutral arguments, it differs from the stock wrapper."""
    batches = [make_batch(seed) for seed in range(6)]
    expected = trained(dict(type='OptimWrapper'), batches)
    assert not torch.allclose(trained(cfg, batches), expected, atol=1e-4)


def assert_accumulates(cfg):
    """Micro-batches give the update of the whole batch."""
    batches = [make_batch(seed) for seed in range(6)]
    expected = trained(cfg, batches)
    for parts in (2, 4):
        pieces = [p for batch in batches for p in split_batch(batch, parts)]
        found = trained(dict(cfg, accumulative_counts=parts), pieces)
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def train_rank(rank, world, cfg, model_type):
    """Train in DDP on one rank's part of the batches, with its own seed."""
    torch.manual_seed(rank)
    model = model_type()
    ddp = MMDistributedDataParallel(model, broadcast_buffers=False)
    batches = [split_batch(make_batch(s), world)[rank] for s in range(6)]
    return train(ddp, build_wrapper(model, cfg, seed=rank), batches)


def train_ranks(cfg, folder, model_type=ToyModel, world=2):
    """Flat weights of each rank."""
    # A class, so that unpickling imports the module that registers it.
    by_class = dict(cfg, type=OPTIM_WRAPPERS.get(cfg['type']))
    args = (world, by_class, model_type)
    return run_ranks(train_rank, folder, *args, world=world)


def assert_ranks_agree(cfg, folder, model_type=ToyModel):
    """Gloo ranks have the weights of one process on all data."""
    first, second = train_ranks(cfg, folder, model_type)
    assert torch.equal(first, second)
    batches = [make_batch(seed) for seed in range(6)]
    expected = trained(cfg, batches, model_type())
    torch.testing.assert_close(first, expected, rtol=1e-6, atol=1e-6)


def assert_skips_non_finite(cfg):
    """A loss that is not finite changes no weight, and is counted."""
    for amp, key in product((False, True), ('loss_cls', 'loss_domain')):
        model = PoisonedModel()
        model.poisoned = key
        wrapper = build_wrapper(model, dict(cfg, amp=amp))
        before = train(model, wrapper, [make_batch(0)])
        for count, value in enumerate((math.nan, math.inf), 1):
            model.poison = value
            after = train(model, wrapper, [make_batch(1)])
            assert torch.equal(after, before)
            assert wrapper.skipped_steps == count
        model.poison = 1.0
        after = train(model, wrapper, [make_batch(2)])
        assert after.isfinite().all() and not torch.equal(after, before)
        assert wrapper.skipped_steps == 2


def assert_resumes(cfg):
    """A new wrapper continues bit for bit from a loaded state."""
    batches = [make_batch(seed) for seed in range(6)]
    expected = trained(cfg, batches)
    model = ToyModel()
    wrapper = build_wrapper(model, cfg)
    train(model, wrapper, batches[:3])
    wrapper.skipped_steps = 2
    resumed = ToyModel(seed=1)
    resumed.load_state_dict(model.state_dict())
    other = build_wrapper(resumed, cfg)
    other.load_state_dict(reload(wrapper.state_dict()))
    assert other.skipped_steps == 2
    assert torch.equal(train(resumed, other, batches[3:], 3), expected)
    stock = build_wrapper(model, dict(type='OptimWrapper'))
    train(model, stock, batches[:1])
    other.load_state_dict(stock.state_dict())
    assert other.skipped_steps == 0
    assert other.optimizer.state_dict()['state']


def assert_mixed_precision(neutral):
    """bfloat16 on CPU is close to float32, and not float32."""
    batches = [make_batch(seed, size=32) for seed in range(5)]
    exact = trained(neutral, batches)
    rounded = trained(dict(neutral, amp=dict(dtype='bfloat16')), batches)
    assert not torch.equal(rounded, exact)
    moved = exact - flat_weights(ToyModel())
    assert (rounded - exact).norm() < 0.02 * moved.norm()


def assert_leaves_generators_alone(cfg):
    """Training draws nothing from the global generators."""
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    trained(cfg, [make_batch(0)])
    assert torch.equal(torch.rand(2), expected)


def assert_valid_wrapper(cfg, neutral, folder, accumulates=True):
    """Check a subclass of :class:`mmgmp.optim.ModalityOptimWrapper`.

    Args:
        cfg: Config of the wrapper, for a :class:`ToyModel`.
        neutral: Arguments with which it trains as the stock wrapper.
        folder: An empty folder.
        accumulates: Whether micro-batches give the update of the batch.
    """
    neutral = dict(cfg, **neutral)
    assert_neutral(neutral)
    assert_changes_something(cfg)
    assert_accumulates(cfg if accumulates else neutral)
    assert_ranks_agree(cfg, folder)
    assert_skips_non_finite(cfg)
    assert_resumes(cfg)
    assert_mixed_precision(neutral)
    assert_leaves_generators_alone(cfg)
