# The data set and the domains of a run. Flags of the tools or environment
# variables choose them:
#   --dataset     MMGMP_DATASET     mini_hac, hac, epic_kitchens or a file
#   --target      MMGMP_TARGET      the unseen domain
#   --sources     MMGMP_SOURCES     others, or for example human-animal
#   --modalities  MMGMP_MODALITIES  for example video-audio-flow
#   --corrupted   MMGMP_CORRUPTED   true: noise in the target
# The config of a method has this file as its base, and does not depend on the
# data set. For an unknown name, the call raises an error that lists the data
# sets. MMEngine evaluates this line before the imports below it.
_base_ = __import__('mmgmp.utils.setting', fromlist=['']).setting_file(
    '{{$MMGMP_DATASET:mini_hac}}'
)

from mmgmp.utils.setting import choose_flag

corrupted = choose_flag('corrupted', '{{$MMGMP_CORRUPTED:false}}')
modalities_with_noise = [m for m in _base_.modalities if m != 'flow']
corruption = dict(type='CorruptedTarget', modalities=modalities_with_noise)
target_pipeline = _base_.test_pipeline
if corrupted:
    target_pipeline = [dict(corruption, transforms=target_pipeline)]

model = dict(
    num_classes=_base_.num_classes,
    num_domains=len(_base_.sources),
)
train_dataloader = dict(dataset=dict(domains=_base_.sources))
val_dataloader = dict(dataset=dict(domains=_base_.sources))
test_dataloader = dict(
    dataset=dict(
        domains=[_base_.target],
        source_domains=_base_.sources,
        pipeline=target_pipeline,
    )
)

# Name of the setting, for the work dir of a run and the start of its log.
setting = '_'.join(
    [
        _base_.dataset,
        '-'.join(_base_.modalities),
        '-'.join(_base_.sources),
        'to',
        _base_.target + ('-corrupted' if corrupted else ''),
    ]
)
# MMEngine logs the entries of env_cfg.
env_cfg = dict(setting=setting)
