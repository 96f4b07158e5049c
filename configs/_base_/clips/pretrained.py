# One's own clips with the pre-trained encoders and the schedule of the
# published experiments. The setting adds the data, see docs/own_data.md.
_base_ = '../published.py'

# 64 frames last 2.7 s, at any frame rate.
resample = dict(type='ResampleFrames', fps=24)
train_pipeline = [
    part
    for t in _base_.train_pipeline
    for part in ([t, resample] if t['type'] == 'OpenVideo' else [t])
]
test_pipeline = [
    part
    for t in _base_.test_pipeline
    for part in ([t, resample] if t['type'] == 'OpenVideo' else [t])
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
# All clips of the unseen domain.
test_dataloader = dict(dataset=dict(pipeline=test_pipeline, split='all'))
