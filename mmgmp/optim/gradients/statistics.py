# Copyright (c) mmgmp authors.
"""Batch means of the entries of a loss dict."""

import math
from collections import Counter
from collections.abc import Mapping

from torch import Tensor

from mmgmp.utils.collectives import Facts, average_scalars


class Statistics(dict[str, float]):
    """Means over the whole batch of the entries of the loss dict.

    A value that is only logged may be NaN. If a rule reads it, the step must
    be skipped, so the reads of values that are not finite are remembered.

    Attributes:
        not_finite: Keys of the values that are not finite.
        read_not_finite: Whether one of them has been read.

    Example:
        >>> statistics = Statistics(loss=0.5, accuracy=float('nan'))
        >>> statistics['loss'], statistics.read_not_finite
        (0.5, False)
        >>> statistics['accuracy'], statistics.read_not_finite
        (nan, True)
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.not_finite = [k for k in self if not math.isfinite(self._of(k))]
        self.read_not_finite = False

    def _of(self, key: str) -> float:
        return super().__getitem__(key)

    def __iter__(self):
        # Without it, `dict(statistics)` would copy the values unseen.
        return super().__iter__()

    def __getitem__(self, key: str) -> float:
        self.read_not_finite |= key in self.not_finite
        return self._of(key)

    def get(self, key, default=None):
        """Return a value, or the default if there is none."""
        if key not in self:
            return default
        return self[key]

    def values(self):
        """Return all values."""
        return {key: self[key] for key in self}.values()

    def items(self):
        """Return all keys and values."""
        return {key: self[key] for key in self}.items()


class StatisticsMean:
    """Mean of named scalars over micro-batches and ranks."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: Counter[str] = Counter()

    def add(self, statistics: Mapping[str, Tensor]) -> None:
        """Add the statistics of one forward.

        Args:
            statistics: Name -> scalar batch mean. A forward without a name,
                such as one of unlabelled clips, does not count for its mean.
        """
        self._counts.update(statistics.keys())
        for name, value in statistics.items():
            self._sums[name] = self._sums.get(name, 0) + value

    def pop(
        self, facts: Facts | None = None, failure: Exception | None = None
    ) -> dict[str, Tensor]:
        """Return the means since the last call, by name.

        Args:
            facts: What must be the same on all ranks.
            failure: Why this rank cannot go on.

        Raises:
            RuntimeError: On all ranks: the names or facts differ, or another
                rank has failed.
            Exception: ``failure`` of this rank.
        """
        sums, counts = self._sums, self._counts
        self._sums, self._counts = {}, Counter()
        average_scalars(sums, counts, facts, failure)
        return sums
