# Copyright (c) mmgmp authors.
"""Checks of a classifier."""

import torch
from torch.testing import assert_close

from tests.models.toy import (
    WIDTHS,
    make_inputs,
    make_samples,
    recognizer_cfg,
)

from .common import (
    MODALITIES,
    build,
    check_absent,
    check_gradients,
    check_losses,
    check_rows,
    check_state,
    check_tasks,
    make_features,
    total_loss,
)


def assert_valid_classifier(cfg):
    """Check a classifier.

    Args:
        cfg: Its config, without ``in_channels`` and ``num_classes``.
    """
    for modalities in MODALITIES:
        _check_classifier(cfg, modalities)


def _check_classifier(cfg, modalities):
    kwargs = dict(
        in_channels={m: WIDTHS[m] for m in modalities}, num_classes=3
    )
    classifier = build(cfg, **kwargs)
    features = make_features(modalities)
    target = torch.tensor([0, 2, 1, 2])
    for enabled in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            unimodal = classifier.unimodal_logits(features)
            outputs = dict(unimodal, fused=classifier(features))
        assert unimodal.keys() == features.keys(), f'got {list(unimodal)}'
        for name, logits in outputs.items():
            assert logits.shape == (4, 3), f'{name} is {logits.shape}'
            assert logits.dtype == torch.float32, f'{name} is {logits.dtype}'
            assert logits.isfinite().all(), f'{name} is not finite'
    assert classifier.embed(features).ndim == 2, '`embed` gives no vectors'

    check_gradients(outputs['fused'], features)
    losses = classifier.auxiliary_losses(unimodal, target, 'loss_x')
    assert losses.keys() in (set(), {f'loss_x.{m}' for m in modalities}), (
        f'auxiliary losses are {list(losses)}'
    )
    if losses:
        check_losses(losses)
        total_loss(losses).backward()
    for name, param in classifier.named_parameters():
        assert param.grad is not None or not param.requires_grad, name

    for function in (classifier, classifier.embed):
        check_rows(function, features)
        check_absent(function, features)
    whole = classifier.unimodal_logits(features)
    for modality, feature in features.items():
        alone = classifier.unimodal_logits({modality: feature[[3, 1]]})
        assert alone.keys() == {modality}, f'got {list(alone)}'
        assert_close(alone[modality], whole[modality][[3, 1]])
    methods = ('forward', 'unimodal_logits', 'embed')
    check_state(cfg, kwargs, classifier, features, methods)

    head = dict(type='MultimodalHead', classifier=cfg)
    model = build(recognizer_cfg(modalities, cls_head=head))
    samples = make_samples([0, 1, 2, 1], [0, 1, 0, 1])
    losses = model(make_inputs(modalities, 4), samples, mode='loss')
    check_tasks(model, losses)
