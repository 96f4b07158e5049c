# Copyright (c) mmgmp authors.
"""ConcatFusion: order, missing modalities, spans, order in eval mode."""

import pytest
import torch

from mmgmp.models import ConcatFusion


def test_concatenates_in_the_order_of_in_channels():
    fusion = ConcatFusion(dict(video=2, audio=1))
    video, audio = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0]])
    assert fusion.out_channels == 3
    assert fusion(dict(audio=audio, video=video)).tolist() == [[1, 2, 3]]
    assert fusion.spans == dict(video=slice(0, 2), audio=slice(2, 3))


def test_missing_modality_counts_as_zeros():
    fusion = ConcatFusion(dict(video=2, audio=1))
    assert fusion(dict(audio=torch.tensor([[3.0]]))).tolist() == [[0, 0, 3]]


def test_eval_order_permutes_the_columns_in_eval_mode_only():
    widths = dict(video=2, flow=1, audio=3)
    features = dict(
        video=torch.tensor([[1.0, 2.0]]),
        flow=torch.tensor([[3.0]]),
        audio=torch.tensor([[4.0, 5.0, 6.0]]),
    )
    fusion = ConcatFusion(widths, eval_order=['video', 'audio', 'flow'])
    same = ConcatFusion(widths)
    trained = [1, 2, 3, 4, 5, 6]
    assert fusion(features).tolist() == [trained]
    assert same.eval()(features).tolist() == [trained]
    spans = fusion.spans
    assert fusion.eval()(features).tolist() == [[1, 2, 4, 5, 6, 3]]
    assert fusion.spans == spans
    assert spans == dict(
        video=slice(0, 2), flow=slice(2, 3), audio=slice(3, 6)
    )
    # Zeros of a missing modality have its own width, in its own place.
    del features['audio']
    assert fusion(features).tolist() == [[1, 2, 0, 0, 0, 3]]


@pytest.mark.parametrize(
    'order',
    [
        ['video'],
        ['video', 'audio', 'audio'],
        ['video', 'flow'],
        [],
    ],
)
def test_eval_order_that_is_no_permutation_is_refused(order):
    with pytest.raises(
        ValueError, match=r"`eval_order`.*\['video', 'audio'\]"
    ):
        ConcatFusion(dict(video=2, audio=1), eval_order=order)
