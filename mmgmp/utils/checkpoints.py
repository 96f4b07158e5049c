# Copyright (c) mmgmp authors.
import errno
import os.path as osp
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

import torch

# What PyTorch says of an object that is neither a tensor nor plain data.
FOREIGN = re.compile(
    r'GLOBAL (?P<name>\S+)'
    r'|asks for the attribute (?P<attribute>.+?),'
    r'|unrecognized function (?P<function>.+)'
    r'|(?:create new object for|build Tensor).* got (?P<kind>.+)'
)


class CheckpointError(ValueError):
    """A checkpoint is damaged, or does not fit the model or the run."""


class UntrustedCheckpointError(CheckpointError, UnpicklingError):
    """A checkpoint contains objects that could run code."""


@contextmanager
def clear_errors(path: str | Path) -> Iterator[None]:
    """Replace the errors of :func:`torch.load` by one line that names a file.

    PyTorch advises to load a refused file without restriction, which this
    leaves out.

    Args:
        path: File or address that is read within the context.

    Raises:
        UntrustedCheckpointError: The file contains more than plain data.
        CheckpointError: The file is damaged or not a checkpoint.
        OSError: The file cannot be opened or downloaded.
    """
    try:
        yield
    except Exception as error:  # damaged files raise errors of any type
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        found = FOREIGN.search(str(error))
        if found and isinstance(error, UnpicklingError):
            what = next(filter(None, found.groups())).rstrip('.')
            raise UntrustedCheckpointError(
                f'checkpoint {path} was not read, do not trust it: it '
                f'contains {what}, which could run code; weights and plain '
                'data do not need it'
            ) from None
        raise CheckpointError(
            f'checkpoint {path} was not read: it is damaged or not a '
            'checkpoint; copy, download or convert it again'
        ) from None


def read_checkpoint(
    path: str | Path, map_location: str | Callable | None = 'cpu'
) -> dict:
    """Read a checkpoint file without running code from it.

    Args:
        path: File written by :func:`torch.save`.
        map_location: See :func:`torch.load`.

    Returns:
        Content of the file.

    Raises:
        FileNotFoundError: The file does not exist.
        CheckpointError: It is a folder, is damaged, or is not a checkpoint.
            This is an :class:`UntrustedCheckpointError` if it contains more
            than tensors and plain data.
    """
    path = osp.expanduser(path)
    if osp.isdir(path):
        raise CheckpointError(
            f'checkpoint {path} is a folder: pass a file in it'
        )
    if not osp.isfile(path):
        raise FileNotFoundError(f'checkpoint {path} does not exist')
    try:
        with clear_errors(path):
            checkpoint = torch.load(
                path, map_location=map_location, weights_only=True
            )
    except OSError as error:
        raise CheckpointError(
            f'checkpoint {path} cannot be read: {error.strerror}'
        ) from None
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f'checkpoint {path} contains a {type(checkpoint).__name__}, not '
            'named weights'
        )
    return checkpoint
