# Copyright (c) mmgmp authors.
import math

# Mean of an accuracy and the ends of its interval, fractions. Both ends are
# NaN where a single run gives no interval.
MeanInterval = tuple[float, float, float]


def check_mean_interval(name: str, estimate: MeanInterval) -> None:
    """Check the mean of an accuracy and its interval.

    An interval may leave [0, 1], as one of Student's t does.

    Args:
        name: What the estimate is of, for the error.
        estimate: Mean, low and high.

    Raises:
        ValueError: The mean is no fraction, or not in its interval.
    """
    mean, low, high = estimate
    if not 0 <= mean <= 1:
        raise ValueError(
            f'the mean of {name} must be a fraction in [0, 1], got {mean}'
        )
    if math.isnan(low) and math.isnan(high):
        return
    rounding = 1e-9
    if not low - rounding <= mean <= high + rounding:
        raise ValueError(
            f'the interval of {name} must hold its mean {mean}, got {low} to '
            f'{high}'
        )
