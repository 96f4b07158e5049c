# Copyright (c) mmgmp authors.
"""Fixes that the released OpenMMLab stack needs on current PyTorch.

``import mmgmp`` applies them. For each fix, a test in ``tests/test_compat*``
fails once a release no longer needs it; then delete the fix.
"""

import datetime
import functools
import pathlib
import sys
import types
from pathlib import Path
from pickle import UnpicklingError

import mmaction
import numpy as np
import torch
from mmaction.utils import dependency as mmaction_dependency
from mmengine.config import Config, ConfigDict, config
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint
from mmpretrain.utils import dependency as mmpretrain_dependency
from numpy._core import multiarray


def stub_drn() -> None:
    """Replace the DRN localizer, which is missing in the wheel of MMAction2.

    ``mmaction.models`` imports it, so without it no model can be built. An
    installation with the file is not changed.
    """
    name = 'mmaction.models.localizers.drn'
    root = Path(mmaction.__file__).parent
    if (root / 'models/localizers/drn/drn.py').is_file():
        return
    module = types.ModuleType(f'{name}.drn')
    vars(module).update(DRN=type('DRN', (), {}))
    package = types.ModuleType(name)
    vars(package).update(__path__=[], drn=module)
    sys.modules.update({name: package, f'{name}.drn': module})


def getattr_of_history_buffer(owner: object, name: str) -> object:
    """Replace ``getattr`` when reading a checkpoint.

    A ``HistoryBuffer`` is pickled with its statistics methods, each as
    ``getattr(HistoryBuffer, name)``. Other attributes are not needed.

    Raises:
        pickle.UnpicklingError: The checkpoint needs another attribute.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(owner, name)
    raise UnpicklingError(
        f'the checkpoint asks for the attribute {name!r} of {owner!r}, which '
        'no checkpoint of MMEngine needs: do not trust the file'
    )


def plain_dict(factory: object = None) -> dict:
    """Replace ``defaultdict``, in which PyTorch sets no items."""
    return {}


class StoredConfig:
    """Replace ``Config``, whose call could open a file.

    Attributes:
        settings: Content of the config.
    """

    settings: ConfigDict | None = None

    def __setstate__(self, state: tuple) -> None:
        """Restore the content."""
        self.settings = state[0]


# Content of a checkpoint of MMEngine's Runner besides tensors, all plain data.
# Python's own `getattr` would give access to every attribute of every object.
# A pair has the name in the file: NumPy 1 called its core differently, and the
# class of a path depends on the system and the version of Python.
CHECKPOINT_GLOBALS = (
    HistoryBuffer,
    (getattr_of_history_buffer, 'builtins.getattr'),
    multiarray._reconstruct,
    multiarray.scalar,
    (multiarray._reconstruct, 'numpy.core.multiarray._reconstruct'),
    (multiarray.scalar, 'numpy.core.multiarray.scalar'),
    np.ndarray,
    np.dtype,
    # Types of scalars and arrays, without those of Python objects.
    *dict.fromkeys(type(np.dtype(code)) for code in '?bBhHiIlLefdgFDGSUMm'),
    (plain_dict, 'collections.defaultdict'),
    # Factories of a defaultdict.
    *(int, float, str, list, dict),
    datetime.date,
    datetime.datetime,
    datetime.timedelta,
    datetime.timezone,
    *(
        (getattr(pathlib, f'Pure{system}Path'), f'{module}.{kind}{system}Path')
        for module in ('pathlib', 'pathlib._local')
        for kind in ('', 'Pure')
        for system in ('Posix', 'Windows')
    ),
    (StoredConfig, 'mmengine.config.config.Config'),
    ConfigDict,
)


def restrict_checkpoints() -> None:
    """Allow the content of MMEngine's checkpoints, and nothing else.

    Without this allow-list, ``torch.load`` rejects a checkpoint of the Runner.
    MMEngine unpickles downloaded weights without any restriction, and an
    environment variable of PyTorch does the same for files; this function
    restricts both. A file that is refused or damaged is reported in one line.
    """
    # The package imports this module first.
    from mmgmp.utils.checkpoints import clear_errors, read_checkpoint

    torch.serialization.add_safe_globals(list(CHECKPOINT_GLOBALS))
    load_url = checkpoint.load_url

    @functools.wraps(load_url)
    def load_weights_from_url(url: str, *args, **kwargs):
        with clear_errors(url):
            return load_url(url, *args, **dict(kwargs, weights_only=True))

    # MMEngine logs a part of the name.
    def load_from_local(filename, map_location):
        return read_checkpoint(filename, map_location)

    checkpoint.load_url = load_weights_from_url
    checkpoint.CheckpointLoader.register_scheme(
        '', load_from_local, force=True
    )


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


def leave_out_vision_language() -> None:
    """Disable the vision-language models if Transformers is too new.

    MMAction2 (VindLU) and MMPretrain (BLIP and others) import names that
    Transformers 5 has removed. ``mmaction.models`` does so on import, so no
    model at all can be built if a current Transformers is installed. Without
    Transformers, or with a version that has the names, nothing changes.
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
    """Apply all fixes that do not depend on a config."""
    cache_config_layout()
    leave_out_vision_language()
    stub_drn()
    restore_numpy_inf()
    restrict_checkpoints()
