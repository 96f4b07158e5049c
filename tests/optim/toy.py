# Copyright (c) mmgmp authors.
"""A plain mmengine model with two modalities and two tasks."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import nn

MODALITIES = dict(video='video', audio='audio')
TASKS = dict(semantic=['loss_cls'], domain=['loss_domain'])


class ToyModel(BaseModel):
    """Independent of mmgmp: the forward only returns a loss dict."""

    loss_tasks = TASKS

    def __init__(self, confidences=True, seed=0, extra_loss=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.video = nn.Sequential(
                nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5)
            )
            self.audio = nn.Sequential(nn.Linear(4, 5), nn.Tanh())
            self.cls = nn.Linear(10, 3)
            self.dom = nn.Linear(10, 2)
        self.confidences = confidences
        self.extra_loss = extra_loss

    def forward(self, inputs, data_samples=None, mode='tensor'):
        video, audio, label, domain = inputs
        feature = torch.cat([self.video(video), self.audio(audio)], 1)
        # Not reversed: whether the tasks conflict depends on the batch.
        losses = dict(
            loss_cls=F.cross_entropy(self.cls(feature), label),
            loss_domain=F.cross_entropy(self.dom(feature), domain),
        )
        if self.extra_loss:
            losses['loss_extra'] = feature.square().mean()
        if self.confidences:
            for task, head, target in (
                ('semantic', self.cls, label),
                ('domain', self.dom, domain),
            ):
                for modality, start in (('video', 0), ('audio', 5)):
                    part = slice(start, start + 5)
                    scores = feature[:, part] @ head.weight[:, part].T
                    losses[f'{task}_confidence.{modality}'] = (
                        scores.softmax(1).gather(1, target[:, None]).mean()
                    ).detach()
        return losses


def make_batch(seed, size=8):
    generator = torch.Generator().manual_seed(seed)
    return dict(
        inputs=[
            torch.randn(size, 6, generator=generator),
            torch.randn(size, 4, generator=generator),
            torch.randint(3, (size,), generator=generator),
            torch.randint(2, (size,), generator=generator),
        ]
    )


def split_batch(batch, parts):
    pieces = zip(*(x.chunk(parts) for x in batch['inputs']))
    return [dict(inputs=list(piece)) for piece in pieces]


def train(model, wrapper, batches, start=0):
    """Train as MMEngine's loops do; return the flat weights."""
    wrapper.initialize_count_status(model, start, start + len(batches))
    for batch in batches:
        model.train_step(batch, wrapper)
    return flat_weights(model)


def flat_weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])
