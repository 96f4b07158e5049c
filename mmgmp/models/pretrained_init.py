# Copyright (c) mmgmp authors.
from collections.abc import Mapping
from logging import WARNING

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.model.weight_init import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from mmgmp.utils.checkpoints import CheckpointError
from mmgmp.utils.weights import load_matching, weights_of


@WEIGHT_INITIALIZERS.register_module(name='Pretrained', force=True)
class MatchingPretrainedInit(PretrainedInit):
    """Initialize a module with a checkpoint that fits it.

    It replaces ``init_cfg=dict(type='Pretrained', checkpoint=...)`` of
    MMEngine, which leaves a module random if nothing in the checkpoint fits.

    Raises:
        ValueError: In the call: less than half of the weights of the module
            are in the checkpoint, or weights are not finite.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load the weights.

        Args:
            module: Module to initialize.
        """
        path = self.checkpoint
        loaded = CheckpointLoader.load_checkpoint(path, self.map_location)
        state: Mapping[str, Tensor] = weights_of(loaded, path)
        if self.prefix is not None:
            prefix = self.prefix.rstrip('.') + '.'
            state = {
                name.removeprefix(prefix): value
                for name, value in state.items()
                if name.startswith(prefix)
            }
            if not state:
                raise CheckpointError(
                    f'checkpoint {path} has no weights under `prefix` '
                    f'{self.prefix!r}'
                )
        misfit = load_matching(module, state, path)
        if misfit:
            print_log(
                f'Only a part of checkpoint {path} fits '
                f'{type(module).__name__}: {misfit}',
                logger='current',
                level=WARNING,
            )
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())
