# Copyright (c) mmgmp authors.
from mmaction.registry import OPTIM_WRAPPERS

from .amp_mixin import AmpMixin
from .gmp_optim_wrapper import GMPOptimWrapper


@OPTIM_WRAPPERS.register_module()
class AmpGMPOptimWrapper(AmpMixin, GMPOptimWrapper):
    """:class:`GMPOptimWrapper` in mixed precision.

    Args:
        dtype: ``'float16'`` or ``'bfloat16'``; see :class:`AmpMixin`.
        loss_scale: ``'dynamic'``, a number, or a dict of arguments of
            :class:`torch.amp.GradScaler`; see :class:`AmpMixin`.
        **kwargs: Arguments of :class:`GMPOptimWrapper`.
    """
