# Copyright (c) mmgmp authors.
"""Check arguments that are numbers."""

import math
from numbers import Integral, Real


def check_number(
    name: str,
    value: float,
    least: float = 0,
    above: float | None = None,
    below: float | None = None,
    integer: bool = False,
) -> None:
    """Check that an argument is a finite number in a range.

    Args:
        name: Name of the argument.
        value: Its value.
        least: Least value.
        above: Instead of ``least``, a bound that the value must exceed.
        below: Upper bound, which the value must not reach.
        integer: Whether it must be an integer.

    Raises:
        TypeError: It is not a number; True and False are none.
        ValueError: It is out of range, infinite or NaN.

    Example:
        >>> check_number('ratio', 1.5, below=1)
        Traceback (most recent call last):
        ValueError: `ratio` must be at least 0 and below 1, got 1.5
    """
    kind = Integral if integer else Real
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(
            f'`{name}` must be {"an integer" if integer else "a number"}, '
            f'got {value!r}'
        )
    limits = f'at least {least}' if above is None else f'above {above}'
    fits = value >= least if above is None else value > above
    if below is not None:
        limits += f' and below {below}'
        fits = fits and value < below
    if not fits or not math.isfinite(value):
        finite = '' if math.isfinite(value) else ' and finite'
        raise ValueError(f'`{name}` must be {limits}{finite}, got {value}')
