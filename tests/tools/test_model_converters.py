# Copyright (c) mmgmp authors.
"""Published checkpoints become the weights of the encoders."""

import os
import runpy
from pathlib import Path
from pickle import UnpicklingError

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.hub import get_config
from torchvision.models import resnet18

from mmgmp.models.backbones.encoder_shapes import global_pool
from mmgmp.utils.encoder_rules import MMACTION_RULES, VGGSOUND_RULES
from mmgmp.utils.encoder_weights import (
    convert_checkpoint,
)
from tests.utils.leaves import leaf_path, read_leaf

ROOT = Path(__file__).parents[2]
CONFIG = (str(leaf_path('erm')), '--dataset', 'hac')
DEPTH_50 = {
    f'model.backbone.encoders.video.{path}.depth': 50
    for path in ('slow_pathway', 'fast_pathway')
}
STOCK = 'recognition/slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py'


def run_tool(name, *args, monkeypatch):
    monkeypatch.setattr('sys.argv', [name, *map(str, args)])
    path = ROOT / 'tools/model_converters' / name
    runpy.run_path(str(path), run_name='__main__')


def randomize(module):
    """Set statistics that no initialization produces."""
    for name, tensor in module.state_dict().items():
        if name.endswith('running_mean'):
            tensor.normal_(0, 0.1)
        elif name.endswith('running_var'):
            tensor.uniform_(0.5, 1.5)
    return module


def plain_resnet():
    """ResNet-18 with one input channel, as trained on VGGSound."""
    net = resnet18(num_classes=309)
    net.conv1 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return randomize(net)


@pytest.fixture
def vggsound(tmp_path):
    """A checkpoint with the published names, and the network in it."""
    net = plain_resnet().eval()
    state = {f'audnet.{n}': t for n, t in net.state_dict().items()}
    assert len(state) == 122
    path = tmp_path / 'H.pth.tar'
    torch.save(
        dict(epoch=61, model_state_dict=state, optimizer=dict(state={})), path
    )
    return path, net


def read(modalities='video-audio', dataset='hac', **options):
    cfg = read_leaf('erm', dataset=dataset, modalities=modalities)
    cfg.merge_from_dict(options)
    return cfg


def load_into(cfg, modality, path):
    """The encoder of a config with the converted weights."""
    encoders = cfg.model.backbone.encoders
    backbone = MODELS.build(
        dict(
            type='MultimodalBackbone',
            encoders={modality: encoders[modality]},
            pretrained={modality: str(path)},
        )
    )
    backbone.init_weights()
    return backbone.eval()


def test_vggsound_gives_the_features_of_the_plain_resnet(
    vggsound, tmp_path, monkeypatch, capsys
):
    source, net = vggsound
    out = tmp_path / 'new' / 'audio.pth'
    run_tool(
        'vggsound_to_mmpretrain.py',
        *(source, *CONFIG, '--out', out),
        monkeypatch=monkeypatch,
    )
    lines = capsys.readouterr().out.splitlines()
    assert 'renamed  audnet.conv1.weight -> conv1.weight' in lines
    assert 'dropped  audnet.fc.bias: classifier of VGGSound' in lines
    assert lines[-2].startswith('0 used, 120 renamed, 2 dropped, 0 of')
    assert lines[-1] == f'wrote {out}'
    audio = torch.randn(2, 1, 257, 200)
    net.fc = torch.nn.Identity()
    features = load_into(read(), 'audio', out)(dict(audio=audio))['audio']
    expected = net(audio)
    assert expected.std() > 0.1
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=0)


def published_slowfast_names(blocks):
    """Names in the checkpoints of mmaction 0.x, such as the one of 2020."""
    norm = ('weight', 'bias', 'running_mean', 'running_var')
    norm = [f'bn.{n}' for n in (*norm, 'num_batches_tracked')]
    names = {'cls_head.fc_cls.weight', 'cls_head.fc_cls.bias'}
    for path in ('slow_path', 'fast_path'):
        convs = ['conv1']
        for stage, count in enumerate(blocks, start=1):
            for block in range(count):
                layer = f'layer{stage}.{block}'
                convs += [f'{layer}.conv{i}' for i in (1, 2, 3)]
            convs.append(f'layer{stage}.0.downsample')
        for conv in convs:
            for tensor in ('conv.weight', *norm):
                names.add(f'backbone.{path}.{conv}.{tensor}')
    for where in ('conv1', 'layer1', 'layer2', 'layer3'):
        names.add(f'backbone.slow_path.{where}_lateral.conv.weight')
    return names


