# HAC as published; docs of the layout: HACDataset. hac_<modalities>.py choose
# the modalities. A config that builds on one of them sets the domains:
#   train_dataloader = dict(dataset=dict(domains=sources))
#   val_dataloader = dict(dataset=dict(domains=sources))
#   test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
# and, where wanted, in each of the three datasets
#   duplicates='drop'         without the clips of both splits in training, and
#                             each clip once in the test
#   alignment='as_released'   frame indices and audio windows with the faults
#                             of the published code
_base_ = './published_pipelines.py'

dataset_type = 'HACDataset'
data_root = 'data/hac'

# The sound of the sampled frames. Silent clips are kept, as published.
load_audio = dict(type='LoadAudio', align='clip', allow_silence=True)
load_audio_of_flow = dict(load_audio, follow='flow')

train_dataloader = dict(
    _base_.train_loader,
    dataset=dict(type=dataset_type, data_root=data_root, split='train'),
)
# Model selection: the test clips of the source domains.
val_dataloader = dict(
    _base_.eval_loader,
    dataset=dict(
        type=dataset_type, data_root=data_root, split='test', test_mode=True
    ),
)
# The unseen domain, all of its clips.
test_dataloader = dict(
    _base_.eval_loader,
    dataset=dict(
        type=dataset_type, data_root=data_root, split='all', test_mode=True
    ),
)
val_evaluator = dict(type='DomainAccMetric')
test_evaluator = val_evaluator
