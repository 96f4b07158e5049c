# Copyright (c) mmgmp authors.
"""An untrained model with a checkpoint, and its scores."""

from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.runner import set_random_seed
from torch import nn

from mmgmp.apis import AudioVideoInferencer
from tests.utils.leaves import leaf_path

CONFIG = leaf_path('dann')


def save_model(path: str | Path) -> nn.Module:
    """Build the model of ``CONFIG`` in eval mode and save its weights.

    The scores of a random model are almost equal for all clips. The saved
    weights make them depend on the video and on the audio.
    """
    set_random_seed(0)
    model = MODELS.build(Config.fromfile(CONFIG).model).eval()
    with torch.no_grad():
        classifier = model.cls_head.classifier
        classifier.output.weight *= 10
        classifier.hidden.weight[:, classifier.fusion.spans['audio']] *= 30
    torch.save(dict(meta={}, state_dict=model.state_dict()), path)
    return model


def load(
    checkpoint: str | Path, cfg: Config | None = None
) -> AudioVideoInferencer:
    """Build an inferencer of a checkpoint of ``CONFIG``."""
    cfg = cfg or Config.fromfile(CONFIG)
    return AudioVideoInferencer(cfg, checkpoint, 'cpu', show_progress=False)


def predict(inferencer: AudioVideoInferencer, paths, **kwargs) -> list[dict]:
    """Scores of each file: branch -> (K,)."""
    result = inferencer(paths, return_datasamples=True, **kwargs)
    return [sample.pred_score for sample in result['predictions']]


def difference(first: dict, second: dict) -> float:
    """Largest difference between the scores of two files, by branch."""
    assert list(first) == list(second)
    return max(float((first[b] - second[b]).abs().max()) for b in first)
