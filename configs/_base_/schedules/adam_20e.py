# Validation, and thus model selection, after each epoch.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
# For --auto-scale-lr: the learning rate is for this total batch size.
auto_scale_lr = dict(enable=False, base_batch_size=16)
