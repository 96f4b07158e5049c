# What the pipelines for the narrow encoders share: which media there are, and
# how their inputs are packed. The settings add how media are read.
_base_ = '../models/small.py'

has_video = 'video' in _base_.modalities
has_audio = 'audio' in _base_.modalities
decode = [dict(type='DecodeFrames')] * has_video
keys = dict(video='imgs', audio='audios')
pack = [
    # It leaves `imgs` as frames, which browse_dataset.py of MMAction2 draws.
    dict(
        type='KeyMapper',
        transforms=[
            *[dict(type='FormatShape', input_format='NCTHW')] * has_video,
            *[dict(type='FormatSpectrogram')] * has_audio,
        ],
        remapping={keys[m]: m for m in _base_.modalities},
    ),
    dict(
        type='PackActionInputs',
        collect_keys=_base_.modalities,
        algorithm_keys=('domain',),
        meta_keys=('filename', 'domain_name'),
    ),
]
