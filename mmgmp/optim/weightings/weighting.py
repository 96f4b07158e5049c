# Copyright (c) mmgmp authors.
"""Interface and base class of the rules that weight task gradients."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from mmgmp.registry import WEIGHTINGS

# A task counts as absent if its squared norm is at most this fraction of the
# largest one.
ABSENT = 1e-20


class TaskGramian(NamedTuple):
    """Inner products of the task gradients at one modality's encoder.

    Attributes:
        tasks: The T_m tasks that reach the encoder.
        matrix: (T_m, T_m) finite float64 CPU tensor, in the order of
            ``tasks``.
    """

    tasks: tuple[str, ...]
    matrix: Tensor


class Weighting(Protocol):
    """Rule that weights the task gradients at the encoder of each modality.

    The update of an encoder is ``sum_t weights[t] * gradients[t]``. A task
    that does not reach the encoder has no entry in its Gramian and no weight.

    A rule must draw random numbers from torch's CPU generator. The wrapper
    seeds this generator for the call with the seed of the run and the number
    of the update, and restores it afterwards. Therefore all ranks and a
    resumed run draw the same numbers.

    A rule with a state is a :class:`StatefulWeighting`. A rule for certain
    tasks lists them in ``required_tasks``.
    """

    def __call__(
        self, gramians: dict[str, TaskGramian], statistics: dict[str, float]
    ) -> tuple[Mapping[str, Sequence[float]], dict[str, float]]:
        """Compute the weights.

        Args:
            gramians: Modality -> Gramian of its tasks. There may be no tasks.
            statistics: Means over the whole batch of the entries of the loss
                dict.

        Returns:
            Modality -> weights of its tasks, and scalars to log.
        """


@runtime_checkable
class StatefulWeighting(Weighting, Protocol):
    """A weighting whose state is part of a checkpoint."""

    def state_dict(self) -> dict:
        """Return the state, tensors and plain data."""

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the output of :meth:`state_dict`."""


class GramianWeighting(ABC):
    """Base class of rules that use the Gramian of one encoder at a time.

    It logs ``weight/<task>.<modality>``.
    """

    @abstractmethod
    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """Compute the weights at one encoder.

        Args:
            gramian: (T, T) float64, T at least 1, with positive diagonal.
            modality: Modality of the encoder.

        Returns:
            (T,) weights.
        """

    def __call__(
        self, gramians: dict[str, TaskGramian], statistics: dict[str, float]
    ) -> tuple[dict[str, list[float]], dict[str, float]]:
        """See :class:`Weighting`."""
        weights, log = {}, {}
        for modality, (tasks, matrix) in gramians.items():
            found = self.weigh(matrix, modality).tolist() if tasks else []
            weights[modality] = found
            log.update(
                {
                    f'weight/{task}.{modality}': weight
                    for task, weight in zip(tasks, found)
                }
            )
        return weights, log


@WEIGHTINGS.register_module(name='Sum')
class SumWeighting(GramianWeighting):
    """Weights of 1, which minimize the sum of the losses."""

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        return torch.ones(len(gramian), dtype=gramian.dtype)


def build_weighting(cfg: dict) -> Weighting:
    """Build a weighting.

    Args:
        cfg: Config of a weighting.

    Returns:
        The weighting.

    Raises:
        TypeError: ``cfg`` is not a dict.
        ValueError: The type is missing or unknown. The message lists all
            types.
    """
    if not isinstance(cfg, dict):
        raise TypeError(
            "`weighting` must be a dict such as dict(type='MGDA'), got "
            f'{cfg!r}'
        )
    type_ = cfg.get('type')
    known = [*WEIGHTINGS.module_dict]
    for scope, registry in WEIGHTINGS.children.items():
        known += [f'{scope}.{name}' for name in registry.module_dict]
    if type_ is None or (isinstance(type_, str) and type_ not in known):
        raise ValueError(
            f'`type` of `weighting` must be one of {known}, got {type_!r}'
        )
    return WEIGHTINGS.build(cfg)


def present_tasks(tasks: Sequence[str], matrix: Tensor) -> TaskGramian:
    """Select the tasks that reach the encoder.

    A rule could not distinguish the zero gradient of an absent task from one
    that vanished during training. MGDA, for example, would stop the encoder.

    Args:
        tasks: T names.
        matrix: (T, T) finite Gramian.

    Returns:
        The tasks whose squared norm is more than :data:`ABSENT` times the
        largest one; none if all are 0.

    Example:
        >>> present_tasks(['a', 'b'], torch.diag(torch.tensor([4.0, 0.0])))
        TaskGramian(tasks=('a',), matrix=tensor([[4.]]))
    """
    squares = matrix.diagonal()
    kept = torch.nonzero(squares > ABSENT * squares.max()).flatten()
    return TaskGramian(
        tuple(tasks[i] for i in kept.tolist()), matrix[kept][:, kept]
    )
