# Copyright (c) mmgmp authors.
"""What the steps that ``benchmark_step.py`` compares have in common."""

import time
from collections.abc import Callable

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from torch import Tensor

IN_CHANNELS = dict(video=288, audio=512)
# Of one sample: 16 frames of 64 x 64 pixels, and a spectrogram.
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


class Stopwatch:
    """Seconds between pairs of marks; by CUDA events on a GPU.

    Args:
        device: Where the work between the marks runs.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list = []

    def mark(self, *_) -> None:
        """Begin or end a stretch; any arguments, so that it can be a hook."""
        if self.device.type != 'cuda':
            self.marks.append(time.perf_counter())
            return
        self.marks.append(torch.cuda.Event(enable_timing=True))
        self.marks[-1].record()

    def seconds(self) -> list[float]:
        """Length of each stretch."""
        pairs = zip(self.marks[::2], self.marks[1::2])
        if self.device.type != 'cuda':
            return [stop - start for start, stop in pairs]
        torch.cuda.synchronize(self.device)
        return [start.elapsed_time(stop) / 1e3 for start, stop in pairs]


class ComparedSteps:
    """A model, a batch and the training steps that are compared.

    A subclass fills ``samples``, one per row of the batch, and ``methods``.
    The table has the time and the memory of each method, those relative to
    the method ``base``, and the column ``column`` of :meth:`compare`.

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
        """First line of the table.

        Args:
            seconds: Method -> seconds of a step.
        """
        raise NotImplementedError

    def compare(self, name: str, seconds: dict[str, float]) -> float:
        """What stands in the column ``column``.

        Args:
            name: The method of the row.
            seconds: Method -> seconds of a step.
        """
        raise NotImplementedError

    def forward(self) -> dict[str, Tensor]:
        """Forward alone, with the graph."""
        return self.model(self.inputs, self.samples, mode='loss')

    def _step(self) -> None:
        self.optimizer.step()
        self.optimizer.zero_grad()
