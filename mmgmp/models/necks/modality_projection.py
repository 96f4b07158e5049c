# Copyright (c) mmgmp authors.
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn


@MODELS.register_module()
class ModalityProjection(BaseModule):
    """Project the features of each modality to a common width.

    Methods that compare modalities need features of one width; `Boomda
    <https://arxiv.org/abs/2511.08152>`_ uses 256. A linear layer is followed
    by an optional normalization over the batch, an optional activation and an
    optional normalization of each vector.

    Args:
        in_channels: Modality -> width D_m of its features.
        out_channels: Width of all projected features.
        norm_cfg: Config of a normalization layer, such as
            ``dict(type='BN1d')``, or None.
        act_cfg: Config of an activation layer, such as ``dict(type='ReLU')``,
            or None.
        feature_norm: ``'l2'`` scales each feature vector to length 1, which
            bounds losses of the covariance. None keeps the lengths. Without
            ``norm_cfg``, a loss that rewards small variances can collapse
            vectors of length 1 to a single point.

    Attributes:
        out_channels: Modality -> width of its projected features.

    Raises:
        ValueError: A width is less than 1, or ``feature_norm`` is unknown.
    """

    def __init__(
        self,
        in_channels: dict[str, int],
        out_channels: int = 256,
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
        feature_norm: str | None = None,
    ) -> None:
        super().__init__()
        widths = [*in_channels.values(), out_channels]
        if not in_channels or min(widths) < 1:
            raise ValueError(
                '`in_channels` and `out_channels` must be widths of at least '
                f'1, got {in_channels} and {out_channels}'
            )
        if feature_norm not in (None, 'l2'):
            raise ValueError(
                f"`feature_norm` must be None or 'l2', got {feature_norm!r}"
            )
        self.out_channels = dict.fromkeys(in_channels, out_channels)
        self.feature_norm = feature_norm
        self.projections = nn.ModuleDict(
            {
                m: _projection(d, out_channels, norm_cfg, act_cfg)
                for m, d in in_channels.items()
            }
        )

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Project the features.

        Args:
            features: Modality -> (N, D_m); modalities may be absent.

        Returns:
            Modality -> (N, out_channels), in the same order.
        """
        projected = {m: self.projections[m](f) for m, f in features.items()}
        if self.feature_norm == 'l2':
            projected = {
                m: F.normalize(f, dim=1) for m, f in projected.items()
            }
        return projected


def _projection(
    in_channels: int,
    out_channels: int,
    norm_cfg: dict | None,
    act_cfg: dict | None,
) -> nn.Module:
    """Build the layers of one modality. A single layer is not wrapped."""
    layers: list[nn.Module] = [nn.Linear(in_channels, out_channels)]
    if norm_cfg is not None:
        layers.append(build_norm_layer(norm_cfg, out_channels)[1])
    if act_cfg is not None:
        layers.append(build_activation_layer(act_cfg))
    return nn.Sequential(*layers) if len(layers) > 1 else layers[0]
