# MiniHAC with an unlabelled target in every training batch, for adaptation.
# mini_hac-adapt-<target>.py choose a target of two sources, and
# mini_hac-adapt-<source>-<target>.py have one source.
_base_ = './mini_hac.py'

# To log how good pseudo labels are, keep_hidden_label=True in `unlabelled`.
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(_base_.train_pipeline[-1], algorithm_keys=('domain', 'hidden_label')),
]
labelled = dict(_base_.train_dataloader.dataset, pipeline=train_pipeline)
# The training clips of the target. Their labels are dropped as the list is
# read.
unlabelled = dict(labelled, labelled=False)

# 16 of the sources, as many as without adaptation, and 16 of the target; the
# 112 clips of the target come about twice in an epoch of two sources.
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
# Selection: the test clips of the sources, and the training clips of the
# target without labels, for the scores that choose without them.
val_labelled = dict(_base_.held_out, split='test')
val_unlabelled = dict(_base_.held_out, split='train', labelled=False)
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
# The 168 test clips of the target. Training has seen the others, if without
# their labels; generalization is tested on all 280 clips.
test_dataloader = dict(dataset=dict(split='test'))
