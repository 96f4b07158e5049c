# Copyright (c) mmgmp authors.
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmgmp.datasets.wrappers import dataset_domains, dataset_leaves
from mmgmp.models import MultimodalRecognizer
from mmgmp.utils import register_all_modules
from mmgmp.utils.replacements import is_replacement

from .inferencers.weights import load_weights

# Part of a split -> dataloader that loads its clips.
LOADERS = dict(source='val_dataloader', target='test_dataloader')
SPLITS = ('source', 'target', 'source+target')


class DomainFeatures(NamedTuple):
    """Features of N clips.

    ``features`` is (N, D) float32, ``labels`` (N,) int64 with indices into
    ``classes``, and ``domains`` has the N names of the domains. ``unseen``
    are the domains that are not sources.
    """

    features: np.ndarray
    labels: np.ndarray
    domains: list[str]
    classes: tuple[str, ...]
    unseen: tuple[str, ...]


def extract_features(
    cfg: Config,
    checkpoint: str | Path,
    split: str = 'source+target',
    device: str | None = None,
) -> DomainFeatures:
    """Compute features of the clips in the evaluation sets of a config.

    The features are the output of :meth:`Classifier.embed` of a trained
    :class:`MultimodalRecognizer`. For :class:`ConcatFusion`, they are the
    concatenated features of the modalities, with zeros for an absent one.

    Args:
        cfg: Config of the run.
        checkpoint: Its weights, see
            :func:`~mmgmp.apis.inferencers.weights.load_weights`.
        split: ``'source'`` for the validation clips of the source domains
            (``val_dataloader``), ``'target'`` for the clips of
            ``test_dataloader``, or ``'source+target'``.
        device: Device, such as ``'cpu'`` or ``'cuda:0'``. The default is the
            best available one.

    Returns:
        Features, labels and domains, sources first.

    Raises:
        FileNotFoundError: The checkpoint does not exist.
        ValueError: The split is unknown, the config has no dataloader for it,
            its model is not a :class:`MultimodalRecognizer`, the checkpoint is
            damaged or belongs to another model, clips have no ``domain_name``,
            or features are not finite.
    """
    if split not in SPLITS:
        raise ValueError(f'`split` must be one of {SPLITS}, got {split!r}')
    names = [LOADERS[part] for part in split.split('+')]
    for name in names:
        if cfg.get(name) is None:
            raise ValueError(
                f'`{name}` is missing in the config, but the split {split!r} '
                'needs it'
            )
    register_all_modules(init_default_scope=False)
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    model = _build_model(cfg, checkpoint, device or get_device())
    parts = [
        _extract(model, Runner.build_dataloader(cfg[name])) for name in names
    ]
    features = np.concatenate([part.features for part in parts])
    if not np.isfinite(features).all():
        raise ValueError(
            f'the features of checkpoint {checkpoint} are not finite: its '
            'training diverged'
        )
    if len({part.classes for part in parts}) > 1:
        raise ValueError(
            f'the datasets of {names} must have the same classes, got '
            f'{[part.classes for part in parts]}'
        )
    return DomainFeatures(
        features,
        np.concatenate([part.labels for part in parts]),
        [domain for part in parts for domain in part.domains],
        parts[0].classes,
        tuple(dict.fromkeys(d for part in parts for d in part.unseen)),
    )


def _build_model(
    cfg: Config, checkpoint: str | Path, device: str
) -> MultimodalRecognizer:
    """Build the trained model without its objectives, in eval mode."""
    model = MODELS.build(
        {key: v for key, v in cfg.model.items() if key != 'objectives'}
    )
    if not isinstance(model, MultimodalRecognizer):
        raise ValueError(
            '`model` must be a MultimodalRecognizer, got '
            f'{type(model).__name__}'
        )
    load_weights(model, str(checkpoint))
    return model.to(device).eval()


@torch.no_grad()
def _extract(
    model: MultimodalRecognizer, loader: DataLoader
) -> DomainFeatures:
    """Compute the features of the clips of one dataloader.

    The replacements of corrupt clips are left out.
    """
    features, labels, domains = [], [], []
    for batch in loader:
        data = model.data_preprocessor(batch, training=False)
        by_modality, _ = model.extract_feat(data['inputs'])
        embedded = model.cls_head.classifier.embed(by_modality)
        kept = [not is_replacement(s) for s in data['data_samples']]
        features.append(embedded.float().cpu().numpy()[kept])
        for sample in compress(data['data_samples'], kept):
            labels.append(sample.gt_label.item())
            domains.append(sample.get('domain_name'))
    if None in domains:
        raise ValueError(
            f'{domains.count(None)} clips have no `domain_name`: add it to '
            '`meta_keys` of PackActionInputs'
        )
    sources = dataset_domains(loader.dataset, 'source_domains')
    return DomainFeatures(
        np.concatenate(features),
        np.array(labels, dtype=np.int64),
        domains,
        tuple(dataset_leaves(loader.dataset)[0].metainfo['classes']),
        tuple(d for d in dict.fromkeys(domains) if d not in sources),
    )
