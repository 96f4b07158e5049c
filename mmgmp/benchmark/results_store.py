# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

KEY = ('config_hash', 'seed')
# These come first, then the metrics by name, then these.
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

    A run is known by the hash of its config and its seed, and has a row for
    each rule of selection, or one if it failed. The file is replaced as a
    whole by each change and may be kept under version control: rows are
    sorted, accuracies have 6 digits. Several processes may write to it.

    Args:
        path: CSV file; it and its folder are made by the first change.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self) -> pd.DataFrame:
        """Read all rows.

        Returns:
            A frame with at least the columns that every row has. Metrics that
            a row lacks are NaN.

        Raises:
            ValueError: The file lacks a column that identifies a run.
        """
        if not self.path.is_file():
            return pd.DataFrame(columns=[*FIRST, *LAST])
        frame = pd.read_csv(self.path, dtype=str, keep_default_na=False)
        missing = {*FIRST, *LAST} - {*frame.columns}
        if missing:
            raise ValueError(
                f'{self.path} is no results file of the benchmark: it lacks '
                f'the columns {sorted(missing)}'
            )
        for column in frame.columns.difference(TEXTS):
            frame[column] = pd.to_numeric(frame[column])
        return frame

    def states(self) -> dict[tuple[str, int], str]:
        """State of each run by the hash of its config and its seed."""
        rows = self.read()
        keys = zip(rows['config_hash'], rows['seed'].astype(int), strict=True)
        return dict(zip(keys, rows['state'], strict=True))

    def add(self, rows: Sequence[dict]) -> None:
        """Add the rows of a run in place of those it had.

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
