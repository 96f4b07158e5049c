# Copyright (c) mmgmp authors.
from pickle import UnpicklingError

from mmengine.runner.checkpoint import CheckpointLoader, load_state_dict
from torch import nn

# Only training uses these modules; prediction builds the model without them.
TRAINING_ONLY = 'objectives.'


def load_weights(model: nn.Module, path: str) -> None:
    """Load a checkpoint into a model that is built for prediction.

    Only tensors and plain data are read. Keys and shapes must match those of
    the model; the weights of the training objectives are ignored.

    Args:
        model: Model without ``objectives``.
        path: Checkpoint of a run, or a file with the weights alone.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is damaged or contains other objects than tensors
            and plain data, or keys or shapes differ from those of the model;
            the message lists them.
    """
    try:
        checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu')
    except UnpicklingError as error:
        raise ValueError(
            f'checkpoint {path} was not read: it is damaged, or contains more '
            'than weights and plain data, which could run code '
            f'({_reason(error)})'
        ) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # a file of another format can raise any error
        raise ValueError(
            f'checkpoint {path} is damaged or not a checkpoint: {error!r}'
        ) from error
    state = checkpoint
    if isinstance(checkpoint, dict):
        state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, dict):
        raise ValueError(
            f'checkpoint {path} contains a {type(state).__name__}, not weights'
        )
    state = {k: v for k, v in state.items() if not k.startswith(TRAINING_ONLY)}
    try:
        load_state_dict(model, state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f'checkpoint {path} does not fit this config. {error}'
        ) from error


def _reason(error: UnpicklingError) -> str:
    """Extract the reason, without PyTorch's advice to load the file anyway."""
    lines = map(str.strip, str(error).splitlines())
    signs = ('GLOBAL', 'WeightsUnpickler error')
    found = (line for line in lines if any(sign in line for sign in signs))
    return next(found, 'its pickled part cannot be read')
