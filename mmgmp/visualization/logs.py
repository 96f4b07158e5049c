# Copyright (c) mmgmp authors.
import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

T = TypeVar('T')

COUNTERS = ('epoch', 'iter', 'step')  # no scalars to draw

# Logged scalars of one iteration.
Record = dict[str, float]


class Curves(NamedTuple):
    """Scalars of a run over the iterations.

    ``steps`` and each array of ``values`` are (T,); NaN where a key has none.
    """

    steps: np.ndarray
    values: dict[str, np.ndarray]


class PooledCurve(NamedTuple):
    """One scalar over the runs of a label.

    All (T,): iterations, mean, lowest and highest run; NaN without a value.
    """

    steps: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def read_training_log(path: str | Path) -> list[Record]:
    """Read the scalars that a run logged.

    A resumed run has one log per start. The logs are joined in the order of
    their timestamps; each replaces the earlier records from its first training
    step on.

    Args:
        path: ``work_dir`` of the run, or one ``scalars.json``.

    Returns:
        Training records, sorted by ``step``, which counts iterations.
        Validation records, whose ``step`` counts epochs, are left out.

    Raises:
        FileNotFoundError: The path does not exist, or the folder has no log.
        ValueError: A line is not a JSON object, or no training iteration was
            logged.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    files = [path]
    if path.is_dir():
        files = sorted(path.glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{path} has no <timestamp>/vis_data/scalars.json: pass the '
            '`work_dir` of a training run'
        )
    merged: list[Record] = []
    for file in files:
        logged = _read_lines(file)
        records = [r for r in logged if r.keys() >= {'iter', 'step'}]
        if records:
            start = min(record['step'] for record in records)
            merged = [r for r in merged if r['step'] < start] + records
    if not merged:
        raise ValueError(f'{path} logs no training iteration')
    return sorted(merged, key=lambda record: record['step'])


def _read_lines(file: Path) -> list[Record]:
    """Read a file of JSON objects, one per line.

    Values that are not numbers are left out.
    """
    try:
        text = file.read_text('utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f'{file} is not a text file: {error}') from error
    records = []
    # Only a line feed ends a line: JSON text may contain others.
    for number, line in enumerate(text.split('\n'), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f'{file}, line {number} is not JSON ({error}): remove it if '
                'the run was interrupted there'
            ) from error
        if not isinstance(record, dict):
            raise ValueError(f'{file}, line {number} is not a JSON object')
        for key in COUNTERS:
            if key in record and not _is_finite(record[key]):
                raise ValueError(
                    f'{file}, line {number} has no number as {key!r}, but '
                    f'{record[key]!r}'
                )
        records.append({k: v for k, v in record.items() if _is_number(v)})
    return records


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: object) -> bool:
    return _is_number(value) and bool(np.isfinite(float(value)))  # type: ignore


def match_keys(
    runs: Iterable[tuple[str, Sequence[Record]]], globs: Sequence[str]
) -> list[list[str]]:
    """Find the logged keys that each glob matches.

    Args:
        runs: Name and training records of each run.
        globs: Patterns such as ``'gmp/rho.*'``.

    Returns:
        Keys of each glob, in the order in which they were logged.

    Raises:
        ValueError: A glob matches no key of any run, or a run has no key
            that matches any glob.

    Example:
        >>> records = [{'loss': 2.0, 'rho.video': 1.5, 'rho.audio': 0.5}]
        >>> match_keys([('gmp', records)], ['rho.*', 'loss'])
        [['rho.video', 'rho.audio'], ['loss']]
    """
    logged = [
        (
            name,
            [k for k in dict.fromkeys(chain(*records)) if k not in COUNTERS],
        )
        for name, records in runs
    ]
    every = dict.fromkeys(key for _, keys in logged for key in keys)
    matches = [[k for k in every if fnmatchcase(k, g)] for g in globs]
    for glob, matched in zip(globs, matches):
        if not matched:
            raise ValueError(
                f'{glob!r} matches no logged key; there are {sorted(every)}'
            )
    found = set(chain(*matches))
    for name, keys in logged:
        if found.isdisjoint(keys):
            raise ValueError(
                f'run {name} logged no key that matches {list(globs)}, '
                f'only {sorted(keys)}'
            )
    return matches


def spread_globs(
    option: str, values: Mapping[str, T], keys: Sequence[str]
) -> dict[str, T]:
    """Assign the value of each glob to the keys that it matches.

    Args:
        option: Name of the mapping, for the error.
        values: Glob -> value.
        keys: Keys that are drawn.

    Raises:
        ValueError: A glob matches none of the keys.
    """
    for glob in values:
        if not any(fnmatchcase(key, glob) for key in keys):
            raise ValueError(
                f'{glob!r} of `{option}` matches none of the drawn keys '
                f'{list(keys)}'
            )
    return {
        key: value
        for glob, value in values.items()
        for key in keys
        if fnmatchcase(key, glob)
    }


def select_curves(
    records: Sequence[Record],
    keys: Iterable[str],
    where: Mapping[str, str] | None = None,
) -> Curves:
    """Select some scalars of a run.

    Args:
        records: Training records of :func:`read_training_log`.
        keys: Scalars to select. Those that the run did not log are left out.
        where: Key -> another key; the values of the first are NaN where the
            second is 0.

    Returns:
        Their values at the iterations that logged any of them.
    """
    where = where or {}
    keys = dict.fromkeys(keys)
    records = [r for r in records if not r.keys().isdisjoint(keys)]
    values = {}
    for key in keys:
        if any(key in record for record in records):
            values[key] = _column(records, key)
            if key in where:
                values[key][_column(records, where[key]) == 0] = np.nan
    return Curves(_column(records, 'step').astype(int), values)


def _column(records: Iterable[Record], key: str) -> np.ndarray:
    return np.array([record.get(key, np.nan) for record in records], float)


def check_alike(runs: Mapping[str, Curves]) -> None:
    """Check that the runs of a label can be pooled.

    Args:
        runs: Name of a run, for errors -> its curves.

    Raises:
        ValueError: A run has other keys or iterations than the first one.
    """
    (first, curves), *others = runs.items()
    for name, other in others:
        if curves.values.keys() != other.values.keys():
            raise ValueError(
                f'run {name} logged {sorted(other.values)}, but run {first} '
                f'of the same label logged {sorted(curves.values)}: give them '
                'different labels'
            )
        if not np.array_equal(curves.steps, other.steps):
            raise ValueError(
                f'run {name} has {_span(other.steps)}, but run {first} of '
                f'the same label has {_span(curves.steps)}: finish the run, '
                'or give it its own label'
            )


def _span(steps: np.ndarray) -> str:
    return f'{len(steps)} logged iterations from {steps[0]} to {steps[-1]}'


def pool_runs(
    runs: Sequence[Curves], key: str, log: bool = False, smooth: int = 1
) -> PooledCurve:
    """Compute the mean and the range of a scalar over runs.

    Each run is smoothed first. Values that are not finite are left out.

    Args:
        runs: Runs with the same iterations.
        key: The scalar.
        log: Whether the mean is geometric; values that are not positive are
            then left out.
        smooth: Number of logged points in a centred moving average.

    Returns:
        Mean and range; of length 0 if the runs did not log the key.
    """
    values = np.array([run.values[key] for run in runs if key in run.values])
    if not len(values):
        return PooledCurve(*np.empty((4, 0)))
    if log:
        values = np.where(values > 0, values, np.nan)
    smoothed = [moving_average(run, smooth) for run in values]
    pooled = np.ma.masked_invalid(smoothed)
    mean = np.exp(np.ma.log(pooled).mean(0)) if log else pooled.mean(0)
    ends = (x.filled(np.nan) for x in (mean, pooled.min(0), pooled.max(0)))
    return PooledCurve(runs[0].steps, *ends)


def moving_average(values: np.ndarray, size: int) -> np.ndarray:
    """Average `size` points around each point, and fewer at the ends.

    Values that are not finite are left out; a window without finite values
    gives NaN.

    Example:
        >>> moving_average(np.array([1.0, 2.0, 6.0]), 3)
        array([1.5, 3. , 4. ])
    """
    window = np.ones(min(size, len(values)))
    finite = np.isfinite(values)
    count = np.convolve(finite, window, mode='same')
    total = np.convolve(np.where(finite, values, 0), window, mode='same')
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
