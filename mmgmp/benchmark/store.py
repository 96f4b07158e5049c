# Copyright (c) mmgmp authors.
"""The results file of a benchmark."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

KEY = ('config_hash', 'seed')
# Columns before and after the metrics, which are sorted by name.
FIRST = (
    'config',
    'variables',
    'overrides',
    'config_hash',
    'target',
    'sources',
    'seed',
    'selection',
    'epoch',
    'state',
    'reason',
)
LAST = ('seconds', 'peak_memory_mb', 'code_version', 'dataset_version')
NUMBERS = ('seed', 'epoch', 'seconds', 'peak_memory_mb')
TEXTS = tuple(x for x in (*FIRST, *LAST) if x not in NUMBERS)


class ResultsStore:
    """Rows of finished and failed runs in one CSV file.

    The hash of the config and the seed identify a run. A run has one row for
    each selection rule, or one row if it failed. Every change replaces the
    whole file, and several processes may write to it. The file is suited to
    version control: rows are sorted and accuracies have 6 digits.

    Args:
        path: CSV file. The first change creates the file and its folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self) -> pd.DataFrame:
        """Read all rows.

        Returns:
            A frame with at least the columns of FIRST and LAST. Metrics that
            a row does not have are NaN.

        Raises:
            ValueError: The file lacks one of these columns.
        """
        if not self.path.is_file():
            return pd.DataFrame(columns=[*FIRST, *LAST])
        frame = pd.read_csv(self.path, dtype=str, keep_default_na=False)
        missing = {*FIRST, *LAST} - {*frame.columns}
        if missing:
            raise ValueError(
                f'{self.path} is not a results file of the benchmark: it '
                f'lacks the columns {sorted(missing)}'
            )
        for column in frame.columns.difference(TEXTS):
            frame[column] = pd.to_numeric(frame[column])
        return frame

    def states(self) -> dict[tuple[str, int], str]:
        """Map the config hash and seed of each run to its state."""
        rows = self.read()
        keys = zip(rows['config_hash'], rows['seed'].astype(int), strict=True)
        return dict(zip(keys, rows['state'], strict=True))

    def add(self, rows: Sequence[dict]) -> None:
        """Add the rows of a run and remove its previous rows.

        Args:
            rows: Rows of one run.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f'{self.path}.lock'):
            known = self.read()
            new = pd.DataFrame(list(rows))
            replaced = pd.Series(True, index=known.index)
            for column in KEY:
                replaced &= known[column] == rows[0][column]
            parts = [part for part in (known[~replaced], new) if len(part)]
            self._write(pd.concat(parts, ignore_index=True))

    def _write(self, frame: pd.DataFrame) -> None:
        metrics = sorted({*frame.columns} - {*FIRST, *LAST})
        frame = frame.reindex(columns=[*FIRST, *metrics, *LAST])
        frame['epoch'] = frame['epoch'].astype('Int64')
        order = ['config', 'variables', 'overrides', 'config_hash']
        order += ['seed', 'selection']
        frame = frame.sort_values(order, kind='stable')
        text = StringIO()
        frame.to_csv(
            text, index=False, float_format='%.6g', lineterminator='\n'
        )
        AtomicLocalBackend().put_text(text.getvalue(), self.path)
