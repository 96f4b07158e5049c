# Copyright (c) mmgmp authors.
"""MultimodalBackbone with real mmaction and mmpretrain encoders."""

import pytest
import torch
from mmaction.registry import MODELS
from torch import nn

from mmgmp.models.backbones.encoder_shapes import global_pool
from tests.models.encoders import (
    IN_CHANNELS,
    encoders,
    make_inputs,
    resnet,
    slowfast,
    write_weights,
)


def build(**kwargs):
    cfg = dict(type='MultimodalBackbone', encoders=encoders())
    return MODELS.build(dict(cfg, **kwargs))


def test_global_pool_averages_and_concatenates_outputs():
    slow = torch.arange(8.0).view(1, 2, 2, 2, 1)
    fast = torch.tensor([[[[10.0, 20.0]]]])
    assert global_pool((slow, fast)).tolist() == [[1.5, 5.5, 15.0]]
    assert global_pool(torch.ones(2, 3)).tolist() == torch.ones(2, 3).tolist()


def test_features_of_real_encoders():
    backbone = build()
    features = backbone(make_inputs())
    assert list(features) == ['video', 'audio']
    assert {m: f.shape for m, f in features.items()} == {
        m: (4, d) for m, d in IN_CHANNELS.items()
    }
    assert all(p.requires_grad for p in backbone.parameters())


def test_clips_of_a_sample_are_averaged():
    backbone = build().eval()
    clips = torch.randn(2, 3, 3, 4, 32, 32)
    features = backbone(dict(video=clips))['video']
    singles = [backbone(dict(video=clips[:, i]))['video'] for i in range(3)]
    torch.testing.assert_close(features, sum(singles) / 3)


