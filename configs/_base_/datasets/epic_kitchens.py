# EPIC-Kitchens as published; docs of the layouts: EPICKitchensDataset.
# epic_kitchens_<modalities>.py choose the modalities. A config that builds on
# one of them sets the domains:
#   train_dataloader = dict(dataset=dict(domains=sources))
#   val_dataloader = dict(dataset=dict(domains=sources))
#   test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
# and, where wanted, in each of the three datasets
#   media='frames'            folders of frames instead of clips
#   alignment='as_released'   frame indices of clips with the faults of the
#                             published code
_base_ = './published_pipelines.py'

dataset_type = 'EPICKitchensDataset'
data_root = 'data/epic_kitchens'

# The seconds of the action in the sound of the whole video.
load_audio = dict(type='LoadAudio', align='action', allow_silence=True)
load_audio_of_flow = load_audio

train_dataloader = dict(
    _base_.train_loader,
    dataset=dict(type=dataset_type, data_root=data_root, split='train'),
)
# Model selection: the test actions of the source domains.
val_dataloader = dict(
    _base_.eval_loader,
    dataset=dict(
        type=dataset_type, data_root=data_root, split='test', test_mode=True
    ),
)
# The unseen domain: its test actions alone.
test_dataloader = dict(
    _base_.eval_loader,
    dataset=dict(
        type=dataset_type, data_root=data_root, split='test', test_mode=True
    ),
)
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator
