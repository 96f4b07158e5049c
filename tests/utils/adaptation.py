# Copyright (c) mmgmp authors.
"""A tiny model that learns from unlabelled rows, and its training."""

from pathlib import Path

import torch
from mmaction.registry import MODELS
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from tests.utils.leaves import read_leaf


@MODELS.register_module()
class ToyAdaptationModel(BaseModel):
    """Classifies the source and moves the mean of the target to it.

    ``record`` keeps (clips, known labels, losses) of each iteration,
    ``hidden`` the hidden labels of the target.
    """

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(132, 8)
        self.classifier = nn.Linear(8, 7)
        self.record, self.hidden = [], []

    def forward(self, inputs, data_samples, mode):
        video = torch.stack(inputs['video']).float().mean((1, 3, 4, 5))
        audio = torch.stack(inputs['audio']).mean((1, 3))
        features = self.encoder(torch.cat([video / 255, audio], dim=1))
        logits = self.classifier(nn.functional.dropout(features, 0.2))
        if mode == 'predict':
            return self.predict(features, logits.softmax(1), data_samples)
        known = torch.tensor(['gt_label' in s for s in data_samples])
        labels = [int(s.gt_label) for s in data_samples if 'gt_label' in s]
        assert [s.domain >= 0 for s in data_samples] == known.tolist()
        losses = dict(
            loss_cls=nn.functional.cross_entropy(
                logits[known], torch.tensor(labels)
            ),
            loss_align=(features[known].mean(0) - features[~known].mean(0))
            .square()
            .sum(),
        )
        clips = [
            f'{s.domain_name}/{Path(s.filename).name}' for s in data_samples
        ]
        self.hidden += [
            s.hidden_label for s in data_samples if 'hidden_label' in s
        ]
        values = tuple(loss.item() for loss in losses.values())
        self.record.append((clips, labels, values))
        return losses

    def predict(self, features, scores, data_samples):
        for sample, row, score in zip(
            data_samples, features, scores, strict=True
        ):
            sample.set_field(row, 'fused_features')
            sample.set_pred_score(dict(fused=score))
            sample.set_pred_label(score.argmax())
        return data_samples


def adaptation_cfg(work_dir, root, epochs=2, **options):
    """Config with 4 iterations per epoch: 28 source clips in batches of 7.

    Args:
        work_dir: Folder of the run.
        root: Folder of a tree in the layout of HAC.
        epochs: Number of epochs.
        **options: Other settings, with dots.
    """
    cfg = read_leaf('boomda', target='cartoon')
    for key in ('train_cfg', 'val_cfg', 'test_cfg', 'param_scheduler'):
        cfg.pop(key)
    for part in ('train', 'val', 'test'):
        dataset = cfg[f'{part}_dataloader'].dataset
        for leaf in dataset.get('datasets', [dataset]):
            leaf.type = 'HACDataset'
            leaf.data_root = str(root)
    cfg.model = dict(type='ToyAdaptationModel')
    cfg.optim_wrapper = dict(optimizer=dict(type='Adam', lr=0.01))
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'train_dataloader.batch_size': 14,
            'train_dataloader.batch_sampler.num_target': 7,
            'train_cfg': dict(
                by_epoch=True, max_epochs=epochs, val_begin=epochs
            ),
            'val_cfg': {},
            'test_cfg': {},
            'log_level': 'ERROR',
            **options,
        }
    )
    return cfg


def train(cfg):
    """Train without validation and test; return the model."""
    train.count = getattr(train, 'count', 0) + 1
    cfg.experiment_name = f'adaptation-{train.count}'
    for part in ('val', 'test'):
        for name in ('dataloader', 'cfg', 'evaluator'):
            cfg.pop(f'{part}_{name}')
    cfg.default_hooks.checkpoint.pop('save_best')
    cfg.default_hooks.checkpoint.pop('rule')
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model
