# Copyright (c) mmgmp authors.
"""Models with the defects of the released code of GMP.

They reproduce its results, see configs/gmp/README.md and docs/pretrained.md.
The code accompanies `Balancing Multimodal Domain Generalization via Gradient
Modulation and Projection <https://arxiv.org/abs/2603.14175>`_.
"""

from collections.abc import Sequence

import torch
from mmaction.registry import MODELS
from torch import Tensor

from mmgmp.models.backbones.multimodal_backbone import (
    MultimodalBackbone,
    under,
)
from mmgmp.models.fusions.concat_fusion import ConcatFusion
from mmgmp.models.objectives.unimodal_domain_adversarial import (
    UnimodalDomainAdversarial,
)


@MODELS.register_module()
class ReleasedConcatFusion(ConcatFusion):
    """Concatenation whose order in evaluation differs from training.

    The classifier sees permuted columns in evaluation.

    Args:
        in_channels: Modality -> width D_m of its features, in the order of
            the concatenation in training.
        eval_order: Order of the concatenation in evaluation.

    Raises:
        ValueError: ``eval_order`` is not a permutation of the modalities.
    """

    def __init__(
        self, in_channels: dict[str, int], eval_order: Sequence[str]
    ) -> None:
        super().__init__(in_channels)
        if sorted(eval_order) != sorted(in_channels):
            raise ValueError(
                '`eval_order` must name each of the modalities '
                f'{list(in_channels)} once, got {eval_order}'
            )
        self.eval_order = list(eval_order)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        """Concatenate, see :class:`ConcatFusion`."""
        fused = super().forward(features)
        if self.training:
            return fused
        parts = [fused[:, self.spans[m]] for m in self.eval_order]
        return torch.cat(parts, dim=1)


@MODELS.register_module()
class ReleasedUnimodalDomainAdversarial(UnimodalDomainAdversarial):
    """Domain adversary whose discriminator is not trained.

    The projections and the discriminator keep their random initialization
    while the encoders are trained against them. Dropout and BatchNorm
    statistics behave as in training.

    Args:
        **kwargs: Arguments of :class:`UnimodalDomainAdversarial`.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.requires_grad_(False)


@MODELS.register_module()
class ReleasedMultimodalBackbone(MultimodalBackbone):
    """Backbone in which some modules do not load pre-trained weights.

    Args:
        random_init: Modality -> prefixes of the modules of its encoder that
            keep their random initialization despite ``pretrained``.
        **kwargs: Arguments of :class:`MultimodalBackbone`.

    Raises:
        ValueError: ``random_init`` names an unknown modality, one without a
            ``pretrained`` file, or a prefix that matches no parameter.
    """

    def __init__(
        self, random_init: dict[str, Sequence[str]], **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.random_init = dict(random_init)
        self._check_modalities('random_init', random_init)
        for modality, prefixes in random_init.items():
            self._check_prefixes('random_init', modality, prefixes)
            if modality not in self.pretrained:
                raise ValueError(
                    f'`random_init` names the modality {modality!r}, which '
                    'has no `pretrained` file: its whole encoder is random'
                )

    def read_pretrained(self, modality: str, path: str) -> dict[str, Tensor]:
        """Read the tensors of all modules that are not random."""
        state = super().read_pretrained(modality, path)
        random = under(state, self.random_init.get(modality, ()))
        return {name: x for name, x in state.items() if name not in random}
