# Copyright (c) mmgmp authors.
from torch import Tensor


def mean_confidence(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Mean probability of the true label.

    The sums of eq. 8-9 of `GMP <https://arxiv.org/abs/2603.14175>`_ divided
    by the number of samples:
    :math:`\frac{1}{N} \sum_i \mathrm{softmax}(z_i)[y_i]`.

    Args:
        logits: (N, K).
        labels: (N,) int64 in [0, K).

    Returns:
        Scalar in (0, 1), without a graph.
    """
    scores = logits.detach().softmax(dim=1)
    return scores.gather(1, labels[:, None]).mean()
