# Copyright (c) mmgmp authors.
"""What a rule that weighs task gradients is given and what it gives."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

# A task counts as absent where its squared norm is at most this share of the
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
    """Weighs the task gradients at each modality's encoder.

    The update of an encoder is ``sum_t weights[t] * gradients[t]``. A task
    that does not reach it is not in its Gramian and has no weight.

    A rule that draws random numbers takes them from torch's CPU generator:
    the wrapper seeds it for the call, by the seed of the run and the number of
    the update, and restores it. So ranks agree and a resumed run continues.

    A rule with a state has ``state_dict`` and ``load_state_dict`` too, and one
    that weighs certain tasks names them in ``required_tasks``.
    """

    def __call__(
        self, gramians: dict[str, TaskGramian], statistics: dict[str, float]
    ) -> tuple[dict[str, Sequence[float]], dict[str, float]]:
        """Weigh the tasks.

        Args:
            gramians: Modality -> Gramian of its tasks, which may be none.
            statistics: Means over the whole batch of the entries of the loss
                dict.

        Returns:
            Modality -> weights of its tasks, and scalars to log.
        """


class GramianWeighting(ABC):
    """A rule that looks at one encoder's Gramian at a time.

    Logs ``weight/<task>.<modality>``.
    """

    @abstractmethod
    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """Weigh the tasks at one encoder.

        Args:
            gramian: (T, T) float64, T at least 1, with positive diagonal.
            modality: Whose encoder it is.

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


def present_tasks(tasks: Sequence[str], matrix: Tensor) -> TaskGramian:
    """Leave out the tasks that do not reach the encoder.

    A rule would take the zero gradient of such a task for one that vanished
    by training: that of MGDA stops the encoder.

    Args:
        tasks: T names.
        matrix: (T, T) finite Gramian.

    Returns:
        The tasks whose squared norm is more than :data:`ABSENT` times the
        largest one; none if all are 0.
    """
    squares = matrix.diagonal()
    kept = torch.nonzero(squares > ABSENT * squares.max()).flatten()
    return TaskGramian(
        tuple(tasks[i] for i in kept.tolist()), matrix[kept][:, kept]
    )
