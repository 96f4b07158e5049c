# Validation, and thus model selection, after epochs 4, 6 and 8.
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=8, val_begin=4, val_interval=2
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
# For --auto-scale-lr: the learning rate is for this total batch size.
auto_scale_lr = dict(enable=False, base_batch_size=16)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=8,
        T_max=8,
        convert_to_iter_based=True,
    )
]
