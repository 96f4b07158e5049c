train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=12, val_begin=4, val_interval=2
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3)
)
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=0,
        end=12,
        T_max=12,
        convert_to_iter_based=True,
    )
]
