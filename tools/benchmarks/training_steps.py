# Copyright (c) mmgmp authors.
"""Training steps for ``benchmark_step.py``."""

import time
from collections.abc import Callable
from functools import partial

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import Tensor, nn

from mmgmp.dependencies import check_extra
from mmgmp.models import TrainBatch
from mmgmp.models.heads.classifier import mean_confidence
from mmgmp.optim import GMPWeighting, discrepancy_ratio

check_extra('benchmark_step.py', 'torchjd', ['torchjd'])

from torchjd.aggregation import PCGrad  # noqa: E402
from torchjd.autojac import jac_to_grad, mtl_backward  # noqa: E402

IN_CHANNELS = dict(video=288, audio=512)
# Shapes of one sample: 16 frames of 64 x 64 pixels, and a spectrogram.
INPUTS = dict(video=(3, 16, 64, 64), audio=(1, 257, 128))
PATHWAY = dict(
    type='resnet3d',
    depth=18,
    pretrained=None,
    conv1_stride_t=1,
    pool1_stride_t=1,
)
BACKBONE = dict(
    type='MultimodalBackbone',
    encoders=dict(
        video=dict(
            type='ResNet3dSlowFast',
            resample_rate=4,
            speed_ratio=4,
            channel_ratio=8,
            slow_pathway=dict(
                PATHWAY,
                lateral=True,
                base_channels=32,
                conv1_kernel=(1, 7, 7),
                inflate=(0, 0, 1, 1),
            ),
            fast_pathway=dict(
                PATHWAY,
                lateral=False,
                base_channels=4,
                conv1_kernel=(5, 7, 7),
            ),
        ),
        audio=dict(type='mmpretrain.ResNet', depth=18, in_channels=1),
    ),
)
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


class Stopwatch:
    """Measure the seconds between pairs of marks, with CUDA events on a GPU.

    Args:
        device: Where the work between the marks runs.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list = []

    def mark(self, *_) -> None:
        """Start or stop the watch; ignores arguments, so it can be a hook."""
        if self.device.type != 'cuda':
            self.marks.append(time.perf_counter())
            return
        self.marks.append(torch.cuda.Event(enable_timing=True))
        self.marks[-1].record()

    def seconds(self) -> list[float]:
        """Return the seconds between each start and stop."""
        pairs = zip(self.marks[::2], self.marks[1::2])
        if self.device.type != 'cuda':
            return [stop - start for start, stop in pairs]
        torch.cuda.synchronize(self.device)
        return [start.elapsed_time(stop) / 1e3 for start, stop in pairs]


class ComparedSteps:
    """A model, a batch and the training steps to compare.

    A subclass fills ``samples``, one per row of the batch, and ``methods``.
    The table shows time and memory of each method, both also relative to the
    method ``base``, and :meth:`compare` in the column ``column``.

    Args:
        model: Config of the model.
        batch_size: Samples in the batch.
        device: Where to run.
    """

    base: str
    column: str

    def __init__(
        self, model: dict, batch_size: int, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        self.model = MODELS.build(model).to(device).train()
        self.inputs = {
            modality: torch.randn(batch_size, *shape, device=device)
            for modality, shape in INPUTS.items()
        }
        self.samples: list[ActionDataSample] = []
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.methods: dict[str, Callable] = dict(forward=self.forward)

    def title(self, seconds: dict[str, float]) -> str:
        """Write the first line of the table from the seconds per step."""
        raise NotImplementedError

    def compare(self, name: str, seconds: dict[str, float]) -> float:
        """Compute the value of the column ``column`` for a method."""
        raise NotImplementedError

    def forward(self) -> dict[str, Tensor]:
        """Run only the forward pass, with the graph."""
        return self.model(self.inputs, self.samples, mode='loss')

    def _step(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()


class TrainingSteps(ComparedSteps):
    """Steps of Base and GMP on a model with a domain adversary.

    Args:
        setting: Trained layers, a key of ``TRAINABLE``.
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
        self.wrappers: dict[str, OptimWrapper] = {}
        self.aggregator = PCGrad()
        self.weighting = GMPWeighting()
        self.methods.update(
            {name: partial(self.wrapper_step, name) for name in WRAPPERS},
            torchjd=self.torchjd,
            three_pass=self.three_pass,
        )

    def title(self, seconds: dict[str, float]) -> str:
        """Name the trained layers and the floor."""
        return (
            f'trained layers: {self.setting}; floor (F + 2B)/(F + B) = '
            f'{_floor(seconds):.3f}'
        )

    def compare(self, name: str, seconds: dict[str, float]) -> float:
        """Divide the relative time by the floor."""
        return seconds[name] / seconds['base'] / _floor(seconds)

    def wrapper_step(self, name: str) -> None:
        """Take a step with an optim wrapper, which is built on first use."""
        if name not in self.wrappers:
            cfg = dict(WRAPPERS[name], optimizer=dict(type='Adam', lr=1e-4))
            wrapper = build_optim_wrapper(self.model, cfg)
            wrapper.initialize_count_status(self.model, 0, 10**9)
            self.wrappers[name] = wrapper
        losses = self.forward()
        self.wrappers[name].update_params(self.model.parse_losses(losses)[0])

    def torchjd(self) -> None:
        """Take a step with TorchJD: Jacobians at the encoders, then PCGrad."""
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
        """Take a step with the scheme of GMP's released code.

        For each modality, there is one backward pass for each of its two
        uni-modal losses, and the gradients are combined tensor by tensor. The
        result is added to the gradient of a third pass, for the fused loss.
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
                list(torch.autograd.grad(loss, params, retain_graph=True))
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
            # PyTorch types `grad` as optional, also after a backward pass.
            param.grad.add_(grad)  # type: ignore[union-attr]
        self._step()

    def _confidences(
        self, features: dict[str, Tensor]
    ) -> list[dict[str, float]]:
        """Compute the uni-modal confidences of the classes and the domains."""
        labels, domains = self._targets()
        return [
            {
                m: mean_confidence(logits, target).item()
                for m, logits in classifier.unimodal_logits(features).items()
            }
            for classifier, target in (
                (self.model.cls_head.classifier, labels),
                (self.model.objectives['domain'].discriminator, domains),
            )
        ]

    def _targets(self) -> tuple[Tensor, Tensor]:
        """Return the classes and the domains of the batch."""
        labels = torch.cat([s.gt_label for s in self.samples])
        domains = [s.domain for s in self.samples]
        return labels, torch.tensor(domains, device=labels.device)

    def _losses(self, features: dict[str, Tensor]) -> list[Tensor]:
        """Compute the classification and domain loss of some modalities."""
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
    """Compute the relative time of a step with two backward passes."""
    return (2 * seconds['base'] - seconds['forward']) / seconds['base']
