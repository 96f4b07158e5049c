# Copyright (c) mmgmp authors.
"""Checks of a fusion."""

import torch
from torch.testing import assert_close

from tests.models.toy import WIDTHS

from .common import (
    MODALITIES,
    build,
    check_absent,
    check_gradients,
    check_rows,
    check_state,
    make_features,
)


def assert_valid_fusion(cfg):
    """Check a fusion.

    Args:
        cfg: Its config, without ``in_channels``.
    """
    for modalities in MODALITIES:
        kwargs = dict(in_channels={m: WIDTHS[m] for m in modalities})
        fusion = build(cfg, **kwargs)
        features = make_features(modalities)
        fused = fusion(features)
        assert fused.shape == (4, fusion.out_channels), (
            f'`out_channels` is {fusion.out_channels}, not {fused.shape[1]}'
        )
        check_gradients(fused, features)
        for training in (True, False):
            fusion.train(training)
            check_rows(fusion, features)
            check_absent(fusion, features)
            pair = fusion({m: f[:2] for m, f in features.items()})
            assert_close(pair, fusion(features)[:2])
        with torch.autocast('cpu', torch.bfloat16):
            assert fusion(features).isfinite().all()
        check_state(cfg, kwargs, fusion, features)
