# Copyright (c) mmgmp authors.
"""What any weighting and any optim wrapper of modalities must do.

A new one is checked by one more line in ``test_weightings.py`` or
``test_wrappers.py``.
"""

import pytest

from .weighting_checks import PROPERTIES, WeightingCheck
from .wrapper_checks import (
    assert_accumulates,
    assert_changes_something,
    assert_leaves_generators_alone,
    assert_mixed_precision,
    assert_neutral,
    assert_ranks_agree,
    assert_resumes,
    assert_skips_non_finite,
)


def assert_valid_weighting(cfg, statistics=None, sizes=(1, 2, 3, 4), lacks=()):
    """Check a weighting.

    Args:
        cfg: Config of the weighting.
        statistics: Means of the loss dict's entries.
        sizes: Numbers of tasks that it is for.
        lacks: Properties that it is known not to have, which is checked too.
    """
    check = WeightingCheck(cfg, statistics or {}, sizes)
    names = [n for n, s in PROPERTIES.items() if s is None or s in sizes]
    assert {*lacks} <= {*names}
    for name in names:
        if name in lacks:
            with pytest.raises(AssertionError):
                getattr(check, name)()
        else:
            getattr(check, name)()


def assert_valid_wrapper(cfg, neutral, folder, accumulates=True):
    """Check a subclass of :class:`mmgmp.optim.ModalityOptimWrapper`.

    Args:
        cfg: Config of the wrapper, for a :class:`ToyModel`.
        neutral: What changes it so that it does nothing.
        folder: An empty folder.
        accumulates: Whether micro-batches give the update of the batch.
    """
    neutral = dict(cfg, **neutral)
    assert_neutral(neutral)
    assert_changes_something(cfg)
    assert_accumulates(cfg if accumulates else neutral)
    assert_ranks_agree(cfg, folder)
    assert_skips_non_finite(cfg)
    assert_resumes(cfg)
    assert_mixed_precision(neutral)
    assert_leaves_generators_alone(cfg)
