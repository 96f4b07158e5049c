# Copyright (c) mmgmp authors.
"""Real encoders, small enough for tests."""

import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

IN_CHANNELS = dict(video=40, audio=64)


def slowfast(**kwargs):
    pathway = dict(
        type='resnet3d', depth=18, conv1_stride_t=1, pool1_stride_t=1, **kwargs
    )
    return dict(
        type='ResNet3dSlowFast',
        resample_rate=2,
        speed_ratio=2,
        channel_ratio=4,
        slow_pathway=dict(
            pathway,
            lateral=True,
            base_channels=4,
            conv1_kernel=(1, 7, 7),
            inflate=(0, 0, 1, 1),
        ),
        fast_pathway=dict(
            pathway, lateral=False, base_channels=1, conv1_kernel=(5, 7, 7)
        ),
    )


def resnet(**kwargs):
    return dict(
        type='mmpretrain.ResNet',
        depth=18,
        in_channels=1,
        stem_channels=8,
        base_channels=8,
        **kwargs,
    )


def encoders():
    return dict(video=slowfast(), audio=resnet())


def make_inputs(size=4):
    return dict(
        video=torch.randn(size, 1, 3, 4, 32, 32),
        audio=torch.randn(size, 1, 33, 40),
    )


def make_samples(labels=(0, 1, 2, 1), domains=(0, 1, 0, 1)):
    samples = []
    for label, domain in zip(labels, domains):
        sample = ActionDataSample().set_gt_label(label)
        sample.set_field(domain, 'domain')
        samples.append(sample)
    return samples


def write_weights(folder):
    """Write a file with the state of each encoder, with unusual values."""
    files = {}
    for modality, cfg in encoders().items():
        state = MODELS.build(cfg).state_dict()
        for tensor in state.values():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
            else:
                tensor.fill_(7)
        files[modality] = str(folder / f'{modality}.pth')
        torch.save(dict(state_dict=state), files[modality])
    return files
