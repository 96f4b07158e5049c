# Copyright (c) mmgmp authors.
"""A recognizer with linear encoders, and batches of it."""

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from torch import nn

from mmgmp.models import TrainBatch

INPUT = 6
WIDTHS = dict(video=5, audio=3, flow=4)


@MODELS.register_module()
class ToyModalityEncoder(nn.Linear):
    def __init__(self, out_features):
        super().__init__(INPUT, out_features)


def recognizer_cfg(modalities=('video', 'audio'), **kwargs):
    """Config of a recognizer of 3 classes in 2 source domains."""
    widths = {m: WIDTHS[m] for m in modalities}
    return dict(
        dict(
            type='MultimodalRecognizer',
            backbone=dict(
                type='MultimodalBackbone',
                encoders={
                    m: dict(type='ToyModalityEncoder', out_features=d)
                    for m, d in widths.items()
                },
            ),
            cls_head=dict(type='MultimodalHead'),
            modalities=list(modalities),
            in_channels=widths,
            num_classes=3,
            num_domains=2,
        ),
        **kwargs,
    )


def make_inputs(modalities, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        m: torch.randn(size, INPUT, generator=generator) for m in modalities
    }


def make_samples(labels, domains, hidden=None):
    """Data samples; without ``gt_label`` where the label is -1."""
    hidden = [-1] * len(labels) if hidden is None else hidden
    samples = []
    for label, domain, secret in zip(labels, domains, hidden, strict=True):
        sample = ActionDataSample()
        sample.set_field(int(domain), 'domain')
        if label >= 0:
            sample.set_gt_label(int(label))
        elif secret >= 0:
            sample.set_field(int(secret), 'hidden_label')
        samples.append(sample)
    return samples


def make_batch(model, inputs, labels, domains=None, hidden=None, progress=0.5):
    """The batch as the recognizer computes it."""
    labels = torch.as_tensor(labels)
    none = torch.full_like(labels, -1)
    features, _ = model.extract_feat(inputs)
    return TrainBatch(
        inputs=inputs,
        features=features,
        logits=model.cls_head(features),
        labels=labels,
        domains=none if domains is None else torch.as_tensor(domains),
        hidden_labels=none if hidden is None else torch.as_tensor(hidden),
        progress=progress,
    )


def features_batch(features, domains):
    """A batch with features and domains only."""
    none = torch.full_like(domains, -1)
    return TrainBatch({}, features, none, none, domains, none, 0.0)
