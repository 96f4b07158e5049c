# Copyright (c) mmgmp authors.
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

# Ratio -> modality -> (iterations, values), both of shape (T,).
Curves = dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]

# Ratio -> the logged batch means that it compares.
CONFIDENCES = dict(rho='semantic_confidence.', sigma='domain_confidence.')


def read_training_log(path: str | Path) -> list[dict]:
    """Read the scalars that a run logged.

    A run that was resumed has a log per start. They are joined in the order
    of their timestamps, and each replaces what was logged before from its own
    first training step on.

    Args:
        path: ``work_dir`` of the run, or one ``scalars.json``.

    Returns:
        Training records, whose ``step`` counts iterations, in that order.
        Validation records, whose ``step`` counts epochs, are left out.

    Raises:
        FileNotFoundError: There is no such file or folder, or no log in it.
        ValueError: A line is not a JSON object.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f'{path} does not exist')
    files = [path]
    if path.is_dir():
        files = sorted(path.glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{path} holds no <timestamp>/vis_data/scalars.json: give the '
            '`work_dir` of a training run'
        )
    merged: list[dict] = []
    for file in files:
        records = [r for r in _read_lines(file) if 'iter' in r]
        if records:
            start = min(record['step'] for record in records)
            merged = [r for r in merged if r['step'] < start] + records
    return sorted(merged, key=lambda record: record['step'])


def discrepancy_ratios(records: Iterable[dict], source: str) -> Curves:
    """Discrepancy ratios of each modality over the iterations.

    ``gmp/rho.<m>`` and ``gmp/sigma.<m>`` are taken as logged. A run without
    them has its ratios computed from the logged batch means of the semantic
    confidence q and the domain confidence c,

        rho_m = q_m / mean of the others,  sigma_m = mean of the others / c_m

    (GMP, eq. 8 and 10, for any number of modalities). A run without a domain
    task has no sigma.

    Args:
        records: Training records of :func:`read_training_log`.
        source: Name of the log for the error.

    Returns:
        Ratio (``rho``, ``sigma``) -> modality -> iterations and values.

    Raises:
        ValueError: The log has neither ratios nor confidences of at least two
            modalities.
    """
    records = list(records)
    curves: Curves = {}
    for ratio, prefix in CONFIDENCES.items():
        logged = _columns(records, f'gmp/{ratio}.')
        if not logged:
            confidences = _columns(records, prefix)
            if len(confidences) < 2:
                continue
            logged = {
                modality: (steps, _against_others(confidences, modality))
                for modality, (steps, _) in confidences.items()
            }
            if ratio == 'sigma':
                logged = {m: (x, 1 / y) for m, (x, y) in logged.items()}
        curves[ratio] = logged
    if not curves:
        raise ValueError(
            f'{source} has no discrepancy ratios: its training records '
            'contain neither `gmp/rho.<modality>` nor '
            '`semantic_confidence.<modality>` of two modalities; found '
            f'{sorted({key for record in records for key in record})}'
        )
    return curves


def _read_lines(file: Path) -> list[dict]:
    """Objects of a file of JSON lines."""
    records = []
    for number, line in enumerate(file.read_text().splitlines(), 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f'{file}, line {number} is not JSON ({error}): remove it if '
                'the run was interrupted there'
            ) from error
        if not isinstance(record, dict):
            raise ValueError(f'{file}, line {number} is no JSON object')
        records.append(record)
    return records


def _columns(
    records: list[dict], prefix: str
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name behind `prefix` -> iterations and values.

    Only records that hold all of the names count, so the columns are equally
    long.
    """
    keys = dict.fromkeys(k for r in records for k in r if k.startswith(prefix))
    complete = [record for record in records if keys.keys() <= record.keys()]
    steps = np.array([record['step'] for record in complete])
    return {
        key[len(prefix) :]: (steps, np.array([r[key] for r in complete]))
        for key in keys
    }


def _against_others(
    confidences: dict[str, tuple[np.ndarray, np.ndarray]], modality: str
) -> np.ndarray:
    """Confidence of a modality over the mean confidence of the others."""
    others = [y for m, (_, y) in confidences.items() if m != modality]
    return confidences[modality][1] / np.mean(others, axis=0)
