# Copyright (c) mmgmp authors.
"""Repairs that the released OpenMMLab stack needs on current PyTorch.

``import mmgmp`` applies them. Each has a test in ``tests/test_compat.py`` that
fails once the release no longer needs it; then the repair is to be deleted.
"""

import functools
import importlib.util
import sys
import types
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from mmaction.utils import dependency as mmaction_dependency
from mmengine.config import Config, config
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmpretrain.utils import dependency as mmpretrain_dependency


def stub_drn() -> None:
    """Stand in for the DRN localizer, which the wheel of MMAction2 lacks.

    ``mmaction.models`` imports it, so that no model at all can be built
    without it. An installation that has the file is left alone.
    """
    package_name = 'mmaction.models.localizers.drn'
    root = Path(importlib.util.find_spec('mmaction').origin).parent
    if (root / 'models/localizers/drn/drn.py').is_file():
        return
    package = types.ModuleType(package_name)
    package.__path__ = []
    package.drn = types.ModuleType(f'{package_name}.drn')
    package.drn.DRN = type('DRN', (), {})
    sys.modules[package_name] = package
    sys.modules[f'{package_name}.drn'] = package.drn


def getattr_of_history_buffer(owner: object, name: str) -> object:
    """Stand in for ``getattr`` when a checkpoint is read.

    A ``HistoryBuffer`` is pickled with its statistics methods, each as
    ``getattr(HistoryBuffer, name)``; nothing else is looked up.

    Raises:
        UnpicklingError: If anything else is asked for.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise UnpicklingError(
        f'the checkpoint asks for the attribute {name!r} of {owner!r}, which '
        'no checkpoint of MMEngine needs: do not trust the file'
    )


# What a checkpoint of MMEngine's Runner holds besides tensors: all plain data.
# Python's own `getattr` would open every attribute of every object. `uint32`
# is the state of NumPy's random generator.
CHECKPOINT_GLOBALS = (
    HistoryBuffer,
    (getattr_of_history_buffer, 'builtins.getattr'),
    np._core.multiarray._reconstruct,
    np._core.multiarray.scalar,
    np.ndarray,
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Int64DType,
    np.dtypes.UInt32DType,
)


def restrict_checkpoints() -> None:
    """Make the checkpoints of MMEngine readable, and nothing beyond them.

    ``torch.load`` refuses a checkpoint of the Runner, hence the allow-list.
    Downloaded weights, in contrast, MMEngine unpickles without any
    restriction; they get the same one.
    """
    torch.serialization.add_safe_globals(list(CHECKPOINT_GLOBALS))
    checkpoint.load_url = functools.partial(
        checkpoint.load_url, weights_only=True
    )


def init_cpu_distributed(cfg: Config, launcher: str) -> None:
    """Prepare distributed training on CPUs; to be called before the Runner.

    MMEngine sets a CUDA device even for gloo, and gives one to the model
    wrapper. So the process group is opened here, and the config is changed in
    place to wrap the model without a device. With ``launcher='none'``, or
    where there is a GPU, nothing is done.

    Args:
        cfg: Config of the run.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Raises:
        ValueError: If `launcher` is not ``pytorch``, or `cfg` asks for
            synchronized batch norm, which needs GPUs.
    """
    if launcher == 'none' or torch.cuda.is_available():
        return
    if launcher != 'pytorch':
        raise ValueError(
            f'`launcher` is {launcher!r}, but without a GPU only '
            "'pytorch' is supported"
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
    """Give NumPy 2 back ``np.Inf``, by which MMAction2 frames skeletons.

    Without it ``PoseCompact`` and ``MMCompact`` fail, which the PoseC3D and
    RGBPose-Conv3D configs use.
    """
    if not hasattr(np, 'Inf'):
        np.Inf = np.inf


def cache_config_layout() -> None:
    """Lay out a config's text once.

    MMEngine has yapf do it anew for every checkpoint that holds the text,
    which takes a second or more and is much of a short training.
    """
    lay_out = config.FormatCode

    @functools.lru_cache(maxsize=8)
    def cached(text: str, style: tuple, **kwargs) -> tuple[str, bool]:
        return lay_out(text, style_config=dict(style), **kwargs)

    def format_code(text: str, style_config: dict, **kwargs):
        return cached(text, tuple(style_config.items()), **kwargs)

    config.FormatCode = format_code


def leave_out_vision_language() -> None:
    """Leave out the vision-language models where Transformers is too new.

    MMAction2 (VindLU) and MMPretrain (BLIP and others) import names that
    Transformers 5 has removed, and do so in ``mmaction.models`` itself: no
    model at all can be built beside a current Transformers. Without
    Transformers, or with one that has the names, nothing changes.
    """
    if not mmaction_dependency.WITH_MULTIMODAL:
        return
    try:
        from transformers.modeling_utils import (
            apply_chunking_to_forward,  # noqa: F401
        )
    except ImportError:
        mmaction_dependency.WITH_MULTIMODAL = False
        mmpretrain_dependency.WITH_MULTIMODAL = False


def apply() -> None:
    """Apply the repairs that every use of the package needs."""
    cache_config_layout()
    leave_out_vision_language()
    stub_drn()
    restore_numpy_inf()
    restrict_checkpoints()
