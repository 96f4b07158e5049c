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
