# Copyright (c) mmgmp authors.
import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """Convert to float32, unless ``x`` is float64."""
    return x if x.dtype == torch.float64 else x.float()


def zero_loss(*features: Tensor) -> Tensor:
    """Return 0 with a graph, for a batch that is too small for statistics.

    Args:
        features: Tensors of any shape; infinite values are allowed.

    Returns:
        Scalar 0. Its gradient in each of ``features`` is 0.
    """
    empty = [full_precision(x[:0]).flatten() for x in features]
    return torch.cat(empty).sum()


def covariance_root(x: Tensor, center: bool = True) -> Tensor:
    r"""Compute a root of the covariance of a batch, :math:`A'A = C`.

    With the mean :math:`\mu` and the centered rows
    :math:`Z_c = Z - 1 \mu'`:

    .. math::
        A = Z_c / \sqrt{n - 1}
        \quad\text{or, uncentered,}\quad
        A = Z_c / \sqrt{n - 1} + 1 \mu' / \sqrt{n},
        \quad A'A = C + \mu \mu'

    Both are :math:`SZ` for a symmetric :math:`S`, so the gradient of any
    function of :math:`A'A` is :math:`S` times its gradient in :math:`A`.
    The mean is subtracted from the rows, because the one-pass formula
    :math:`Z'Z - n \mu\mu'` cancels in float32.

    Args:
        x: :math:`Z`, (n, d) with n at least 2.
        center: False for the root of :math:`C + \mu \mu'`.

    Returns:
        :math:`A`, (n, d).

    Example:
        >>> x = torch.tensor([[0.0], [2.0]])
        >>> root = covariance_root(x)
        >>> (root.T @ root).item()  # the unbiased variance of 0 and 2
        2.0
    """
    mean = x.mean(dim=0, keepdim=True)
    root = (x - mean) / (len(x) - 1) ** 0.5
    return root if center else root + mean / len(x) ** 0.5


class _Difference(NamedTuple):
    """Covariance of one block in the target minus that in the source."""

    matrix: Tensor

    def energy(self) -> Tensor:
        return self.matrix.square().sum()

    def times(self, target: Tensor, source: Tensor) -> list[Tensor]:
        """Multiply the rows of the roots by the difference."""
        return [target @ self.matrix, source @ self.matrix]


class _Grams(NamedTuple):
    """The same difference as inner products of the rows of the roots."""

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


_Block = _Difference | _Grams
_Rows = Sequence[Tensor]


def _differences(targets: _Rows, sources: _Rows, fused: bool) -> list[_Block]:
    if not fused:
        return [
            _Difference(t.T @ t - s.T @ s) for t, s in zip(targets, sources)
        ]
    target, source = torch.cat([*targets], 1), torch.cat([*sources], 1)
    whole = target.T @ target - source.T @ source
    blocks: list[_Block] = []
    start = 0
    for t in targets:
        stop = start + t.shape[1]
        blocks.append(_Difference(whole[start:stop, start:stop]))
        start = stop
    return [*blocks, _Difference(whole)]


def _grams(targets: _Rows, sources: _Rows, fused: bool) -> list[_Block]:
    grams = [(t @ t.T, s @ s.T, t @ s.T) for t, s in zip(targets, sources)]
    if fused:
        target, source, cross = (
            functools.reduce(torch.add, matrices) for matrices in zip(*grams)
        )
        grams.append((target, source, cross))
    return [_Grams(*matrices) for matrices in grams]


def _blocks(
    source: _Rows, target: _Rows, center: bool, fused: bool, gram: bool | None
) -> tuple[list[_Block], list[Tensor], list[Tensor]]:
    """Return the blocks, and the roots of the target and the source."""
    sources = [covariance_root(full_precision(x), center) for x in source]
    targets = [covariance_root(full_precision(x), center) for x in target]
    if gram is None:
        widths = [x.shape[1] for x in source]
        width = sum(widths) if fused else max(widths)
        gram = len(source[0]) + len(target[0]) < width
    form = _grams if gram else _differences
    return form(targets, sources, fused), targets, sources


def coral(source: Tensor, target: Tensor, center: bool = True) -> Tensor:
    r"""Compute the CORAL distance, :math:`\|C^t - C^s\|_F^2`.

    `Deep CORAL <https://arxiv.org/abs/1607.01719>`_ without its factor
    :math:`1 / 4d^2`.

    Args:
        source: (n_s, d) with n_s at least 2.
        target: (n_t, d) with n_t at least 2.
        center: False aligns :math:`C + \mu\mu'`, which includes the means.

    Returns:
        Scalar, float32 or float64 even under autocast.

    Example:
        >>> source = torch.tensor([[0.0], [2.0]])  # variance 2
        >>> target = torch.tensor([[5.0], [9.0]])  # variance 8
        >>> coral(source, target).item()
        36.0
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
    r"""Compute CORAL of each feature block, and the Gramian of the gradients.

    The losses are :math:`L_b = \lVert C^t_b - C^s_b \rVert_F^2` (eq. 10 of
    `Boomda <https://arxiv.org/abs/2511.08152>`_) of the M modalities and, as
    block M+1, of their concatenation. The Gramian is taken over the gradients
    in all embeddings, source and target rows:
    :math:`Q_{bc} = \langle \nabla_Z L_b, \nabla_Z L_c \rangle`.

    Let :math:`A = SZ` be the roots of :func:`covariance_root`, stacked over
    target and source rows, and :math:`J` the sign of the domain of each row.
    Then

    .. math::
        \nabla_Z L = 4 J S A D, \qquad A D = A (A' J A) = (A A') J A

    needs no backward pass. The first order of multiplication builds d x d
    covariances, the second n x n Gram matrices, which are cheaper for wide
    features. The :math:`D` of the concatenation contains those of the
    modalities. Gradients of two modalities share no embedding, so their entry
    of Q is 0.

    Args:
        source: M tensors (n_s, d_m) with n_s at least 2.
        target: M tensors (n_t, d_m) with n_t at least 2.
        center: False aligns :math:`C + \mu\mu'`, which includes the means.
        fused: Whether the concatenation is a block.
        gram: Whether to use Gram matrices. None chooses the cheaper form.

    Returns:
        The losses (B,) with a graph, float32 or float64 even under autocast,
        and Q (B, B) in float64 without a graph. B is M+1, or M without the
        concatenation.
    """
    with torch.autocast(source[0].device.type, enabled=False):
        blocks, targets, sources = _blocks(source, target, center, fused, gram)
        losses = torch.stack([block.energy() for block in blocks])
        with torch.no_grad():
            return losses, _gramian(blocks, targets, sources, center)


def _gramian(
    blocks: list[_Block],
    targets: list[Tensor],
    sources: list[Tensor],
    center: bool,
) -> Tensor:
    quarters = [
        _quarter_gradient(block, t, s, center)
        for block, t, s in zip(blocks, targets, sources)
    ]
    widths = [g.shape[1] for g in quarters]
    unimodal = torch.cat(quarters, dim=1)

    def inner_products(gradient: Tensor) -> Tensor:
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


def _quarter_gradient(
    block: _Block, target: Tensor, source: Tensor, center: bool
) -> Tensor:
    # The sign of a row is the same for all blocks and cancels in Q. Use
    # float64, because squares of large and small gradients exceed the range of
    # float32.
    return torch.cat(
        [
            covariance_root(x, center).double()
            for x in block.times(target, source)
        ]
    )
