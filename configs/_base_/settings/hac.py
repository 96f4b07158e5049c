# HAC as published; HACDataset describes the files. Options of the three
# datasets:
#   duplicates='drop'         leaves clips that are in both splits out of
#                             training, and tests each clip once
#   alignment='as_released'   frame indices and audio segments with the
#                             errors of the released code
_base_ = '../published.py'

from mmgmp.utils.setting import choose_domains

dataset = 'hac'
domains = ('human', 'animal', 'cartoon')
num_classes = 7
target, sources = choose_domains(
    domains, '{{$MMGMP_TARGET:cartoon}}', '{{$MMGMP_SOURCES:others}}'
)

# The audio segment of the sampled frames.
sound = dict(align='clip')
if 'flow' in _base_.modalities and 'video' not in _base_.modalities:
    sound['follow'] = 'flow'
train_pipeline = [
    dict(t, **sound) if t['type'] == 'LoadAudio' else t
    for t in _base_.train_pipeline
]
test_pipeline = [
    dict(t, **sound) if t['type'] == 'LoadAudio' else t
    for t in _base_.test_pipeline
]

clips = dict(type='HACDataset', data_root='data/hac')
train_dataloader = dict(dataset=dict(clips, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(clips, pipeline=test_pipeline))
# All clips of the unseen domain.
test_dataloader = dict(
    dataset=dict(clips, split='all', pipeline=test_pipeline)
)
# Unlike the published protocol, adaptation leaves out clips that are in both
# splits of a domain. Otherwise the target would be trained and tested on the
# same clips.
adaptation_clips = dict(duplicates='drop')
