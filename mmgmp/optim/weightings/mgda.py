# Copyright (c) mmgmp authors.
from torch import Tensor

from mmgmp.registry import WEIGHTINGS
from mmgmp.utils.min_norm import MAX_BLOCKS, min_norm_weights

from .weighting import GramianWeighting


@WEIGHTINGS.register_module(name='MGDA')
class MGDAWeighting(GramianWeighting):
    r"""Shortest convex combination of the task gradients.

    The multiple-gradient descent algorithm, as in `Multi-Task Learning as
    Multi-Objective Optimization <https://arxiv.org/abs/1810.04650>`_:
    :math:`\arg\min_w w' G w` over the simplex, solved exactly. The norm of
    the combination is not restored, so conflicting tasks slow the encoder
    down.

    ``granularity='feature'`` gives MGDA-UB.
    """

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`.

        Raises:
            ValueError: There are more than 5 tasks.
        """
        if len(gramian) > MAX_BLOCKS:
            raise ValueError(
                f"type='MGDA' tries all subsets of the tasks, which is "
                f'feasible for at most {MAX_BLOCKS} tasks, got {len(gramian)} '
                f"at {modality!r}; merge some in `tasks` or use 'torchjd.MGDA'"
            )
        return min_norm_weights(gramian)
