default_scope = 'mmaction'
# Registers all types of mmgmp in the registries of MMAction2.
custom_imports = dict(imports=['mmgmp'], allow_failed_imports=False)

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=5, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Keeps the weights that are tested: those with the best accuracy on the
    # validation clips of the source domains. Files are written atomically.
    checkpoint=dict(
        type='AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=1,
        save_best='acc/all/fused/top1',
        rule='greater',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
)
custom_hooks = [
    # Rejects a target domain among the sources, and selection on the target.
    dict(type='DomainProtocolHook'),
    # Reports the samples that `on_corrupt='skip'` replaced.
    dict(type='CorruptSampleHook'),
    # Seeds each sample and iteration by its position in the training, so that
    # a resumed run gives the same result as an uninterrupted one.
    dict(type='StepSeedHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# On a CPU, two runs agree bit for bit. deterministic=True would require the
# same of a GPU, where the max pooling of SlowFast has no deterministic
# backward pass.
randomness = dict(seed=0, deterministic=False)

# Lines of the log show losses, accuracies, conflicts and ratios, as means over
# 20 iterations. The JSON log holds all scalars.
log_processor = dict(type='ShortLogProcessor', window_size=20, by_epoch=True)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)
log_level = 'INFO'
load_from = None
resume = False
