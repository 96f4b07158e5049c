# Copyright (c) mmgmp authors.
"""Training steps of Boomda, with several ways to weight the alignment."""

import statistics
from collections.abc import Callable
from functools import partial

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn
from training_steps import BACKBONE, IN_CHANNELS, ComparedSteps, Stopwatch

from mmgmp.models.losses.coral_losses import (
    BalancedCoral,
    BalancedCoralLoss,
    CoralLoss,
)
from mmgmp.utils.min_norm import inverse_norm_weights, min_norm_weights

WIDTH = 256
PROJECTED = dict.fromkeys(IN_CHANNELS, WIDTH)
MODEL = dict(
    type='MultimodalRecognizer',
    backbone=BACKBONE,
    neck=dict(type='ModalityProjection', out_channels=WIDTH),
    cls_head=dict(type='MultimodalHead'),
    modalities=list(IN_CHANNELS),
    in_channels=IN_CHANNELS,
    num_classes=7,
    num_domains=1,
    objectives=dict(boomda=dict(type='Boomda')),
)


class WeightedCoral(nn.Module):
    """CORAL of each modality and of their concatenation, computed separately.

    Args:
        weigh: Maps the losses (M+1,) and the embeddings, M of the source and
            M of the target, to detached weights (M+1,).
    """

    def __init__(
        self, weigh: Callable[[Tensor, list[Tensor]], Tensor]
    ) -> None:
        super().__init__()
        self.weigh = weigh
        self.coral = CoralLoss()

    def forward(
        self, source: dict[str, Tensor], target: dict[str, Tensor]
    ) -> BalancedCoral:
        """Compute what :class:`BalancedCoralLoss` does, with ratio 0."""
        domains = [[*x.values()] for x in (source, target)]
        blocks = [[*x, torch.cat(x, dim=1)] for x in domains]
        losses = torch.stack([self.coral(s, t) for s, t in zip(*blocks)])
        gamma = self.weigh(losses, [*domains[0], *domains[1]])
        names = [*source, 'fused']
        return BalancedCoral(
            loss=(gamma * losses).sum(),
            gamma=dict(zip(names, gamma)),
            ratio=torch.zeros_like(losses[0]),
            block_losses=dict(zip(names, losses.detach())),
        )


def equal_weights(losses: Tensor, embeddings: list[Tensor]) -> Tensor:
    """Weight each block equally."""
    return torch.full_like(losses, 1 / len(losses))


def weights_by_embeddings(losses: Tensor, embeddings: list[Tensor]) -> Tensor:
    """Apply Algorithm 1 of Boomda: two passes to the embeddings, Theorem 1.

    The losses of the modalities share no embedding, so one pass from their
    sum gives all their gradients.
    """
    unimodal, fused = (
        [
            gradient.double().square().sum()
            for gradient in torch.autograd.grad(
                loss, embeddings, retain_graph=True
            )
        ]
        for loss in (losses[:-1].sum(), losses[-1])
    )
    half = len(embeddings) // 2
    squares = [s + t for s, t in zip(unimodal[:half], unimodal[half:])]
    squares.append(sum(fused[1:], fused[0]))
    return inverse_norm_weights(torch.stack(squares)).to(losses.dtype)


def weights_by_parameters(
    parameters: list[nn.Parameter], losses: Tensor, embeddings: list[Tensor]
) -> Tensor:
    """Apply MGDA without its upper bound: one full backward pass per block."""
    gradients = [
        torch.autograd.grad(
            loss, parameters, retain_graph=True, allow_unused=True
        )
        for loss in losses
    ]
    gramian = losses.new_zeros(len(losses), len(losses), dtype=torch.float64)
    for i, first in enumerate(gradients):
        for j, second in enumerate(gradients[: i + 1]):
            gramian[i, j] = gramian[j, i] = sum(
                a.flatten() @ b.flatten()
                for a, b in zip(first, second)
                if a is not None and b is not None
            )
    return min_norm_weights(gramian).to(losses.dtype)


class AdaptationSteps(ComparedSteps):
    """Steps of Boomda; the second half of the batch is the target.

    The cost of the weights is small compared with the noise of whole steps.
    Therefore the alignment, including all passes for its weights, is timed
    separately within each step.

    Args:
        batch_size: Samples in the batch, at least 4: a covariance needs two
            rows of each domain.
        device: Where to run.

    Raises:
        ValueError: `batch_size` is below 4.
    """

    base = 'unbalanced'
    column = 'added %'

    def __init__(self, batch_size: int, device: torch.device) -> None:
        if batch_size < 4:
            raise ValueError(
                'the alignment needs two samples of each domain: `batch_size` '
                f'must be at least 4, got {batch_size}'
            )
        super().__init__(MODEL, batch_size, device)
        for index in range(batch_size):
            sample = ActionDataSample().to(device)
            if index < batch_size // 2:
                sample.set_gt_label(index % 7).set_field(0, 'domain')
            self.samples.append(sample)
        shared = [self.model.backbone, self.model.neck]
        parameters = [p for module in shared for p in module.parameters()]
        self.alignments = dict(
            unbalanced=WeightedCoral(equal_weights),
            equal=BalancedCoralLoss('equal'),
            closed_form=BalancedCoralLoss('closed_form'),
            qp=BalancedCoralLoss('qp'),
            embedding_passes=WeightedCoral(weights_by_embeddings),
            parameter_passes=WeightedCoral(
                partial(weights_by_parameters, parameters)
            ),
        )
        self.watches = {name: Stopwatch(device) for name in self.alignments}
        for name, watch in self.watches.items():
            self.alignments[name].register_forward_pre_hook(watch.mark)
            self.alignments[name].register_forward_hook(watch.mark)
        self.methods.update(
            {
                name: partial(self.aligned_step, name)
                for name in self.alignments
            }
        )

    def title(self, seconds: dict[str, float]) -> str:
        """State the numbers of samples and features."""
        target = sum('gt_label' not in sample for sample in self.samples)
        return (
            f'Boomda: {len(self.samples) - target} + {target} samples, '
            f'{" + ".join(str(d) for d in PROJECTED.values())} features'
        )

    def compare(self, name: str, seconds: dict[str, float]) -> float:
        """Compute the time that the weights add, in percent of the step."""
        added = self._aligning(name) - self._aligning(self.base)
        return 100 * added / seconds[self.base]

    def forward(self) -> dict[str, Tensor]:
        """Run the forward pass alone, aligned with equal weights."""
        return self.aligned_forward(self.base)

    def aligned_forward(self, name: str) -> dict[str, Tensor]:
        """Run the forward pass with one of the alignments."""
        self.model.objectives['boomda'].alignment = self.alignments[name]
        return super().forward()

    def aligned_step(self, name: str) -> None:
        """Take a step with one of the alignments."""
        self.model.parse_losses(self.aligned_forward(name))[0].backward()
        self._step()

    def _aligning(self, name: str) -> float:
        # The forward pass alone uses the alignment of the base.
        watch = self.watches.get(name, self.watches[self.base])
        return statistics.median(watch.seconds())
