# Copyright (c) mmgmp authors.
"""Fixes that the released OpenMMLab stack needs on current PyTorch.

``import mmgmp`` applies them. For each fix, a test in ``tests/test_compat*``
fails once a release no longer needs it; then delete the fix.
"""

import functools
from types import ModuleType

import numpy as np
from mmengine.config import Config, config
from wrapt import register_post_import_hook

from .missing_module import stub_drn


def init_cpu_distributed(cfg: Config, launcher: str) -> None:
    """Prepare distributed training on CPUs, before the Runner is built.

    MMEngine sets a CUDA device even for gloo, and passes one to the model
    wrapper. Therefore this function creates the process group, and changes
    the config in place to wrap the model without a device. With
    ``launcher='none'`` or a GPU, it does nothing.

    Args:
        cfg: Config of the run.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        ValueError: ``launcher`` is not ``pytorch``, or ``cfg`` uses
            synchronized batch norm, which needs GPUs.
    """
    import torch

    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher != 'pytorch':
        raise ValueError(
            f"`launcher` must be 'pytorch' without a GPU, got {launcher!r}"
        )
    if cfg.get('sync_bn') is not None:
        raise ValueError(
            f'`sync_bn` is {cfg.sync_bn!r}, which needs GPUs: remove it from '
            'the config or pass `--cfg-options sync_bn=None`'
        )
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
    cfg.model_wrapper_cfg.setdefault('device_ids', None)
    torch.distributed.init_process_group('gloo')


def restore_numpy_inf() -> None:
    """Restore ``np.Inf``, which NumPy 2 removed and MMAction2 uses.

    Without it, ``PoseCompact`` and ``MMCompact`` fail, which the PoseC3D and
    RGBPose-Conv3D configs use.
    """
    if not hasattr(np, 'Inf'):
        vars(np).update(Inf=np.inf)


def cache_config_layout() -> None:
    """Format the text of a config only once.

    MMEngine calls yapf for every checkpoint, which contains the text. This
    takes a second or more, a large part of a short training.
    """
    lay_out = config.FormatCode

    @functools.lru_cache(maxsize=8)
    def cached(text: str, style: tuple, **kwargs) -> tuple[str, bool]:
        return lay_out(text, style_config=dict(style), **kwargs)

    def format_code(text: str, style_config: dict, **kwargs):
        return cached(text, tuple(style_config.items()), **kwargs)

    config.FormatCode = format_code


def leave_out_vision_language(dependency: ModuleType) -> None:
    """Disable the vision-language models if Transformers is too new.

    MMAction2 (VindLU) and MMPretrain (BLIP and others) import names that
    Transformers 5 has removed. ``mmaction.models`` does so on import, so no
    model at all can be built if a current Transformers is installed. Without
    Transformers, or with a version that has the names, nothing changes.

    Args:
        dependency: The module ``utils.dependency`` of either.
    """
    if not dependency.WITH_MULTIMODAL:
        return
    try:
        from transformers.modeling_utils import (
            apply_chunking_to_forward,  # noqa: F401
        )
    except ImportError:
        vars(dependency).update(WITH_MULTIMODAL=False)


def read_checkpoints(_: ModuleType) -> None:
    """See :func:`.checkpoints.allow_plain_data`, once PyTorch is there."""
    from .checkpoints import allow_plain_data

    allow_plain_data()


def restrict_checkpoints(checkpoint: ModuleType) -> None:
    """See :func:`.checkpoints.restrict_loading`."""
    from .checkpoints import restrict_loading

    restrict_loading(checkpoint)


# Module -> its fix. Importing these modules takes several seconds, which a
# tool does not spend only to print its help.
FIXES = {
    'torch': read_checkpoints,
    'mmengine.runner.checkpoint': restrict_checkpoints,
    'mmaction.utils.dependency': leave_out_vision_language,
    'mmpretrain.utils.dependency': leave_out_vision_language,
}


def apply() -> None:
    """Apply all fixes that do not depend on a config.

    Those of :data:`FIXES` wait until the module is imported.
    """
    cache_config_layout()
    stub_drn()
    restore_numpy_inf()
    for module, fix in FIXES.items():
        register_post_import_hook(fix, module)
