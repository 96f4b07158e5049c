# Copyright (c) mmgmp authors.
from collections.abc import Iterable

import numpy as np

from .training_log import Curves

PREFIX = 'boomda/'


def adaptation_curves(records: Iterable[dict], source: str) -> Curves:
    """What :class:`~mmgmp.models.Boomda` logged over the iterations.

    Values that mean nothing are NaN: a ratio or a discrepancy of 0, which is
    what a batch with fewer than two rows of a domain logs (and which has no
    place on a logarithmic axis), the accuracy of the pseudo labels where none
    was kept, and what a record lacks.

    Args:
        records: Training records of :func:`read_training_log`.
        source: Name of the log for the error.

    Returns:
        Quantity -> block -> iterations and values, each (T,), where T counts
        the records with any scalar of Boomda. ``gamma`` and ``discrepancy``
        have a block per modality and ``fused``; ``ratio``, ``kept`` and, if
        it was logged, ``pseudo_accuracy`` have the block ``''``.

    Raises:
        ValueError: The log has no scalars of Boomda.
    """
    records = list(records)
    keys = dict.fromkeys(key for record in records for key in record)
    logged = [key for key in keys if key.startswith(PREFIX)]
    if not logged:
        raise ValueError(
            f'{source} has no scalars of Boomda: its training records do not '
            'contain `boomda/ratio`; give a run of a config whose '
            '`model.objectives` has a `Boomda`, such as those of '
            f'configs/boomda. Found {sorted(keys)}'
        )
    records = [r for r in records if any(key in r for key in logged)]
    steps = np.array([record['step'] for record in records])
    kept = np.array([record.get(f'{PREFIX}kept') for record in records])
    curves: Curves = {}
    for key in logged:
        quantity, _, block = key.removeprefix(PREFIX).partition('.')
        values = np.array([r.get(key, np.nan) for r in records], dtype=float)
        if quantity in ('ratio', 'discrepancy'):
            values[values == 0] = np.nan
        elif quantity == 'pseudo_accuracy':
            values[kept == 0] = np.nan
        curves.setdefault(quantity, {})[block] = (steps, values)
    return curves
