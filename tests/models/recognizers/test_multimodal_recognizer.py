# Copyright (c) mmgmp authors.
"""MultimodalRecognizer end to end with real encoders."""

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.logging import MessageHub

from mmgmp.models import Objective
from tests.models.encoders import (
    IN_CHANNELS,
    encoders,
    make_inputs,
    make_samples,
)


def build(**kwargs):
    cfg = dict(
        type='MultimodalRecognizer',
        backbone=dict(type='MultimodalBackbone', encoders=encoders()),
        cls_head=dict(type='MultimodalHead'),
        modalities=['video', 'audio'],
        in_channels=IN_CHANNELS,
        num_classes=3,
        num_domains=2,
        objectives=dict(domain=dict(type='DomainAdversarial')),
    )
    return MODELS.build(dict(cfg, **kwargs))


def test_losses_reach_every_part():
    model = build()
    losses = model(make_inputs(), make_samples(), mode='loss')
    assert set(losses) == {
        'loss_cls',
        'loss_domain',
        *(
            f'{task}_confidence.{m}'
            for task in ('semantic', 'domain')
            for m in ('video', 'audio')
        ),
    }
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(
        total, losses['loss_cls'] + losses['loss_domain']
    )
    total.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_prediction_does_not_use_the_objectives():
    model = build().eval()
    inputs, samples = make_inputs(), make_samples(domains=(-1,) * 4)
    expected = model(inputs, samples, mode='predict')[0].pred_score['fused']
    del model.objectives
    actual = model(inputs, samples, mode='predict')[0].pred_score['fused']
    assert torch.equal(actual, expected)


@pytest.mark.parametrize('modalities', [None, ['video', 'audio']])
def test_order_is_not_that_of_the_dicts(modalities):
    """MMEngine sorts them when it writes a config."""
    both = [('video', encoders()['video']), ('audio', encoders()['audio'])]
    models = []
    for pairs in (both, both[::-1]):
        torch.manual_seed(0)
        models.append(
            build(
                backbone=dict(type='MultimodalBackbone', encoders=dict(pairs)),
                in_channels={m: IN_CHANNELS[m] for m, _ in pairs},
                modalities=modalities,
                objectives={
                    name: dict(type='DomainAdversarial')
                    for name in [m for m, _ in pairs]
                },
            ).eval()
        )
    order = modalities or ['audio', 'video']
    for model in models:
        assert [*model.modality_modules] == order
        assert [*model.cls_head.classifier.fusion.in_channels] == order
    states = [model.state_dict() for model in models]
    assert [*states[0]] == [*states[1]]
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


@pytest.mark.parametrize(
    'modalities', [['video'], ['video', 'video', 'audio'], ['video', 'flow']]
)
def test_modalities_are_those_of_the_encoders(modalities):
    with pytest.raises(ValueError, match=r'`modalities` .*video.*once, got'):
        build(modalities=modalities)


def test_modality_modules_are_prefixes_of_the_encoders():
    model = build()
    assert model.modality_modules == dict(
        video='backbone.video', audio='backbone.audio'
    )
    names = [n for n, _ in model.named_parameters()]
    for prefix in model.modality_modules.values():
        assert any(n.startswith(f'{prefix}.') for n in names)


def test_missing_modality_at_test_time():
    model = build().eval()
    inputs = make_inputs()
    samples = model(
        dict(audio=inputs['audio']), make_samples(), mode='predict'
    )
    assert set(samples[0].pred_score) == {'fused', 'audio', 'audio_unimodal'}
    complete = model(inputs, make_samples(), mode='predict')
    torch.testing.assert_close(
        samples[0].pred_score['fused'], complete[0].pred_score['audio']
    )


def test_missing_modality_in_training_is_an_error():
    inputs = make_inputs()
    del inputs['video']
    with pytest.raises(ValueError, match=r"no \['video'\]"):
        build()(inputs, make_samples(), mode='loss')


