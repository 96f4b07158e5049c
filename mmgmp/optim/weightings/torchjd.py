# Copyright (c) mmgmp authors.
"""Weightings of TorchJD by name, ``torchjd.<Name>``."""

from importlib.util import find_spec
from typing import Any

import torch
from mmengine.registry import Registry
from torch import Tensor, nn

from mmgmp.registry import WEIGHTINGS

from .upgrad import project_on_dual_cone
from .weighting import GramianWeighting

TORCHJD = Registry(
    'weighting',
    parent=WEIGHTINGS,
    scope='torchjd',
    locations=['mmgmp.optim.weightings.torchjd'],
)
# Other weightings of TorchJD 0.18 need more than a Gramian.
NAMES = (
    'AlignedMTL',
    'CAGrad',
    'CRMOGM',
    'Constant',
    'DualProj',
    'FairGrad',
    'GradVac',
    'IMTLG',
    'Krum',
    'MGDA',
    'Mean',
    'PCD',
    'PCGrad',
    'Random',
    'Sum',
    'UPGrad',
)


class TorchJDWeighting(GramianWeighting):
    """A weighting of `TorchJD <https://torchjd.org>`_.

    Each modality has a separate instance, because some weightings keep a
    state. The order of the tasks is that of ``tasks``; it matters for
    weightings that treat tasks differently (``PCD``, preference vectors). A
    task that does not reach an encoder is omitted for this encoder.

    ``UPGrad`` and ``DualProj`` need no ``quadprog`` for at most 4 tasks, see
    :func:`~mmgmp.optim.weightings.upgrad.project_on_dual_cone`.

    Args:
        name: For example ``'UPGrad'`` for
            ``torchjd.aggregation.UPGradWeighting``.
        **kwargs: Arguments of the weighting. A list becomes a vector. A dict
            with a ``type``, such as ``weighting=dict(type='torchjd.UPGrad')``
            of ``CRMOGM``, becomes another weighting of TorchJD.

    Raises:
        ImportError: TorchJD, or a package that it needs for this weighting,
            is not installed.

    Example::

        optim_wrapper = dict(
            type='TaskGradientOptimWrapper',
            weighting=dict(type='torchjd.AlignedMTL', scale_mode='rmse'),
            optimizer=dict(type='Adam', lr=1e-4))
    """

    def __init__(self, name: str, **kwargs) -> None:
        self.name = name
        self.kwargs = kwargs
        self.instances: dict[str, nn.Module] = {}
        # Invalid arguments must raise an error now, not in the first step.
        _build(name, kwargs)

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        if modality not in self.instances:
            self.instances[modality] = _build(self.name, self.kwargs)
        with torch.no_grad():
            return self.instances[modality](gramian)

    def state_dict(self) -> dict[str, dict[str, Tensor]]:
        """Return the state of the instance of each modality."""
        states = {m: i.state_dict() for m, i in self.instances.items()}
        return {m: dict(state) for m, state in states.items() if state}

    def load_state_dict(
        self, state_dict: dict[str, dict[str, Tensor]]
    ) -> None:
        """Load a state.

        Args:
            state_dict: Output of :meth:`state_dict`.
        """
        for modality, state in state_dict.items():
            instance = _build(self.name, self.kwargs)
            for key, value in state.items():
                _restore(instance, key, value)
            self.instances[modality] = instance


def _build(name: str, kwargs: dict) -> nn.Module:
    """Build a module of TorchJD."""
    try:
        from torchjd import aggregation
    except ModuleNotFoundError as error:
        raise ImportError(
            f"type='torchjd.{name}' needs TorchJD; run: "
            "pip install 'mmgmp[torchjd]'"
        ) from error
    arguments = {key: _convert(value) for key, value in kwargs.items()}
    if name in ('UPGrad', 'DualProj') and not (
        find_spec('quadprog') and find_spec('qpsolvers')
    ):
        arguments.setdefault('projector', _enumerating_projector())
    return getattr(aggregation, f'{name}Weighting')(**arguments)


def _convert(value: object) -> object:
    """Convert an argument in a config to its type in TorchJD."""
    if isinstance(value, dict):
        arguments = dict(value)
        name = str(arguments.pop('type')).removeprefix('torchjd.')
        return _build(name, arguments)
    if isinstance(value, (list, tuple)):
        return torch.tensor(value, dtype=torch.float64)
    return value


def _enumerating_projector():
    """Return a projector for TorchJD that needs no solver."""
    from torchjd.linalg import DualConeProjector

    class EnumeratingProjector(DualConeProjector):
        def __call__(self, U: Tensor, G: Tensor) -> Tensor:  # noqa: N803
            if U.ndim == 1:
                return project_on_dual_cone(U, G)
            return torch.stack([project_on_dual_cone(u, G) for u in U])

    return EnumeratingProjector()


def _restore(instance: Any, key: str, value: Tensor) -> None:
    """Set one entry of a state.

    The buffers of TorchJD are None at first, and ``load_state_dict`` does not
    fill such buffers. TorchJD drops them unless ``_state_key`` matches the
    number of tasks.
    """
    *path, name = key.split('.')
    for part in path:
        instance = getattr(instance, part)
    # Some weightings change their buffers in place.
    setattr(instance, name, value.clone())
    if name == '_sq_norm_ema':
        instance._state_key = len(value)
    elif name == '_phi_t':
        instance._state_key = (len(value), value.dtype)


def _register(name: str) -> None:
    def build(**kwargs) -> TorchJDWeighting:
        return TorchJDWeighting(name, **kwargs)

    TORCHJD.register_module(name=name, module=build)


for _name in NAMES:
    _register(_name)
