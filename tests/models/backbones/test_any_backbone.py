# Copyright (c) mmgmp authors.
"""The backbones of docs/backbones.md, and those that are refused."""

import re
from pathlib import Path

import mmpretrain.models  # noqa: F401, registers them
import pytest
import torch
from mmaction.models.heads import GCNHead
from mmaction.registry import MODELS
from mmengine.logging import MessageHub
from torch.optim import SGD

from mmgmp.models.backbones import encoder_shapes
from mmgmp.optim import GMPOptimWrapper
from tests.models.encoders import make_samples

from .encoder_cases import CASES, SLOW

PAGE = Path(__file__).parents[3] / 'docs/backbones.md'
ROW = re.compile(r'^\| `([\w.]+)` \| `(\([^`]*\))` \|', re.MULTILINE)


def build(name, **kwargs):
    encoder = dict(CASES[name].kwargs, type=name, **kwargs)
    return MODELS.build(
        dict(type='MultimodalBackbone', encoders=dict(x=encoder))
    )


@MODELS.register_module()
class TinyAudioEncoder(torch.nn.Module):
    """Maps (N, 1, 4) to (N, 3)."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv1d(1, 3, 2)

    def forward(self, x):
        return self.conv(x)


def build_recognizer(name):
    case = CASES[name]
    return MODELS.build(
        dict(
            type='MultimodalRecognizer',
            backbone=dict(
                type='MultimodalBackbone',
                encoders=dict(
                    x=dict(case.kwargs, type=name),
                    audio=dict(type='TinyAudioEncoder'),
                ),
            ),
            cls_head=dict(type='MultimodalHead'),
            in_channels=dict(x=case.width, audio=3),
            num_classes=3,
            num_domains=2,
            objectives=dict(domain=dict(type='DomainAdversarial')),
        )
    )


def take_step(model, inputs, granularity):
    """Names of the parameters of the encoder that one GMP step changes."""
    before = {n: p.clone() for n, p in model.backbone.x.named_parameters()}
    wrapper = GMPOptimWrapper(
        optimizer=SGD(model.parameters(), lr=0.1), granularity=granularity
    )
    wrapper.initialize_count_status(model, 0, 1)
    samples = make_samples(labels=(0, 1), domains=(0, 1))
    with wrapper.optim_context(model):
        losses = model(inputs, samples, mode='loss')
    wrapper.update_params(model.parse_losses(losses)[0])
    for hook in wrapper._hooks:
        hook.remove()
    after = dict(model.backbone.x.named_parameters())
    assert all(p.isfinite().all() for p in after.values())
    return {n for n, p in after.items() if not torch.equal(p, before[n])}


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
        for name in CASES
    ],
)
def test_backbone_trains_with_gmp(name):
    case = CASES[name]
    model = build_recognizer(name)
    model.backbone.x.apply(_revive)
    inputs = dict(x=torch.randn(case.input_shape), audio=torch.randn(2, 1, 4))
    model.eval()
    with torch.no_grad():
        features = model.backbone(inputs)['x']
        first = model.backbone({m: x[:1] for m, x in inputs.items()})['x']
    assert features.shape == (2, case.width)
    # No sample affects another one.
    torch.testing.assert_close(features[:1], first, rtol=1e-3, atol=1e-4)
    model.train()
    hub = MessageHub.get_current_instance()
    for granularity in ('parameter', 'feature'):
        hub.log_scalars.pop('train/gmp/k.x', None)
        assert take_step(model, inputs, granularity)
        assert 0 < hub.get_scalar('train/gmp/k.x').current() <= 1


def _revive(module):
    """Let residual branches that start at zero contribute."""
    if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
        torch.nn.init.ones_(module.weight)


def test_page_lists_the_backbones():
    listed = dict(ROW.findall(PAGE.read_text()))
    assert listed == {name: case.layout for name, case in CASES.items()}


def test_persons_of_a_graph_network_are_averaged_as_by_its_head():
    backbone = build('STGCN').eval()
    x = torch.randn(CASES['STGCN'].input_shape)
    seen = []
    head = GCNHead(3, 8)
    head.fc.register_forward_pre_hook(lambda module, args: seen.extend(args))
    head(backbone.x(x[:, 0]))
    torch.testing.assert_close(backbone(dict(x=x))['x'], seen[0])


def test_feature_of_mvit_is_its_class_token():
    backbone = build('MViT').eval()
    x = torch.randn(CASES['MViT'].input_shape)
    _, token = backbone.x(x[:, 0])[-1]
    torch.testing.assert_close(backbone(dict(x=x))['x'], token)


@pytest.mark.parametrize('name', ['TimeSformer', 'STGCN', 'MViT'])
def test_clips_are_averaged(name):
    backbone = build(name).eval()
    clips = [torch.randn(CASES[name].input_shape) for _ in range(2)]
    both = backbone(dict(x=torch.cat(clips, 1)))['x']
    singles = [backbone(dict(x=clip))['x'] for clip in clips]
    torch.testing.assert_close(both, sum(singles) / 2)
    # An own pipeline may leave out the dimension of the clips.
    torch.testing.assert_close(
        backbone(dict(x=clips[0][:, 0]))['x'], singles[0]
    )


def test_frames_that_do_not_fit_the_shift_are_refused():
    backbone = build('MobileNetV2TSM')
    with pytest.raises(ValueError, match=r'num_segments=4.*has 2 frames'):
        backbone(dict(x=torch.randn(4, 2, 3, 32, 32)))


@pytest.mark.parametrize(
    ('encoder', 'message'),
    [
        (dict(type='torchvision.resnet18'), 'not a registered.*mmpretrain'),
        (dict(type='timm.resnet18'), 'not a registered.*TIMMBackbone'),
        (dict(type='RGBPoseConv3D'), r"inputs \['imgs', 'heatmap_imgs'\]"),
        (
            dict(
                CASES['mmpretrain.VisionTransformer'].kwargs,
                type='mmpretrain.VisionTransformer',
                out_type='raw',
            ),
            "out_type='raw' returns tokens",
        ),
    ],
)
def test_encoder_that_cannot_work_is_refused(encoder, message):
    cfg = dict(type='MultimodalBackbone', encoders=dict(x=encoder))
    with pytest.raises(ValueError, match=f'`encoders.x`: .*{message}'):
        MODELS.build(cfg)


def test_output_without_tensors_is_refused():
    with pytest.raises(TypeError, match='must return .*got dict'):
        encoder_shapes.global_pool(dict(x=torch.ones(2, 3)))
