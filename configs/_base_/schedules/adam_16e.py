# adam_8e.py for datasets that are half as large: as many iterations.
_base_ = './adam_8e.py'

train_cfg = dict(max_epochs=16, val_begin=8, val_interval=4)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=16,
        T_max=16,
        convert_to_iter_based=True,
    )
]
