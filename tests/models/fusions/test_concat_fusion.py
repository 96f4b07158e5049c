# Copyright (c) mmgmp authors.
"""ConcatFusion: order and spans."""

import torch

from mmgmp.models import ConcatFusion


def test_concatenates_in_the_order_of_in_channels():
    fusion = ConcatFusion(dict(video=2, audio=1))
    video, audio = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0]])
    assert fusion.out_channels == 3
    assert fusion(dict(audio=audio, video=video)).tolist() == [[1, 2, 3]]
    assert fusion.spans == dict(video=slice(0, 2), audio=slice(2, 3))
