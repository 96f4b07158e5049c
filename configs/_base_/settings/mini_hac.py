# MiniHAC: narrow encoders, trained from scratch in a minute.
_base_ = [
    '../models/small.py',
    '../datasets/mini_hac.py',
    '../schedules/adam_8e.py',
    '../default_runtime.py',
]

from mmgmp.utils.setting import choose_domains

target, sources = choose_domains(
    _base_.domains,
    '{{$MMGMP_TARGET:cartoon}}',
    '{{$MMGMP_SOURCES:others}}',
)

model = dict(
    modalities=_base_.modalities,
    in_channels={m: _base_.widths[m] for m in _base_.modalities},
    data_preprocessor=dict(
        preprocessors={m: _base_.preprocessors[m] for m in _base_.modalities}
    ),
    backbone=dict(encoders={m: _base_.encoders[m] for m in _base_.modalities}),
)
# One source is half as many clips: as many iterations take twice the epochs.
if len(sources) == 1:
    train_cfg = dict(max_epochs=16, val_begin=8, val_interval=4)
    param_scheduler = [dict(_base_.param_scheduler[0], end=16, T_max=16)]
