# Copyright (c) mmgmp authors.
"""The models of the published settings, in full size but without memory."""

from argparse import ArgumentParser
from functools import partial
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.hub import get_config

MODEL_FILES = Path(__file__).parents[2] / 'configs/_base_/models'
PAIRS = (
    'slowfast-r101_resnet18',
    'slowfast-r50_resnet18',
    'slowfast-r101_slowonly-r50-flow',
    'resnet18_slowonly-r50-flow',
    'slowfast-r101_resnet18_slowonly-r50-flow',
)
STOCK = 'mmaction::recognition'
# Trained parameters in millions, of the published models.
TRAINED = dict(video=21.13 + 0.318, flow=20.21, audio=8.39)


def build(name):
    return build_model(Config.fromfile(MODEL_FILES / f'{name}.py').model)


def build_model(cfg):
    cfg.cls_head.num_classes = 7
    with pytest.MonkeyPatch.context() as patch, torch.device('meta'):
        # ResNet computes a schedule of numbers with it.
        patch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))
        return MODELS.build(cfg)


def shapes(module):
    return {n: tuple(t.shape) for n, t in module.state_dict().items()}


@pytest.mark.parametrize('suffix', ['', '_adversarial'])
@pytest.mark.parametrize('name', PAIRS)
def test_layer4_of_each_encoder_is_trained(name, suffix):
    model = build(name + suffix)
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
    assert ('domain' in model.objectives) == (suffix == '_adversarial')


@pytest.mark.parametrize(
    ('name', 'stock'),
    [
        ('slowfast-r101_resnet18', 'slowfast/slowfast_r101_8xb8-8x8x1-256e'),
        ('slowfast-r50_resnet18', 'slowfast/slowfast_r50_8xb8-8x8x1-256e'),
    ],
)
def test_slowfast_is_that_of_mmaction(name, stock):
    video = build(name).backbone.video
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
    flow = build('resnet18_slowonly-r50-flow').backbone.flow
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
    name = 'slowfast-r101_resnet18_slowonly-r50-flow'
    ours = Config.fromfile(MODEL_FILES / f'{name}.py').model
    for modality, stock in (
        ('video', 'slowfast/slowfast_r101_8xb8-8x8x1-256e_kinetics400-rgb'),
        ('flow', 'slowonly/slowonly_r50_8xb16-16x4x1-256e_kinetics400-flow'),
    ):
        cfg = get_config(f'{STOCK}/{stock}.py')
        preprocessor = ours.data_preprocessor.preprocessors[modality]
        assert preprocessor == cfg.model.data_preprocessor


def test_switches_of_the_released_code_fit_on_the_command_line():
    cfg = Config.fromfile(MODEL_FILES / f'{PAIRS[0]}.py')
    options = [
        'model.backbone.drifting_statistics=[video]',
        'model.backbone.random_init.audio=[layer4]',
    ]
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    args = parser.parse_args(['--cfg-options', *options])
    cfg.merge_from_dict(args.cfg_options)
    backbone = build_model(cfg.model).backbone
    assert backbone.drifting_statistics == ['video']
    assert backbone.random_init == dict(audio=['layer4'])
    assert backbone.train().video.slow_path.layer3.training
    assert not backbone.audio.layer3.training
