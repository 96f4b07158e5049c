# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from .fusion import Fusion, fill_absent


@MODELS.register_module()
class ConcatFusion(Fusion):
    """Concatenate the features of all modalities.

    Args:
        in_channels: Modality -> width D_m of its features. The order is that
            of the concatenation.
        eval_order: Order of the concatenation in eval mode, which hands the
            classifier permuted columns: a defect of the released code of
            `GMP <https://arxiv.org/abs/2603.14175>`_, to reproduce its
            results. None is the order of ``in_channels``.

    Raises:
        ValueError: ``eval_order`` is no permutation of the modalities.
    """

    def __init__(
        self,
        in_channels: dict[str, int],
        eval_order: Sequence[str] | None = None,
    ) -> None:
        super().__init__(in_channels)
        if eval_order is None:
            eval_order = list(in_channels)
        if sorted(eval_order) != sorted(in_channels):
            raise ValueError(
                '`eval_order` must name each of the modalities '
                f'{list(in_channels)} once, got {eval_order}'
            )
        self.eval_order = list(eval_order)
        self.out_channels = sum(in_channels.values())

    @property
    def spans(self) -> dict[str, slice]:
        """Modality -> columns of its features in the output in training."""
        spans, start = {}, 0
        for modality, width in self.in_channels.items():
            spans[modality] = slice(start, start + width)
            start += width
        return spans

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Fuse.

        Args:
            features: Modality -> (N, D_m); at least one modality.

        Returns:
            (N, sum_m D_m).
        """
        filled = fill_absent(features, self.in_channels)
        order = self.in_channels if self.training else self.eval_order
        return torch.cat([filled[m] for m in order], dim=1)
