# Copyright (c) mmgmp authors.
"""A model of one weight that counts the epochs, and its data.

The model predicts class 1 for a sample if its weight has reached the
``threshold`` of the sample. Therefore each accuracy follows from the rows of
the dataset.
"""

import os
import signal
import time

import torch
from mmaction.registry import DATASETS, MODELS
from mmaction.structures import ActionDataSample
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from torch import nn

# (threshold, label) of the samples: after two of four epochs all of the source
# is right, after one a half of it, after three or four 3 of 4 samples.
SOURCE = [(1, 1), (2, 1), (2, 1), (3, 0)]
# After epoch 1 to 4: 0, 1/4, 3/4, 3/4 of the target is right.
TARGET = [(2, 1), (3, 1), (3, 1), (1, 0)]


@DATASETS.register_module()
class CountingToyDataset(BaseDataset):
    def __init__(self, domains, rows, classes=('off', 'on')):
        self.rows = rows
        super().__init__(
            metainfo=dict(domains=tuple(domains), classes=tuple(classes)),
            serialize_data=False,
        )

    def load_data_list(self):
        domain = self.metainfo['domains'][0]
        return [
            dict(threshold=float(t), label=label, domain_name=domain)
            for t, label in self.rows
        ]


@MODELS.register_module()
class CountingToyModel(BaseModel):
    """Trains normally, or has a `fault` in its third iteration.

    `reversal_weight` has no effect.
    """

    def __init__(self, fault=None, seconds=0, reversal_weight=0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.fault, self.seconds = fault, seconds

    def forward(self, threshold, label, domain_name, sample_idx, mode):
        if mode == 'loss':
            time.sleep(self.seconds)
            fault = self.fault if self.weight > 1.5 else None
            if fault == 'crash':
                raise RuntimeError('the toy crashed,\nas it was told to')
            if fault == 'die':
                os.kill(os.getpid(), signal.SIGKILL)
            return dict(
                loss=-self.weight * (1 if fault is None else torch.nan)
            )
        return [
            self.predict(*sample)
            for sample in zip(threshold, label, domain_name, strict=True)
        ]

    def predict(self, threshold, label, domain_name):
        on = int(threshold <= self.weight + 1e-4)
        data_sample = ActionDataSample(
            metainfo=dict(domain_name=domain_name)
        ).set_gt_label(int(label))
        scores = dict(
            fused=torch.eye(2)[on],
            video=torch.eye(2)[1 - on],
            video_unimodal=torch.eye(2)[1],
        )
        data_sample.set_field(scores, 'pred_score')
        return data_sample


def settings():
    """Config that trains for four epochs with one iteration each."""
    evaluator = dict(type='DomainAccMetric')
    return dict(
        default_scope='mmaction',
        custom_imports=dict(imports=['mmgmp', __name__]),
        model=dict(type='CountingToyModel'),
        train_dataloader=loader(['human', 'animal'], SOURCE),
        val_dataloader=loader(['human'], SOURCE),
        test_dataloader=loader(['cartoon'], TARGET),
        train_cfg=dict(by_epoch=True, max_epochs=4, val_interval=1),
        val_cfg=dict(),
        test_cfg=dict(),
        val_evaluator=evaluator,
        test_evaluator=evaluator,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1.0)),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                save_best='acc/all/fused/top1',
                interval=1,
                max_keep_ckpts=1,
            ),
        ),
        custom_hooks=[dict(type='DomainProtocolHook')],
        randomness=dict(seed=3),
        log_level='WARNING',
    )


def loader(domains, rows):
    """A dataloader of one batch."""
    return dict(
        batch_size=len(rows),
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='CountingToyDataset', domains=domains, rows=rows),
    )
