# EPIC-Kitchens as published; EPICKitchensDataset describes the files. Options
# of the three datasets:
#   media='frames'            folders of frames instead of clips
#   alignment='as_released'   frame indices of clips with the errors of the
#                             released code
_base_ = '../published.py'

from mmgmp.utils.setting import choose_domains

dataset = 'epic_kitchens'
domains = ('D1', 'D2', 'D3')
num_classes = 8
target, sources = choose_domains(
    domains, '{{$MMGMP_TARGET:D3}}', '{{$MMGMP_SOURCES:others}}'
)

# The audio segment of the action, from the sound of the whole video.
sound = dict(align='action')
train_pipeline = [
    dict(t, **sound) if t['type'] == 'LoadAudio' else t
    for t in _base_.train_pipeline
]
test_pipeline = [
    dict(t, **sound) if t['type'] == 'LoadAudio' else t
    for t in _base_.test_pipeline
]

clips = dict(type='EPICKitchensDataset', data_root='data/epic_kitchens')
train_dataloader = dict(dataset=dict(clips, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(clips, pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(clips, pipeline=test_pipeline))
