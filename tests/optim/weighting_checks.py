# Copyright (c) mmgmp authors.
"""Properties of weightings, checked by a line in ``test_weightings.py``."""

import io

import pytest
import torch

from mmgmp.optim import TaskGramian
from mmgmp.registry import WEIGHTINGS

from .toy import MODALITIES

TASKS = ('semantic', 'domain', 'plain', 'more')


def random_gramian(size, rank=6, seed=0):
    """Gramian of gradients of different norms, some of them in conflict."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(size, rank, generator=generator, dtype=torch.float64)
    rows *= 10 ** torch.randn(size, 1, generator=generator, dtype=rows.dtype)
    return rows @ rows.T


def conflicting_gramian():
    """Gramian of two tasks; the plain sum conflicts with the first."""
    return torch.tensor([[1.0, -1.5], [-1.5, 4.0]], dtype=torch.float64)


def reload(state):
    """Save and load a state as in a checkpoint."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


class WeightingCheck:
    """The properties of one weighting.

    Args:
        cfg: Config of the weighting.
        statistics: Means of the loss dict's entries.
        sizes: Numbers of tasks that it is for.
    """

    def __init__(self, cfg, statistics, sizes):
        self.cfg = cfg
        self.statistics = statistics
        self.sizes = sizes

    def weigh(self, gramian, tasks=TASKS, weighting=None):
        """Weights of one encoder, from a fixed state of the generator."""
        weighting = weighting or WEIGHTINGS.build(self.cfg)
        torch.manual_seed(7)
        tasks = tasks[: len(gramian)]
        before = gramian.clone()
        gramians = {m: TaskGramian(tasks, gramian) for m in MODALITIES}
        weights, log = weighting(gramians, self.statistics)
        assert torch.equal(gramian, before)
        assert weights.keys() == MODALITIES.keys()
        for key, value in log.items():
            assert key.rpartition('.')[2] in MODALITIES, key
            assert isinstance(value, float), key
        found = torch.tensor(weights['video'], dtype=torch.float64)
        assert found.shape == (len(gramian),)
        assert found.isfinite().all()
        return found

    def gramians(self):
        """Gramians of all sizes: full rank, dependent, and in conflict."""
        for size in self.sizes:
            for seed in range(6):
                yield random_gramian(size, seed=seed)
            yield random_gramian(size, rank=1)
            yield torch.ones(size, size, dtype=torch.float64)
        if 2 in self.sizes:
            yield conflicting_gramian()
            yield torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).double()

    def finite(self):
        """Weights are finite and reproducible, and empty without tasks."""
        for gramian in self.gramians():
            assert torch.equal(self.weigh(gramian), self.weigh(gramian))
        empty = TaskGramian((), torch.zeros(0, 0, dtype=torch.float64))
        weights, _ = WEIGHTINGS.build(self.cfg)(
            dict.fromkeys(MODALITIES, empty), self.statistics
        )
        assert all(len(found) == 0 for found in weights.values())

    def scale(self):
        """Weights do not depend on the scale of the losses."""
        for size in self.sizes:
            for factor in (1e-8, 65536.0**2):
                gramian = random_gramian(size)
                torch.testing.assert_close(
                    self.weigh(factor * gramian),
                    self.weigh(gramian),
                    rtol=1e-4,
                    atol=1e-6,
                )

    def order(self):
        """Weights do not depend on the order of the tasks."""
        for size in self.sizes:
            for seed in range(6):
                gramian = random_gramian(size, seed=seed)
                order = torch.randperm(size).tolist()
                torch.testing.assert_close(
                    self.weigh(
                        gramian[order][:, order],
                        tuple(TASKS[i] for i in order),
                    ),
                    self.weigh(gramian)[order],
                    rtol=1e-6,
                    atol=1e-9,
                )

    def single(self):
        """A single task keeps its gradient."""
        for square in (1e-6, 1.0, 1e6):
            gramian = torch.tensor([[square]], dtype=torch.float64)
            assert self.weigh(gramian).tolist() == pytest.approx([1.0])

    def duplicates(self):
        """Two tasks with the same gradient have the same weight."""
        first, second = self.weigh(torch.ones(2, 2, dtype=torch.float64))
        assert first.item() == pytest.approx(second.item(), rel=1e-6)

    def conflict(self):
        """No task gets worse even if the plain sum conflicts with one."""
        gramian = conflicting_gramian()
        assert (gramian @ self.weigh(gramian) >= -1e-5).all()

    def state(self):
        """A restored weighting continues identically."""
        size = self.sizes[-1]
        gramians = [random_gramian(size, seed=seed) for seed in range(6)]
        whole, first = (WEIGHTINGS.build(self.cfg) for _ in range(2))
        expected = [self.weigh(g, weighting=whole) for g in gramians]
        for gramian in gramians[:3]:
            self.weigh(gramian, weighting=first)
        second = WEIGHTINGS.build(self.cfg)
        if hasattr(first, 'state_dict'):
            second.load_state_dict(reload(first.state_dict()))
        found = [self.weigh(g, weighting=second) for g in gramians[3:]]
        assert all(map(torch.equal, found, expected[3:]))


# Property -> the number of tasks that it needs.
PROPERTIES = dict(
    finite=None,
    scale=None,
    order=None,
    single=1,
    duplicates=2,
    conflict=2,
    state=None,
)


def assert_valid_weighting(cfg, statistics=None, sizes=(1, 2, 3, 4), lacks=()):
    """Check a weighting.

    Args:
        cfg: Config of the weighting.
        statistics: Means of the entries of the loss dict.
        sizes: Supported numbers of tasks.
        lacks: Properties that it does not have. This is checked too.
    """
    check = WeightingCheck(cfg, statistics or {}, sizes)
    names = [n for n, s in PROPERTIES.items() if s is None or s in sizes]
    assert {*lacks} <= {*names}
    for name in names:
        if name in lacks:
            with pytest.raises(AssertionError):
                getattr(check, name)()
        else:
            getattr(check, name)()