def test_width_that_is_not_that_of_the_encoder():
    model = build(in_channels=dict(IN_CHANNELS, audio=5))
    message = rf'of audio is 5, but .* {IN_CHANNELS["audio"]} channels'
    with pytest.raises(ValueError, match=message):
        model(make_inputs(), make_samples(), mode='loss')


def test_sample_of_no_source_domain_in_training_is_an_error():
    samples = make_samples(domains=(0, 1, -1, 0))
    with pytest.raises(ValueError, match=r'domains \[0, 1, -1, 0\]'):
        build()(make_inputs(), samples, mode='loss')


def test_recognizer_without_objectives_needs_no_domain():
    samples = make_samples(domains=(-1,) * 4)
    model = build(objectives=None, num_domains=None)
    losses = model(make_inputs(), samples, mode='loss')
    assert 'loss_domain' not in losses


@MODELS.register_module()
class RepeatedLoss(Objective):
    """Returns a key of the head."""

    def forward(self, batch, model):
        return dict(loss_cls=batch.logits.sum())


def test_two_terms_of_one_name_are_an_error():
    model = build(objectives=dict(again=dict(type='RepeatedLoss')))
    with pytest.raises(KeyError, match=r"'again' returns \['loss_cls'\]"):
        model(make_inputs(), make_samples(), mode='loss')


@MODELS.register_module()
class SeenRows(Objective):
    """Stores its arguments."""

    def forward(self, batch, model):
        self.batch, self.recognizer = batch, [model]
        return {}


@MODELS.register_module()
class AllRows(SeenRows):
    uses_unlabelled = True


def test_unlabelled_samples_reach_those_who_ask_for_them():
    torch.manual_seed(0)
    types = dict(few='SeenRows', all='AllRows')
    model = build(
        objectives={name: dict(type=x) for name, x in types.items()}
    ).eval()
    inputs, samples = make_inputs(), make_samples(domains=(0, 7, 1, None))
    del samples[1].gt_label, samples[3].gt_label
    samples[3].set_field(2, 'hidden_label')
    losses = model(inputs, samples, mode='loss')
    labelled = {m: x[[0, 2]] for m, x in inputs.items()}
    expected = model(labelled, [samples[0], samples[2]], mode='loss')
    torch.testing.assert_close(losses, expected)
    model(inputs, samples, mode='loss')
    few, everything = (model.objectives[name].batch for name in types)
    assert everything.labels.tolist() == [0, -1, 2, -1]
    assert everything.domains.tolist() == [0, -1, 1, -1]
    assert everything.hidden_labels.tolist() == [-1, -1, -1, 2]
    assert everything.labels.dtype == everything.domains.dtype == torch.int64
    assert few.labels.tolist() == [0, 2]
    assert few.domains.tolist() == [0, 1]
    assert torch.equal(few.logits, everything.logits[[0, 2]])
    for modality, features in few.features.items():
        assert torch.equal(features, everything.features[modality][[0, 2]])
        assert torch.equal(few.inputs[modality], inputs[modality][[0, 2]])
    torch.testing.assert_close(
        everything.logits, model.cls_head(everything.features)
    )
    for objective in model.objectives.values():
        assert objective.recognizer[0] is model
        assert objective.in_channels == IN_CHANNELS
        assert (objective.num_classes, objective.num_domains) == (3, 2)


def test_progress_is_that_of_the_runner():
    model = build(objectives=dict(seen=dict(type='SeenRows')))
    hub = MessageHub.get_instance('progress')
    found = []
    for info in ({}, dict(iter=0, max_iters=8), dict(iter=6, max_iters=8)):
        hub.update_info_dict(info)
        model(make_inputs(), make_samples(), mode='loss')
        found.append(model.objectives['seen'].batch.progress)
    assert found == [0, 0, 0.75]


