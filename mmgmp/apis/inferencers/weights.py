# Copyright (c) mmgmp authors.
from pickle import UnpicklingError

from mmengine.runner.checkpoint import CheckpointLoader, load_state_dict
from torch import nn

# Modules that only training uses; prediction builds the model without them.
TRAINING_ONLY = 'objectives.'


def load_weights(model: nn.Module, path: str) -> None:
    """Load a checkpoint into a model that is built for prediction.

    Nothing but tensors and plain data is read. The keys must be those of the
    model, each with its shape; only the training objectives, which take no
    part in prediction, are passed over.

    Args:
        model: Model without ``objectives``.
        path: Checkpoint of a run, or a file with the weights alone.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged or asks for a foreign class, or its
            keys are not those of the model; they are listed.
    """
    try:
        checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu')
    except UnpicklingError as error:
        raise ValueError(
            f'checkpoint {path} was not read: it is damaged, or holds more '
            'than weights and plain data, which could run code '
            f'({_reason(error)})'
        ) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # of any type, from a file of another format
        raise ValueError(
            f'checkpoint {path} is damaged or no checkpoint: {error!r}'
        ) from error
    state = checkpoint
    if isinstance(checkpoint, dict):
        state = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state, dict):
        raise ValueError(
            f'checkpoint {path} holds a {type(state).__name__}, no weights'
        )
    state = {k: v for k, v in state.items() if not k.startswith(TRAINING_ONLY)}
    try:
        load_state_dict(model, state, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f'checkpoint {path} is not one of this config. {error}'
        ) from error


def _reason(error: UnpicklingError) -> str:
    """What was found, without PyTorch's advice to read it all the same."""
    lines = map(str.strip, str(error).splitlines())
    signs = ('GLOBAL', 'WeightsUnpickler error')
    found = (line for line in lines if any(sign in line for sign in signs))
    return next(found, 'its pickled part cannot be read')
