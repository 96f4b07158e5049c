# Copyright (c) mmgmp authors.
"""A training of a second with augmentation, dropout and a metric by epoch."""

import random
from copy import deepcopy

import numpy as np
import torch
from mmaction.registry import DATASETS, METRICS, MODELS
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

NUM_SAMPLES = 8
# By the number of epochs that the weights have seen: epoch 2 is selected.
SCORES = [0.0, 0.2, 0.5, 0.3, 0.4, 0.1]


@DATASETS.register_module()
class ToyNoiseDataset(Dataset):
    """Each sample is its index and a draw from each generator."""

    metainfo = {}

    def full_init(self):
        pass

    def __len__(self):
        return NUM_SAMPLES

    def __getitem__(self, index):
        assert type(index) is int
        draws = (random.random(), np.random.rand(), float(torch.rand(())))
        return dict(index=index, inputs=torch.tensor(draws))


@MODELS.register_module()
class ToyDropoutModel(BaseModel):
    """Stores the inputs of each iteration in ``record``."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 8)
        self.register_buffer('steps', torch.zeros((), dtype=torch.long))
        self.record = []

    def forward(self, index, inputs, mode):
        if mode == 'predict':
            return [int(self.steps)] * len(index)
        self.steps += 1
        hidden = self.linear(torch.stack(list(inputs)))
        mask = nn.functional.dropout(torch.ones_like(hidden))
        samples = {int(i): tuple(x.tolist()) for i, x in zip(index, inputs)}
        self.record.append((samples, mask))
        return dict(loss=(mask * hidden).square().mean())


@METRICS.register_module()
class ToyScheduledMetric(BaseMetric):
    """Scores of :data:`SCORES`, and their negatives as a loss."""

    def process(self, data_batch, data_samples):
        self.results += [int(steps) for steps in data_samples]

    def compute_metrics(self, results):
        (steps,) = set(results)
        score = SCORES[steps // 2]
        return dict(acc=score, val_error=-score)


def toy_cfg(work_dir, epochs=3, **options):
    """Config with two iterations and one validation per epoch."""
    loader = dict(
        batch_size=4,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=True),
        dataset=dict(type='ToyNoiseDataset'),
    )
    cfg = Config(
        dict(
            default_scope='mmaction',
            work_dir=str(work_dir),
            model=dict(type='ToyDropoutModel'),
            train_dataloader=loader,
            val_dataloader=dict(
                loader, sampler=dict(type='DefaultSampler', shuffle=False)
            ),
            train_cfg=dict(by_epoch=True, max_epochs=epochs, val_interval=1),
            val_cfg=dict(),
            val_evaluator=dict(type='ToyScheduledMetric'),
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=1.0, momentum=0.9)
            ),
            param_scheduler=[
                dict(
                    type='ReduceOnPlateauLR',
                    monitor='acc',
                    rule='greater',
                    patience=0,
                    factor=0.5,
                )
            ],
            default_hooks=dict(
                checkpoint=dict(
                    type='AtomicCheckpointHook',
                    save_best='acc',
                    interval=1,
                    max_keep_ckpts=1,
                ),
            ),
            custom_hooks=[dict(type='StepSeedHook')],
            randomness=dict(seed=3),
            log_level='ERROR',
        )
    )
    cfg.merge_from_dict(deepcopy(options))
    return cfg


def toy_runner(cfg):
    """Runner with a unique name, so that it has a separate log."""
    toy_runner.count = getattr(toy_runner, 'count', 0) + 1
    cfg.experiment_name = f'toy-{toy_runner.count}'
    return Runner.from_cfg(cfg)
