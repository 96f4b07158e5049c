# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .covariance import covariance_root, full_precision


class _Difference(NamedTuple):
    """Difference of the covariances of one block, target less source."""

    matrix: Tensor

    def energy(self) -> Tensor:
        return self.matrix.square().sum()

    def times(self, target: Tensor, source: Tensor) -> list[Tensor]:
        """The roots' rows, times the difference."""
        return [target @ self.matrix, source @ self.matrix]


class _Grams(NamedTuple):
    """The same through inner products of the roots' rows."""

    target: Tensor
    source: Tensor
    cross: Tensor

    def energy(self) -> Tensor:
        within = self.target.square().sum() + self.source.square().sum()
        return within - 2 * self.cross.square().sum()

    def times(self, target: Tensor, source: Tensor) -> list[Tensor]:
        return [
            self.target @ target - self.cross @ source,
            self.cross.T @ target - self.source @ source,
        ]


def _differences(targets, sources, fused):
    if not fused:
        return [
            _Difference(t.T @ t - s.T @ s) for t, s in zip(targets, sources)
        ]
    target, source = torch.cat(targets, dim=1), torch.cat(sources, dim=1)
    whole = target.T @ target - source.T @ source
    blocks, start = [], 0
    for t in targets:
        stop = start + t.shape[1]
        blocks.append(_Difference(whole[start:stop, start:stop]))
        start = stop
    return [*blocks, _Difference(whole)]


def _grams(targets, sources, fused):
    blocks = [
        _Grams(t @ t.T, s @ s.T, t @ s.T) for t, s in zip(targets, sources)
    ]
    if fused:
        blocks.append(_Grams(*map(sum, zip(*blocks))))
    return blocks


def _blocks(source, target, center, fused, gram):
    sources = [covariance_root(full_precision(x), center) for x in source]
    targets = [covariance_root(full_precision(x), center) for x in target]
    if gram is None:
        widths = [x.shape[1] for x in source]
        width = sum(widths) if fused else max(widths)
        gram = len(source[0]) + len(target[0]) < width
    form = _grams if gram else _differences
    return form(targets, sources, fused), targets, sources


def coral(source: Tensor, target: Tensor, center: bool = True) -> Tensor:
    r"""Squared distance of two covariances, :math:`\|C^t - C^s\|_F^2`.

    `Deep CORAL <https://arxiv.org/abs/1607.01719>`_ without its factor
    :math:`1 / 4d^2`.

    Args:
        source: (n_s, d) with n_s at least 2.
        target: (n_t, d) with n_t at least 2.
        center: False aligns :math:`C + \mu\mu'`, that is the means too.

    Returns:
        Scalar, float32 or float64 also under autocast.
    """
    with torch.autocast(source.device.type, enabled=False):
        blocks, _, _ = _blocks([source], [target], center, False, None)
        return blocks[0].energy()


def coral_with_gramian(
    source: Sequence[Tensor],
    target: Sequence[Tensor],
    center: bool = True,
    fused: bool = True,
    gram: bool | None = None,
) -> tuple[Tensor, Tensor]:
    r"""CORAL of each block of features, and the Gramian of their gradients.

    The losses are :math:`L_b = \lVert C^t_b - C^s_b \rVert_F^2` (eq. 10 of
    `Boomda <https://arxiv.org/abs/2511.08152>`_) of the M modalities and, as
    block M+1, of their concatenation. The Gramian is that of the gradients
    in all embeddings, source and target rows:
    :math:`Q_{bc} = \langle \nabla_Z L_b, \nabla_Z L_c \rangle`.

    With the roots :math:`A = SZ` of :func:`covariance_root`, stacked over
    target and source rows, and with :math:`J` the sign of the rows' domain,

    .. math::
        \nabla_Z L = 4 J S A D, \qquad A D = A (A' J A) = (A A') J A

    takes no backward pass. The first way to put the brackets builds d x d
    covariances, the second n x n Gram matrices, cheaper for wide features.
    The concatenation's :math:`D` holds those of the modalities. Gradients of
    two modalities have no embedding in common: their entry of Q is 0.

    Args:
        source: M tensors (n_s, d_m) with n_s at least 2.
        target: M tensors (n_t, d_m) with n_t at least 2.
        center: False aligns :math:`C + \mu\mu'`, that is the means too.
        fused: Whether the concatenation is a block.
        gram: Whether to use Gram matrices; None for what is cheaper.

    Returns:
        The losses (B,) with a graph, float32 or float64 also under autocast,
        and Q (B, B) in float64 without one. B is M+1, or M without the
        concatenation.
    """
    with torch.autocast(source[0].device.type, enabled=False):
        blocks, targets, sources = _blocks(source, target, center, fused, gram)
        losses = torch.stack([block.energy() for block in blocks])
        with torch.no_grad():
            return losses, _gramian(blocks, targets, sources, center)


def _gramian(blocks, targets, sources, center):
    unimodal = [
        _quarter_gradient(block, t, s, center)
        for block, t, s in zip(blocks, targets, sources)
    ]
    widths = [g.shape[1] for g in unimodal]
    unimodal = torch.cat(unimodal, dim=1)

    def inner_products(gradient):
        products = (unimodal * gradient).split(widths, dim=1)
        return torch.stack([x.sum() for x in products])

    gramian = unimodal.new_zeros(len(blocks), len(blocks))
    modalities = range(len(widths))
    gramian[modalities, modalities] = inner_products(unimodal)
    if len(blocks) > len(widths):
        fused = _quarter_gradient(
            blocks[-1],
            torch.cat(targets, dim=1),
            torch.cat(sources, dim=1),
            center,
        )
        gramian[-1, :-1] = gramian[:-1, -1] = inner_products(fused)
        gramian[-1, -1] = fused.square().sum()
    return 16 * gramian


def _quarter_gradient(block, target, source, center):
    # The rows' sign is the same for all blocks and drops out of Q. Squares of
    # large and of small gradients leave the range of float32.
    return torch.cat(
        [
            covariance_root(x, center).double()
            for x in block.times(target, source)
        ]
    )
