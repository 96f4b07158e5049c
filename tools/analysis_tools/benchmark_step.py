# Copyright (c) mmgmp authors.
"""Time and memory of one training step, method beside method.

All methods run in one process on the same model and batch, in rounds that
visit every method once; the medians over the rounds are compared. The model is
a narrow SlowFast-18 and a ResNet-18 with a domain adversary.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torchjd.aggregation import PCGrad
from torchjd.autojac import jac_to_grad, mtl_backward

from mmgmp.models.losses import mean_confidence
from mmgmp.optim import GMPWeighting, discrepancy_ratio
from mmgmp.utils import register_all_modules

SETTINGS = dict(
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
IN_CHANNELS = dict(video=288, audio=512)
PATHWAY = dict(
    type='resnet3d',
    depth=18,
    pretrained=None,
    conv1_stride_t=1,
    pool1_stride_t=1,
)
MODEL = dict(
    type='MultimodalRecognizer',
    backbone=dict(
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
    ),
    cls_head=dict(
        type='MultimodalHead',
        num_classes=7,
        in_channels=IN_CHANNELS,
        hidden_channels=256,
    ),
    objectives=dict(
        domain=dict(
            type='DomainAdversarial', num_domains=2, in_channels=IN_CHANNELS
        )
    ),
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument(
        '--settings', nargs='+', choices=SETTINGS, default=list(SETTINGS)
    )
    parser.add_argument('--json', help='file to write the rows into')
    return parser.parse_args()


class Bench:
    """A model, a batch and the training steps that are compared.

    Args:
        setting: Which layers are trained, a key of ``SETTINGS``.
        batch_size: Samples in the batch.
        device: Where to run.
    """

    def __init__(
        self, setting: str, batch_size: int, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        cfg = dict(
            MODEL,
            backbone=dict(MODEL['backbone'], trainable=SETTINGS[setting]),
        )
        self.model = MODELS.build(cfg).to(device).train()
        self.inputs = dict(
            video=torch.randn(batch_size, 3, 16, 64, 64, device=device),
            audio=torch.randn(batch_size, 1, 257, 128, device=device),
        )
        self.samples = []
        for index in range(batch_size):
            sample = ActionDataSample().set_gt_label(index % 7).to(device)
            sample.set_field(index % 2, 'domain')
            self.samples.append(sample)
        self.wrappers = {}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.aggregator = PCGrad()
        self.weighting = GMPWeighting()
        self.methods: dict[str, Callable[[], None]] = dict(
            forward=self.forward,
            **{name: partial(self.wrapper_step, name) for name in WRAPPERS},
            torchjd=self.torchjd,
            three_pass=self.three_pass,
        )

    def forward(self) -> dict[str, Tensor]:
        """Forward alone, with the graph."""
        return self.model(self.inputs, self.samples, mode='loss')

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
        logits = self.model.cls_head(features)
        domain = self.model.objectives['domain'](
            features, logits, labels, domains
        )
        return [
            self.model.cls_head.loss_cls(logits, labels),
            domain['loss_domain'],
        ]

    def _step(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()


def median_seconds(
    methods: dict[str, Callable], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median time of each method over interleaved rounds."""
    seconds = {name: [] for name in methods}
    for method in methods.values():
        method()
    for _ in range(rounds):
        for name, method in methods.items():
            seconds[name].append(timed(method, device))
    return {name: statistics.median(s) for name, s in seconds.items()}


def timed(method: Callable, device: torch.device) -> float:
    """Seconds of one call; by CUDA events on a GPU."""
    if device.type != 'cuda':
        start = time.perf_counter()
        method()
        return time.perf_counter() - start
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    events[0].record()
    method()
    events[1].record()
    events[1].synchronize()
    return events[0].elapsed_time(events[1]) / 1e3


def peak_bytes(method: Callable, device: torch.device) -> int:
    """Most bytes that one call holds beyond what was there before.

    Args:
        method: A training step that leaves behind as much as it finds, so
            not the first one.
        device: Where it runs.
    """
    method()
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        method()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(
        activities=[ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        method()
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted(
        (e for e in events if e.name() == '[memory]'),
        key=lambda e: e.start_ns(),
    ):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def format_table(rows: list[dict]) -> str:
    """Table of one setting with ratios to Base and to the floor."""
    by_name = {row['method']: row for row in rows}
    forward = by_name['forward']['median_s']
    base = by_name['base']['median_s']
    # Two task gradients need two backward passes: (F + 2 B) / (F + B).
    floor = (2 * base - forward) / base
    base_bytes = by_name['base']['peak_bytes']
    lines = [
        f'trained layers: {rows[0]["setting"]}; floor (F + 2B)/(F + B) = '
        f'{floor:.3f}',
        f'{"method":<14} {"ms":>8} {"/ Base":>7} {"/ floor":>8} '
        f'{"peak MB":>8} {"- Base":>7}',
    ]
    for name, row in by_name.items():
        ratio = row['median_s'] / base
        lines.append(
            f'{name:<14} {1e3 * row["median_s"]:8.1f} {ratio:7.3f} '
            f'{ratio / floor:8.3f} {row["peak_bytes"] / 1e6:8.1f} '
            f'{(row["peak_bytes"] - base_bytes) / 1e6:7.1f}'
        )
    return '\n'.join(lines)


def main() -> None:
    """Measure and print one table per setting."""
    args = parse_args()
    register_all_modules()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows = []
    for setting in args.settings:
        bench = Bench(setting, args.batch_size, device)
        seconds = median_seconds(bench.methods, args.rounds, device)
        for name in bench.methods:
            # A model of its own, without the hooks of the other methods.
            alone = Bench(setting, args.batch_size, device)
            rows.append(
                dict(
                    setting=setting,
                    method=name,
                    median_s=seconds[name],
                    peak_bytes=peak_bytes(alone.methods[name], device),
                )
            )
        print(format_table([r for r in rows if r['setting'] == setting]))
        encoders = bench.model.backbone.parameters()
        size = sum(4 * p.numel() for p in encoders if p.requires_grad)
        print(f"one copy of the encoders' gradients: {size / 1e6:.1f} MB\n")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
    main()
