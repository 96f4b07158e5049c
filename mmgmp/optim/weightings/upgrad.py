# Copyright (c) mmgmp authors.
import functools
from itertools import product

import torch
from torch import Tensor

from mmgmp.registry import WEIGHTINGS

from .weighting import GramianWeighting

MAX_TASKS = 4
# About the accuracy of inner products of float32 gradients. Without
# regularization, rounding could give nearly dependent gradients huge weights.
REGULARIZATION = 1e-6


def project_on_dual_cone(weights: Tensor, gramian: Tensor) -> Tensor:
    r"""Compute weights of the nearest direction without a conflict.

    The projection of :math:`J' u` onto the cone of the directions :math:`d`
    with :math:`J d \ge 0` is :math:`J' w` with

    .. math:: w = \arg\min_{w \ge u} w' G w, \quad G = J J'

    (Proposition 1 of `Jacobian Descent for Multi-Objective Optimization
    <https://arxiv.org/abs/2406.16232>`_). :math:`(G w)_S = 0` on the set
    :math:`S` of the tasks whose weight increases. The function tries all sets;
    the best feasible solution is the minimum.

    The gradients are normalized first, and :math:`10^{-6}` is added to the
    diagonal, so that identical gradients share the increase evenly.

    Args:
        weights: u, (T,), T at most 4.
        gramian: G, (T, T) positive semi-definite.

    Returns:
        w, (T,).

    Raises:
        ValueError: There are more than 4 tasks.

    Example:
        >>> project_on_dual_cone(
        ...     torch.tensor([1.0, 0.0]), torch.tensor([[1.0, -1], [-1, 4]])
        ... )
        tensor([1.0000, 0.2500])
    """
    size = len(gramian)
    if size > MAX_TASKS:
        raise ValueError(
            'the projection onto the dual cone tries all subsets of the '
            f'tasks, which is feasible for at most {MAX_TASKS} tasks, got '
            f'{size}; merge some in `tasks`, or use '
            "'torchjd.UPGrad' or 'torchjd.DualProj' "
            "with `pip install 'torchjd[quadprog_projector]'`"
        )
    identity = torch.eye(size, dtype=gramian.dtype)
    norms = gramian.diagonal().sqrt()
    # A gradient of norm 0 may have any scale.
    norms = torch.where(norms > 0, norms, 1.0)
    normalized = gramian / norms / norms[:, None] + REGULARIZATION * identity
    lower = weights * norms
    sets = torch.tensor(
        list(product([0.0, 1.0], repeat=size)), dtype=gramian.dtype
    )
    # Rows and columns outside a set are those of the identity.
    inside = sets[:, :, None] * sets[:, None]
    systems = inside * normalized + (1 - inside) * identity
    rises = torch.linalg.solve(systems, -sets * (normalized @ lower))
    scaled = lower + rises
    values = ((scaled @ normalized) * scaled).sum(dim=1)
    infeasible = (rises < 0).any(dim=1)
    best = values.masked_fill(infeasible, torch.inf).argmin()
    return scaled[best] / norms


def upgrad_weights(gramian: Tensor) -> Tensor:
    """Average the projections of the task gradients onto the dual cone.

    UPGrad of `Jacobian Descent for Multi-Objective Optimization
    <https://arxiv.org/abs/2406.16232>`_ with equal preferences. For two
    tasks, these are half the weights of PCGrad.

    Args:
        gramian: (T, T) positive semi-definite, T at most 4.

    Returns:
        (T,), each at least 1 / T.
    """
    size = len(gramian)
    preferences = torch.eye(size, dtype=gramian.dtype) / size
    projections = [project_on_dual_cone(row, gramian) for row in preferences]
    return functools.reduce(torch.add, projections)


def dualproj_weights(gramian: Tensor) -> Tensor:
    """Project the mean of the task gradients onto the dual cone.

    Eq. 11 of `Gradient Episodic Memory for Continual Learning
    <https://arxiv.org/abs/1706.08840>`_, applied to the tasks of one batch.

    Args:
        gramian: (T, T) positive semi-definite, T at most 4.

    Returns:
        (T,), each at least 1 / T.
    """
    size = len(gramian)
    mean = torch.full((size,), 1 / size, dtype=gramian.dtype)
    return project_on_dual_cone(mean, gramian)


@WEIGHTINGS.register_module(name='UPGrad')
class UPGradWeighting(GramianWeighting):
    """UPGrad, see :func:`upgrad_weights`; for at most 4 tasks."""

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        return upgrad_weights(gramian)


@WEIGHTINGS.register_module(name='DualProj')
class DualProjWeighting(GramianWeighting):
    """DualProj, see :func:`dualproj_weights`; for at most 4 tasks."""

    def weigh(self, gramian: Tensor, modality: str) -> Tensor:
        """See :class:`GramianWeighting`."""
        return dualproj_weights(gramian)
