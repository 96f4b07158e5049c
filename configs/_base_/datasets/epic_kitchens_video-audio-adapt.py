# EPIC-Kitchens with an unlabelled target in every training batch, for
# adaptation. A config that builds on this one sets the domains, as those in
# configs/boomda.
_base_ = './epic_kitchens_video-audio.py'

train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(_base_.train_pipeline[-1], algorithm_keys=('domain', 'hidden_label')),
]
labelled = dict(_base_.train_dataloader.dataset, pipeline=train_pipeline)
# The training actions of the target. Their labels are dropped as the list is
# read.
unlabelled = dict(labelled, labelled=False)
val_labelled = dict(_base_.val_dataloader.dataset)
val_unlabelled = dict(
    unlabelled, pipeline=_base_.test_pipeline, test_mode=True
)

# 16 of the sources, as many as without adaptation, and 16 of the target.
train_dataloader = dict(
    batch_size=32,
    batch_sampler=dict(type='SourceTargetBatchSampler', num_target=16),
    # Batches are always full; PyTorch wants it so with a batch sampler.
    drop_last=False,
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[labelled, unlabelled],
        ignore_keys=['domains'],
    ),
)
# Selection: the test clips of the sources, and the training actions of the
# target without labels, for the scores that choose without them.
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[val_labelled, val_unlabelled],
        ignore_keys=['domains'],
    ),
)
val_evaluator = [
    dict(type='DomainAccMetric'),
    dict(type='TargetScoreMetric'),
]