def test_second_objective_of_a_type_has_names_of_its_own():
    adversary = dict(type='DomainAdversarial')
    names = ('domain', 'local', 'third')
    model = build(objectives=dict.fromkeys(names, adversary))
    losses = model(make_inputs(), make_samples(), mode='loss')
    terms = {'loss_domain', *(f'domain_confidence.{m}' for m in IN_CHANNELS)}
    assert losses.keys() == {
        'loss_cls',
        *(f'semantic_confidence.{m}' for m in IN_CHANNELS),
        *(prefix + x for prefix in ('', 'local/', 'third/') for x in terms),
    }
    assert model.loss_tasks == dict(
        semantic=['loss_cls', 'loss_cls.*'],
        domain=[
            prefix + glob
            for prefix in ('', 'local/', 'third/')
            for glob in ('loss_domain', 'loss_domain.*')
        ],
    )


def test_tasks_are_those_of_the_head_and_of_the_objectives():
    model = build(
        objectives=dict(
            first=dict(type='Boomda'),
            seen=dict(type='SeenRows'),
            second=dict(type='UnimodalDomainAdversarial'),
        )
    )
    assert list(model.loss_tasks.items()) == [
        (
            'semantic',
            ['loss_cls', 'loss_cls.*', 'loss_unimodal_cls', 'loss_pseudo'],
        ),
        ('domain', ['loss_domain.*']),
        ('plain', ['loss_information', 'loss_alignment']),
    ]
    alone = build(objectives=None)
    assert alone.loss_tasks == dict(semantic=['loss_cls', 'loss_cls.*'])


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(in_channels=dict(video=40)), r"modalities \['video', 'audio'\]"),
        (
            dict(in_channels=dict(IN_CHANNELS, flow=4)),
            "got .*'flow': 4",
        ),
        (
            dict(cls_head=dict(type='MultimodalHead', num_classes=3)),
            r"`cls_head` sets \['num_classes'\]",
        ),
        (
            dict(neck=dict(type='ModalityProjection', in_channels={})),
            r"`neck` sets \['in_channels'\]",
        ),
        (
            dict(objectives=dict(x=dict(type='SeenRows', num_domains=2))),
            r"`objectives.x` sets \['num_domains'\]",
        ),
        *(
            (
                dict(objectives={name: dict(type='SeenRows')}),
                f"'{name}' cannot name",
            )
            for name in ('my_loss', 'a/b', 'a.b')
        ),
        (dict(num_domains=1), '`num_domains` of the recognizer is 1'),
        (dict(num_classes=1), '`num_classes` must be at least 2, got 1'),
        (dict(test_cfg=dict(a=1)), '`test_cfg` has no effect on'),
    ],
)
def test_wrong_argument_is_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_one_source_without_an_adversary():
    model = build(num_domains=1, objectives=dict(x=dict(type='Boomda')))
    assert model.objectives['x'].num_domains == 1


def test_batch_without_a_label():
    samples = make_samples()
    for sample in samples:
        del sample.gt_label
    with pytest.raises(ValueError, match='no sample of the batch has a label'):
        build()(make_inputs(), samples, mode='loss')


def test_neck_is_between_encoders_and_head():
    model = build(neck=dict(type='ModalityProjection', out_channels=6)).eval()
    assert model.objectives['domain'].in_channels == dict(video=6, audio=6)
    inputs, samples = make_inputs(), make_samples()
    projected = model.neck(model.backbone(inputs))
    assert {m: f.shape for m, f in projected.items()} == dict(
        video=(4, 6), audio=(4, 6)
    )
    expected = model.cls_head(projected).softmax(dim=1)
    predicted = model(inputs, samples, mode='predict')
    for row, sample in zip(expected, predicted, strict=True):
        torch.testing.assert_close(sample.pred_score['fused'], row)
    total, _ = model.parse_losses(model(inputs, samples, mode='loss'))
    total.backward()
    assert all(p.grad is not None for p in model.neck.parameters())


def test_objectives_of_two_types_with_the_same_terms_do_not_collide():
    model = build(
        objectives=dict(
            fused=dict(type='DomainAdversarial'),
            single=dict(type='UnimodalDomainAdversarial'),
        )
    )
    losses = model(make_inputs(), make_samples(), mode='loss')
    assert {
        'loss_domain',
        'single/loss_domain.video',
        'domain_confidence.video',
        'single/domain_confidence.video',
    } <= losses.keys()
    assert 'single/loss_domain.*' in model.loss_tasks['domain']