@pytest.fixture(scope='module')
def stock_slowfast(tmp_path_factory):
    """A checkpoint of mmaction's own SlowFast R50 8x8."""
    cfg = get_config(f'mmaction::{STOCK}')
    recognizer = randomize(MODELS.build(cfg.model))
    recognizer.eval()
    path = tmp_path_factory.mktemp('stock') / 'slowfast.pth'
    torch.save(
        dict(
            meta=dict(mmaction_version='0.11.0', epoch=256, iter=1),
            state_dict=recognizer.state_dict(),
        ),
        path,
    )
    return path, recognizer


def test_slowfast_gives_the_features_of_mmaction(
    stock_slowfast, tmp_path, monkeypatch, capsys
):
    source, recognizer = stock_slowfast
    names = published_slowfast_names((3, 4, 6, 3))
    assert recognizer.state_dict().keys() == names
    out = tmp_path / 'video.pth'
    run_tool(
        'mmaction_to_encoder.py',
        *(source, *CONFIG, '--out', out, '--cfg-options'),
        *(f'{key}={value}' for key, value in DEPTH_50.items()),
        monkeypatch=monkeypatch,
    )
    count = len(names) - 2
    assert f'{count} renamed, 2 dropped' in capsys.readouterr().out
    video = torch.randn(1, 3, 32, 32, 32)
    with torch.no_grad():
        encoder = load_into(read(**DEPTH_50), 'video', out)
        features = encoder(dict(video=video))['video']
        expected = global_pool(recognizer.backbone(video))
    assert torch.equal(features, expected)


def test_slowonly_of_flow_is_converted(tmp_path):
    config = read('audio-flow')
    cfg = config.model.backbone.encoders.flow
    head = dict(type='I3DHead', num_classes=400, in_channels=2048)
    recognizer = randomize(
        MODELS.build(dict(type='Recognizer3D', backbone=cfg, cls_head=head))
    )
    source = tmp_path / 'slowonly.pth'
    torch.save(dict(state_dict=recognizer.state_dict()), source)
    out, report = convert_checkpoint(
        source,
        config,
        'flow',
        'state_dict',
        MMACTION_RULES,
        tmp_path / 'flow.pth',
    )
    assert len(report.used) == 318
    assert len(report.dropped) == 2
    state = load_into(config, 'flow', out).flow.state_dict()
    for name, tensor in recognizer.backbone.state_dict().items():
        assert torch.equal(state[name], tensor), name


def test_other_depth_is_an_error_and_writes_nothing(stock_slowfast, tmp_path):
    out = tmp_path / 'video.pth'
    with pytest.raises(
        ValueError, match=r'missing  slow_path\.layer3\.22\.conv3\.bn\.weight'
    ):
        convert_checkpoint(
            stock_slowfast[0],
            read(),
            'video',
            'state_dict',
            MMACTION_RULES,
            out,
        )
    assert not out.exists()


def convert_audio(source, out=None, cfg=None):
    return convert_checkpoint(
        source,
        cfg or read(),
        'audio',
        'model_state_dict',
        VGGSOUND_RULES,
        out,
    )


def test_file_of_the_config_is_written(vggsound, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out, _ = convert_audio(vggsound[0])
    named = read().model.backbone.pretrained.audio
    assert str(out) == named
    checkpoint = torch.load(tmp_path / named)
    assert checkpoint['meta']['source'] == 'H.pth.tar'
    assert len(checkpoint['state_dict']) == 120


def test_malicious_checkpoint_is_refused(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / 'made_by_the_checkpoint'),)

    torch.save(
        dict(model_state_dict={}, args=Payload()), tmp_path / 'H.pth.tar'
    )
    with pytest.raises(UnpicklingError, match='mkdir'):
        convert_audio(tmp_path / 'H.pth.tar', tmp_path / 'audio.pth')
    assert not (tmp_path / 'made_by_the_checkpoint').exists()
    assert not (tmp_path / 'audio.pth').exists()


def test_config_without_the_encoder_or_its_file_is_an_error(vggsound):
    with pytest.raises(ValueError, match="no encoder for 'audio'"):
        convert_audio(vggsound[0], cfg=read('video-flow'))
    with pytest.raises(ValueError, match='has no file for the audio'):
        convert_audio(vggsound[0], cfg=read(dataset='mini_hac'))
