# Copyright (c) mmgmp authors.
"""The models of the published settings, in full size on the meta device."""

from argparse import ArgumentParser
from functools import partial

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.hub import get_config

from tests.utils.leaves import read_leaf

MODALITIES = (
    'video-audio',
    'video-flow',
    'audio-flow',
    'video-audio-flow',
    'video',
)
STOCK = 'mmaction::recognition'
# Trained parameters in millions, of the published models.
TRAINED = dict(video=21.13 + 0.318, flow=20.21, audio=8.39)


def read_model(name, modalities, depth=101):
    cfg = read_leaf(name, dataset='hac', modalities=modalities).model
    if 'video' in modalities:
        encoder = cfg.backbone.encoders.video
        encoder.slow_pathway.depth = encoder.fast_pathway.depth = depth
    return cfg


def build_model(cfg):
    with pytest.MonkeyPatch.context() as patch, torch.device('meta'):
        # ResNet computes a schedule of numbers with it.
        patch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))
        return MODELS.build(cfg)


def shapes(module):
    return {n: tuple(t.shape) for n, t in module.state_dict().items()}


@pytest.mark.parametrize('name', ['erm', 'dann'])
@pytest.mark.parametrize('modalities', MODALITIES)
def test_layer4_of_each_encoder_is_trained(name, modalities):
    model = build_model(read_model(name, modalities))
    backbone = model.backbone
    width = 0
    for modality in backbone.modalities:
        encoder = getattr(backbone, modality)
        trained = {
            n: p for n, p in encoder.named_parameters() if p.requires_grad
        }
        assert all('layer4.' in n and 'lateral' not in n for n in trained)
        millions = sum(p.numel() for p in trained.values()) / 1e6
        assert millions == pytest.approx(TRAINED[modality], abs=0.01)
        assert not any(
            module.training
            for n, module in backbone.train().named_modules()
            if n.startswith(modality) and '.layer3' in n
        )
        width += model.cls_head.classifier.fusion.in_channels[modality]
    hidden = model.cls_head.classifier.hidden
    assert (hidden.in_features, hidden.out_features) == (width, 512)
    assert model.cls_head.classifier.dropout.p == 0.5
    assert list(backbone.dropouts) == [
        m for m in backbone.modalities if m != 'audio'
    ]
    assert ('domain' in model.objectives) == (name == 'dann')


@pytest.mark.parametrize(
    ('depth', 'stock'),
    [
        (101, 'slowfast/slowfast_r101_8xb8-8x8x1-256e'),
        (50, 'slowfast/slowfast_r50_8xb8-8x8x1-256e'),
    ],
)
def test_slowfast_is_that_of_mmaction(depth, stock):
    cfg = read_model('erm', 'video-audio', depth)
    video = build_model(cfg).backbone.video
    cfg = get_config(f'{STOCK}/{stock}_kinetics400-rgb.py')
    with torch.device('meta'):
        expected = MODELS.build(cfg.model).backbone
    assert shapes(video) == shapes(expected)
    for rate in ('resample_rate', 'speed_ratio', 'channel_ratio'):
        assert getattr(video, rate) == getattr(expected, rate)
    modules = zip(video.modules(), expected.modules(), strict=True)
    for ours, theirs in modules:
        assert ours.extra_repr() == theirs.extra_repr()


def test_slowonly_is_that_of_mmaction():
    flow = build_model(read_model('erm', 'audio-flow')).backbone.flow
    # Of other clips, 16x4, but the same network.
    stock = f'{STOCK}/slowonly/slowonly_r50_8xb16-16x4x1-256e_kinetics400'
    cfg = get_config(f'{stock}-flow.py')
    with torch.device('meta'):
        expected = MODELS.build(cfg.model)
    assert shapes(flow) == shapes(expected.backbone)
    for ours, theirs in zip(
        flow.modules(), expected.backbone.modules(), strict=True
    ):
        assert ours.extra_repr() == theirs.extra_repr()


def test_normalization_is_that_of_mmaction():
    ours = read_model('erm', 'video-audio-flow')
    for modality, stock in (
        ('video', 'slowfast/slowfast_r101_8xb8-8x8x1-256e_kinetics400-rgb'),
        ('flow', 'slowonly/slowonly_r50_8xb16-16x4x1-256e_kinetics400-flow'),
    ):
        cfg = get_config(f'{STOCK}/{stock}.py')
        preprocessor = ours.data_preprocessor.preprocessors[modality]
        assert preprocessor == cfg.model.data_preprocessor


def test_switches_of_the_released_code_fit_on_the_command_line():
    cfg = Config(dict(model=read_model('erm', 'video-audio')))
    options = [
        'model.backbone.type=ReleasedMultimodalBackbone',
        'model.backbone.norm_eval.video=False',
        'model.backbone.random_init.audio=[layer4]',
    ]
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args(['--cfg-options', *options])
    cfg.merge_from_dict(args.cfg_options)
    backbone = build_model(cfg.model).backbone
    assert backbone.norm_eval == dict(video=False)
    assert backbone.random_init == dict(audio=['layer4'])
    assert backbone.train().video.slow_path.layer3.training
    assert not backbone.audio.layer3.training
