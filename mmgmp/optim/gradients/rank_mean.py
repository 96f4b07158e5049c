# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from torch import Tensor

from .task_gradients import Gradients


def statistics_over_ranks(statistics: dict[str, Tensor]) -> None:
    """Replace each statistic by its mean over the ranks, in place.

    Args:
        statistics: Name -> scalar; the same names on all ranks.
    """
    if get_world_size() == 1:
        return
    names = sorted(statistics)
    means = torch.stack([statistics[name].double() for name in names])
    all_reduce(means, op='mean')
    statistics.update(zip(names, means))


class StatisticsMean:
    """Means of named scalars over micro-batches and ranks."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, statistics: dict[str, Tensor]) -> None:
        """Take the statistics of one micro-batch.

        Args:
            statistics: Name -> scalar batch mean; the same names each time.
        """
        self._count += 1
        for name, value in statistics.items():
            self._sums[name] = self._sums.get(name, 0) + value

    def pop(self) -> dict[str, Tensor]:
        """Name -> mean of all that was added since the last time."""
        sums, count = self._sums, self._count
        self._reset()
        statistics_over_ranks(sums)
        return {name: value / count for name, value in sums.items()}


def gradients_over_ranks(
    gradients: Gradients, params: Sequence[Tensor]
) -> Gradients:
    """Average gradients over the ranks in one flat reduction.

    A parameter that this rank's batch did not touch still has a part in the
    mean: None becomes zero where any rank has a gradient.

    Args:
        gradients: Gradient of each parameter, changed in place.
        params: The parameters, in the same order on all ranks.

    Returns:
        The means; None where no rank has a gradient.
    """
    if get_world_size() == 1:
        return gradients
    present = torch.tensor(
        [g is not None for g in gradients],
        dtype=torch.uint8,
        device=params[0].device,
    )
    all_reduce(present, op='max')
    gradients = [
        torch.zeros_like(param) if gradient is None and somewhere else gradient
        for gradient, param, somewhere in zip(
            gradients, params, present.tolist()
        )
    ]
    all_reduce_params([g for g in gradients if g is not None], op='mean')
    return gradients
