# Copyright (c) mmgmp authors.
from itertools import product

import torch
from torch import Tensor

MAX_BLOCKS = 5
RELATIVE_FLOOR = 1e-12


def _floored(squares: Tensor) -> Tensor:
    """Add a floor relative to the largest squared norm."""
    return squares + RELATIVE_FLOOR * squares.max() + 1e-30


def inverse_norm_weights(squares: Tensor) -> Tensor:
    r"""Compute minimum-norm weights of gradients treated as orthogonal.

    Theorem 1 of `Boomda <https://arxiv.org/abs/2511.08152>`_,

    .. math::
        \gamma_b = \frac{1 / q_b}{\sum_c 1 / q_c}
        = \arg\min_{\gamma \in \Delta} \sum_b q_b \gamma_b^2,

    computed as a softmax of logarithms. A floor of :math:`10^{-12} \max q`
    keeps the weights finite, and equal if all gradients vanish.

    Args:
        squares: Squared norms :math:`q` of the gradients, (B,), at least 0.

    Returns:
        :math:`\gamma`, (B,), above 0 with sum 1.

    Example:
        >>> inverse_norm_weights(torch.tensor([1.0, 3.0]))
        tensor([0.7500, 0.2500])
    """
    return (-_floored(squares).log()).softmax(dim=0)


def min_norm_weights(gramian: Tensor) -> Tensor:
    r"""Compute the exact weights of the shortest convex combination.

    The minimum of :math:`\gamma' Q \gamma` over the simplex (MGDA; problem P3
    of `Boomda <https://arxiv.org/abs/2511.08152>`_) solves
    :math:`Q_S \gamma_S \propto 1` on its support :math:`S`. The function
    tries all supports; the best feasible solution is the minimum.

    The gradients are normalized first, :math:`Q_{bc} / \sqrt{q_b q_c} +
    10^{-12} \delta_{bc}`, so their scales do not affect the condition number,
    and identical gradients share their weight evenly.

    Args:
        gramian: Q, (B, B) positive semi-definite, B at most 5.

    Returns:
        :math:`\gamma`, (B,) in the dtype of Q, at least 0 with sum 1.

    Raises:
        ValueError: There are more than 5 blocks.

    Example:
        >>> min_norm_weights(torch.tensor([[1.0, 0.0], [0.0, 3.0]]))
        tensor([0.7500, 0.2500])
    """
    num_blocks = len(gramian)
    if num_blocks > MAX_BLOCKS:
        raise ValueError(
            "balance='qp' tries all subsets of the blocks, which is feasible "
            f'for at most {MAX_BLOCKS} blocks, got {num_blocks}. Use '
            "balance='closed_form', or fewer modalities"
        )
    gram = gramian.double()
    norms = _floored(gram.diagonal()).sqrt()
    identity = torch.eye(num_blocks, dtype=gram.dtype, device=gram.device)
    normalized = gram / norms / norms[:, None] + RELATIVE_FLOOR * identity
    supports = torch.tensor(
        list(product([0.0, 1.0], repeat=num_blocks))[1:],
        dtype=gram.dtype,
        device=gram.device,
    )
    # Rows and columns outside a support are those of the identity.
    inside = supports[:, :, None] * supports[:, None]
    systems = inside * normalized + (1 - inside) * identity
    solutions, _ = torch.linalg.solve_ex(systems, supports / norms)
    weights = solutions / norms
    weights = weights / weights.sum(dim=1, keepdim=True)
    scaled = weights * norms
    values = ((scaled @ normalized) * scaled).sum(dim=1)
    infeasible = ~(weights >= 0).all(dim=1)
    best = values.masked_fill(infeasible, torch.inf).argmin()
    return weights[best].to(gramian.dtype)


def off_diagonal_ratio(gramian: Tensor) -> Tensor:
    r"""Measure how far a Gramian is from the diagonal form of Theorem 1.

    The ratio of Fig. 3 of `Boomda <https://arxiv.org/abs/2511.08152>`_,
    :math:`r = \max_{b \neq c} |Q_{bc}| / \min_b Q_{bb}`.

    Args:
        gramian: Q, (B, B).

    Returns:
        :math:`r`, scalar, at least 0; 0 for a single block. Diagonal entries
        have a floor of :math:`10^{-12}` times the largest.
    """
    squares = gramian.diagonal()
    off_diagonal = (gramian - squares.diag()).abs()
    return off_diagonal.max() / _floored(squares).min()
