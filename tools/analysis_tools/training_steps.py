# Copyright (c) mmgmp authors.
"""Training steps of Base, of GMP and of others that take two gradients."""

from functools import partial

import torch
from compared_steps import BACKBONE, IN_CHANNELS, ComparedSteps
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn
from torchjd.aggregation import PCGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from mmgmp.models import TrainBatch
from mmgmp.models.losses import mean_confidence
from mmgmp.optim import GMPWeighting, discrepancy_ratio

TRAINABLE = dict(
    all=None,
    layer4=dict(
        video=['slow_path.layer4', 'fast_path.layer4'], audio=['layer4']
    ),
)
WRAPPERS = dict(
    base=dict(type='OptimWrapper'),
    gmp_parameter=dict(type='GMPOptimWrapper'),
    gmp_feature=dict(type='GMPOptimWrapper', granularity='feature'),
)
MODEL = dict(
    type='MultimodalRecognizer',
    cls_head=dict(type='MultimodalHead', classifier=dict(hidden_channels=256)),
    modalities=list(IN_CHANNELS),
    in_channels=IN_CHANNELS,
    num_classes=7,
    num_domains=2,
    objectives=dict(domain=dict(type='DomainAdversarial')),
)


class TrainingSteps(ComparedSteps):
    """Steps of Base and of GMP, on a model with a domain adversary.

    Args:
        setting: Which layers are trained, a key of ``TRAINABLE``.
        batch_size: Samples in the batch.
        device: Where to run.
    """

    base = 'base'
    column = '/ floor'

    def __init__(
        self, setting: str, batch_size: int, device: torch.device
    ) -> None:
        self.setting = setting
        backbone = dict(BACKBONE, trainable=TRAINABLE[setting])
        super().__init__(dict(MODEL, backbone=backbone), batch_size, device)
        for index in range(batch_size):
            sample = ActionDataSample().set_gt_label(index % 7).to(device)
            sample.set_field(index % 2, 'domain')
            self.samples.append(sample)
        self.wrappers = {}
        self.aggregator = PCGrad()
        self.weighting = GMPWeighting()
        self.methods.update(
            {name: partial(self.wrapper_step, name) for name in WRAPPERS},
            torchjd=self.torchjd,
            three_pass=self.three_pass,
        )

    def title(self, seconds: dict[str, float]) -> str:
        """Which layers are trained, and the floor."""
        return (
            f'trained layers: {self.setting}; floor (F + 2B)/(F + B) = '
            f'{_floor(seconds):.3f}'
        )

    def compare(self, name: str, seconds: dict[str, float]) -> float:
        """Ratio to the floor."""
        return seconds[name] / seconds['base'] / _floor(seconds)

    def wrapper_step(self, name: str) -> None:
        """A step by one of the optim wrappers, attached on first use."""
        if name not in self.wrappers:
            cfg = dict(WRAPPERS[name], optimizer=dict(type='Adam', lr=1e-4))
            wrapper = build_optim_wrapper(self.model, cfg)
            wrapper.initialize_count_status(self.model, 0, 10**9)
            self.wrappers[name] = wrapper
        losses = self.forward()
        self.wrappers[name].update_params(self.model.parse_losses(losses)[0])

    def torchjd(self) -> None:
        """A step by TorchJD: Jacobians at the encoders, then PCGrad."""
        features = self.model.backbone(self.inputs)
        losses = self._losses(features)
        encoders = [
            p for p in self.model.backbone.parameters() if p.requires_grad
        ]
        mtl_backward(
            losses, features=list(features.values()), shared_params=encoders
        )
        jac_to_grad(encoders, self.aggregator)
        self._step()

    def three_pass(self) -> None:
        """A step by the scheme of the released code of GMP.

        Per modality one pass for each of the two uni-modal losses, tensor by
        tensor arithmetic on their gradients, and the result on top of a third
        pass, that of the fused loss.
        """
        features = self.model.backbone(self.inputs)
        fused, _ = self._losses(features)
        confidences = self._confidences(features)
        rho, inverse_sigma = map(discrepancy_ratio, confidences)
        extra: list[tuple[nn.Parameter, Tensor]] = []
        for modality, feature in features.items():
            encoder = getattr(self.model.backbone, modality)
            params = [p for p in encoder.parameters() if p.requires_grad]
            g_c, g_d = (
                torch.autograd.grad(loss, params, retain_graph=True)
                for loss in self._losses({modality: feature})
            )
            sigma = 1 / inverse_sigma[modality]
            k, p = self.weighting.modulate(rho[modality], sigma)
            g_c = [k * g for g in g_c]
            g_d = [p * g for g in g_d]
            inner = sum((c * d).sum() for c, d in zip(g_c, g_d))
            if inner < 0 and rho[modality] >= sigma:
                step = inner / sum(d.square().sum() for d in g_d)
                g_c = [c - step * d for c, d in zip(g_c, g_d)]
            elif inner < 0:
                step = inner / sum(c.square().sum() for c in g_c)
                g_d = [d - step * c for c, d in zip(g_c, g_d)]
            extra.extend(zip(params, (c + d for c, d in zip(g_c, g_d))))
        fused.backward()
        for param, grad in extra:
            param.grad.add_(grad)
        self._step()

    def _confidences(
        self, features: dict[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Uni-modal confidences of the classes and of the domains."""
        labels, domains = self._targets()
        return tuple(
            {
                m: mean_confidence(logits, target).item()
                for m, logits in classifier.unimodal_logits(features).items()
            }
            for classifier, target in (
                (self.model.cls_head.classifier, labels),
                (self.model.objectives['domain'].discriminator, domains),
            )
        )

    def _targets(self) -> tuple[Tensor, Tensor]:
        """Classes and domains of the batch."""
        labels = torch.cat([s.gt_label for s in self.samples])
        domains = [s.domain for s in self.samples]
        return labels, torch.tensor(domains, device=labels.device)

    def _losses(self, features: dict[str, Tensor]) -> list[Tensor]:
        """Classification and domain loss of the given modalities."""
        labels, domains = self._targets()
        batch = TrainBatch(
            inputs=self.inputs,
            features=features,
            logits=self.model.cls_head(features),
            labels=labels,
            domains=domains,
            hidden_labels=torch.full_like(labels, -1),
            progress=0.0,
        )
        domain = self.model.objectives['domain'](batch, self.model)
        return [
            self.model.cls_head.loss_cls(batch.logits, labels),
            domain['loss_domain'],
        ]


def _floor(seconds: dict[str, float]) -> float:
    """Two task gradients need two backward passes: (F + 2 B) / (F + B)."""
    return (2 * seconds['base'] - seconds['forward']) / seconds['base']
