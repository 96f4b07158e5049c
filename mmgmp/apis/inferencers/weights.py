# Copyright (c) mmgmp authors.
from mmengine.runner import CheckpointLoader
from torch import nn

from mmgmp.utils.weights import TRAINING_ONLY, load_complete


def load_weights(model: nn.Module, path: str) -> tuple[str, ...]:
    """Load a checkpoint into a model that is built for prediction.

    Only tensors and plain data are read. Keys and shapes must match those of
    the model; the weights of the training objectives are ignored.

    Args:
        model: Model without ``objectives``.
        path: Checkpoint of a run, or a file with the weights alone.

    Returns:
        The class names of the training, which a run stores in its
        checkpoint. Empty if there are none.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is damaged or contains other objects than tensors
            and plain data, keys or shapes differ from those of the model, or
            weights are not finite.
    """
    checkpoint = CheckpointLoader.load_checkpoint(path, 'cpu')
    load_complete(model, checkpoint, path, optional=TRAINING_ONLY)
    meta = checkpoint.get('meta')
    data = meta.get('dataset_meta') if isinstance(meta, dict) else None
    return tuple((data or {}).get('classes') or ())