@MODELS.register_module()
class SequenceEncoder(nn.Module):
    """Maps (N, L, 6) to (N, 5) without a convolution."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 5)

    def forward(self, x):
        return self.linear(x.cumsum(1)).amax(1)


def test_sequence_is_not_taken_for_clips():
    backbone = build(encoders=dict(text=dict(type='SequenceEncoder')))
    sequence = torch.randn(2, 7, 6)
    torch.testing.assert_close(
        backbone(dict(text=sequence))['text'], backbone.text(sequence)
    )


def test_missing_modality_is_left_out():
    features = build()(dict(audio=make_inputs()['audio']))
    assert list(features) == ['audio']


@pytest.mark.parametrize('inputs', [{}, dict(flow=torch.ones(1))])
def test_inputs_without_an_encoder_are_an_error(inputs):
    with pytest.raises(KeyError, match='encoders are for'):
        build()(inputs)


def test_trainable_freezes_the_rest():
    backbone = build(
        trainable=dict(
            video=['slow_path.layer4', 'fast_path.layer4'], audio=['layer4']
        )
    ).train()
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert trained
    assert all('layer4' in name for name in trained)
    assert backbone.audio.layer4.training
    assert backbone.video.slow_path.layer4.training
    frozen = {
        k: v.clone()
        for k, v in backbone.state_dict().items()
        if 'layer4' not in k
    }
    features = backbone(make_inputs())
    sum(f.sum() for f in features.values()).backward()
    for name, value in frozen.items():
        assert torch.equal(backbone.state_dict()[name], value), name
    changed = backbone.audio.layer4[0].bn1.running_mean
    assert not torch.equal(changed, torch.zeros_like(changed))


def test_frozen_trunk_is_out_of_the_graph():
    backbone = build(trainable=dict(audio=['layer4'])).train()
    seen = []
    backbone.audio.layer3.register_forward_hook(
        lambda module, args, output: seen.append(output.requires_grad)
    )
    backbone(make_inputs())
    assert seen == [False]


def test_frozen_stages_of_an_encoder_stay_in_eval_mode():
    backbone = MODELS.build(
        dict(
            type='MultimodalBackbone',
            encoders=dict(
                video=slowfast(frozen_stages=2), audio=resnet(frozen_stages=3)
            ),
        )
    ).train()
    for layer in (backbone.audio.layer3, backbone.video.slow_path.layer2):
        assert not any(m.training for m in layer.modules())
        assert not any(p.requires_grad for p in layer.parameters())
    assert backbone.audio.layer4.training
    assert backbone.video.slow_path.layer3.training


def test_fully_frozen_encoder_stays_in_eval_mode():
    backbone = build(trainable=dict(audio=[])).train()
    assert not any(m.training for m in backbone.audio.modules())
    assert backbone.video.training


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(encoders=dict(train=resnet())), "'train' cannot name"),
        (dict(trainable=dict(audio=['layer5'])), "'layer5'.*layer4"),
        (dict(trainable=dict(flow=['layer4'])), "modality 'flow'"),
        (dict(pretrained=dict(flow='x')), "`pretrained` names .* 'flow'"),
        (dict(norm_eval=dict(flow=False)), "`norm_eval` names .* 'flow'"),
        (dict(feature_dropout=dict(flow=0.5)), "`feature_dropout` .* 'flow'"),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


@pytest.fixture
def weights(tmp_path):
    return write_weights(tmp_path)


def test_pretrained_loads_every_tensor(weights):
    backbone = build(pretrained=weights)
    backbone.init_weights()
    for modality, path in weights.items():
        expected = torch.load(path)['state_dict']
        state = getattr(backbone, modality).state_dict()
        assert state.keys() == expected.keys()
        for name, tensor in state.items():
            assert torch.equal(tensor, expected[name]), name


def test_weights_are_read_once(weights):
    backbone = build(pretrained=weights)
    backbone.init_weights()
    backbone.audio.conv1.weight.data.zero_()
    backbone.init_weights()
    assert not backbone.audio.conv1.weight.any()


def test_partly_fitting_weights_are_an_error(weights):
    checkpoint = torch.load(weights['audio'])
    del checkpoint['state_dict']['layer4.1.bn2.weight']
    torch.save(checkpoint, weights['audio'])
    backbone = build(pretrained=weights)
    with pytest.raises(ValueError, match=r'missing  layer4\.1\.bn2\.weight'):
        backbone.init_weights()


def test_missing_weights_are_an_error_of_the_training_alone():
    backbone = build(pretrained=dict(audio='absent.pth'))
    assert list(backbone(make_inputs())) == ['video', 'audio']
    with pytest.raises(FileNotFoundError, match=r'absent\.pth is missing'):
        backbone.init_weights()


def frozen_statistics(backbone, modality):
    return {
        name: tensor.clone()
        for name, tensor in getattr(backbone, modality).state_dict().items()
        if 'layer4' not in name and 'running' in name
    }


def test_statistics_of_frozen_modules_follow_the_batches_on_request():
    trainable = dict(
        video=['slow_path.layer4', 'fast_path.layer4'], audio=['layer4']
    )
    backbone = build(trainable=trainable, norm_eval=dict(video=False)).train()
    before = {m: frozen_statistics(backbone, m) for m in backbone.modalities}
    backbone(make_inputs())
    after = {m: frozen_statistics(backbone, m) for m in backbone.modalities}
    for modality, drifts in (('video', True), ('audio', False)):
        assert before[modality]
        for name, tensor in after[modality].items():
            same = torch.equal(tensor, before[modality][name])
            assert same != drifts, name
    trained = {n for n, p in backbone.named_parameters() if p.requires_grad}
    assert all('layer4' in name for name in trained)
    assert not any(m.training for m in backbone.eval().modules())


def test_features_are_dropped_in_training_only():
    backbone = build(
        encoders=dict(text=dict(type='SequenceEncoder')),
        feature_dropout=dict(text=0.25),
    )
    sequence = dict(text=torch.randn(400, 7, 6))
    clean = backbone.eval()(sequence)['text']
    torch.testing.assert_close(clean, backbone.text(sequence['text']))
    seen = backbone.train()(sequence)['text']
    dropped = seen == 0
    assert 0.2 < dropped.float().mean() < 0.3
    torch.testing.assert_close(seen[~dropped], clean[~dropped] / 0.75)
