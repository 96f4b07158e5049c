# Copyright (c) mmgmp authors.
"""Read the checkpoints of MMEngine, and nothing that could run code."""

import datetime
import functools
import pathlib
from pickle import UnpicklingError
from types import ModuleType

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from numpy._core import multiarray


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


def allow_plain_data() -> None:
    """Allow the content of MMEngine's checkpoints, and nothing else.

    Without this allow-list, ``torch.load`` rejects a checkpoint of the Runner.
    """
    torch.serialization.add_safe_globals(list(CHECKPOINT_GLOBALS))


def restrict_loading(checkpoint: ModuleType) -> None:
    """Read files and downloads of MMEngine without running code in them.

    MMEngine unpickles downloaded weights without any restriction, and an
    environment variable of PyTorch does the same for files. A file that is
    refused or damaged is reported in one line.

    Args:
        checkpoint: The module ``mmengine.runner.checkpoint``. Other modules
            of the package are not complete yet, so they are imported later.
    """
    load_url = checkpoint.load_url

    @functools.wraps(load_url)
    def load_weights_from_url(url: str, *args, **kwargs):
        from mmgmp.utils.checkpoints import clear_errors

        with clear_errors(url):
            return load_url(url, *args, **dict(kwargs, weights_only=True))

    # MMEngine logs a part of the name.
    def load_from_local(filename, map_location):
        from mmgmp.utils.checkpoints import read_checkpoint

        return read_checkpoint(filename, map_location)

    vars(checkpoint).update(load_url=load_weights_from_url)
    checkpoint.CheckpointLoader.register_scheme(
        '', load_from_local, force=True
    )
