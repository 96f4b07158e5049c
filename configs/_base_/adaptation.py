# A setting with an unlabelled target in every training batch.
_base_ = './setting.py'

from mmgmp.datasets.clips.setting import target_batch

# Set keep_hidden_label=True in `unlabelled` to log the accuracy of pseudo
# labels.
train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(_base_.train_pipeline[-1], algorithm_keys=('domain', 'hidden_label')),
]
target_train_pipeline = train_pipeline
if _base_.corrupted:
    target_train_pipeline = [
        dict(_base_.corruption, transforms=train_pipeline)
    ]
distinct = _base_.get('adaptation_clips', dict())

labelled = dict(
    _base_.train_dataloader.dataset, pipeline=train_pipeline, **distinct
)
# The training clips of the target. Their labels are dropped when the
# annotations are read.
unlabelled = dict(
    labelled,
    pipeline=target_train_pipeline,
    labelled=False,
    domains=[_base_.target],
    source_domains=_base_.sources,
)
# 16 samples from the sources, as without adaptation, and 16 from the target, or
# fewer if one's own clips of the target are fewer.
num_target = target_batch(
    _base_.train_dataloader.dataset, _base_.target, most=16
)
train_dataloader = dict(
    batch_size=16 + num_target,
    batch_sampler=dict(type='SourceTargetBatchSampler', num_target=num_target),
    # Batches are always full; PyTorch requires False with a batch sampler.
    drop_last=False,
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[labelled, unlabelled],
        ignore_keys=['domains'],
    ),
)
auto_scale_lr = dict(base_batch_size=32)
# Model selection: the test clips of the sources. The scores that need no
# target labels use the unlabelled training clips of the target.
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(_base_.val_dataloader.dataset, **distinct),
            dict(unlabelled, pipeline=_base_.target_pipeline, test_mode=True),
        ],
        ignore_keys=['domains'],
    ),
)
val_evaluator = [
    dict(type='DomainAccMetric'),
    dict(type='TargetScoreMetric'),
]
# The test clips of the target, because training uses its other clips, without
# labels. Without adaptation, all clips of the target are tested.
test_dataloader = dict(dataset=dict(split='test', **distinct))
