# Copyright (c) mmgmp authors.
"""A model with a checkpoint to predict with, trained on nothing."""

from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.runner import set_random_seed
from torch import nn

from tests.utils.leaves import leaf_path

CONFIG = leaf_path('dann')


def save_model(path: str | Path) -> nn.Module:
    """Build the model of ``CONFIG`` in eval mode and save its weights.

    The scores of a random model are all alike. These tell clips apart, by
    the video and by the audio.
    """
    set_random_seed(0)
    model = MODELS.build(Config.fromfile(CONFIG).model).eval()
    with torch.no_grad():
        classifier = model.cls_head.classifier
        classifier.output.weight *= 10
        classifier.hidden.weight[:, classifier.fusion.spans['audio']] *= 30
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return model
