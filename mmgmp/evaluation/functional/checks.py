# Copyright (c) mmgmp authors.
import numpy as np


def finite_array(name: str, values: np.ndarray, ndim: int) -> np.ndarray:
    """Return `values` in float64 once they can be scored.

    Args:
        name: What the caller calls the argument.
        values: Numbers.
        ndim: Number of dimensions that they have.

    Raises:
        ValueError: `values` has another number of dimensions, no element, or
            one that is not finite.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != ndim or values.size == 0:
        raise ValueError(
            f'{name} must be a {ndim}-d array with at least one element, '
            f'but its shape is {values.shape}'
        )
    finite = np.isfinite(values)
    if not finite.all():
        raise ValueError(
            f'{name} must be finite, but {np.count_nonzero(~finite)} of its '
            f'{values.size} elements are NaN or infinite'
        )
    return values
