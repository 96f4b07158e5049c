# Copyright (c) mmgmp authors.
"""The results file of a benchmark."""

import csv
import os
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pandas as pd
from filelock import FileLock

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.csv_cells import guard_cell, guard_row, unguard_cell

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
# Without these, a row says nothing. Files of older versions may lack others.
NEEDED = ('config_hash', 'seed', 'selection', 'state')
METRICS = ('source/', 'target/')
ACCURACIES = ('/top1', '/mean1')
STATES = ('finished', 'failed')


class ResultsStore:
    """Rows of finished and failed runs in one CSV file.

    The hash of the config and the seed identify a run. A run has one row for
    each selection rule, or one row if it failed. Every change replaces the
    whole file, and several processes may write to it. The file is suited to
    version control: rows are sorted and accuracies have 6 digits.

    Text that a spreadsheet would run as a formula is quoted, see
    :func:`mmgmp.utils.csv_cells.guard_cell`.

    Args:
        path: CSV file, or a link to one. The first change creates the file
            and its folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def check(self) -> None:
        """Check that rows can be added.

        Raises:
            ValueError: The file or its folder cannot be written.
        """
        folder = self.path.absolute().parent
        while not folder.exists():
            folder = folder.parent
        # Every change replaces the file, even one that is read-only.
        is_locked = self.path.exists() and not (
            self.path.stat().st_mode & 0o222 and os.access(self.path, os.W_OK)
        )
        if self.path.is_symlink() and not self.path.exists():
            reason = 'is a link to a file that does not exist'
        elif self.path.exists() and not self.path.is_file():
            reason = 'is not a file'
        elif not folder.is_dir() or not os.access(folder, os.W_OK):
            reason = f'cannot be written: {folder} is no writable folder'
        elif is_locked:
            reason = 'is read-only'
        else:
            return
        raise ValueError(
            f'results file {self.path} {reason}: change `results` of the '
            'plan, or the permissions'
        )

    def read(self) -> pd.DataFrame:
        """Read all rows.

        Returns:
            A frame with at least the columns of FIRST and LAST. Metrics that
            a row does not have are NaN. Equal rows occur once.

        Raises:
            ValueError: The file has no rows of a benchmark, a line is damaged,
                or a run has two different results; the message is one line
                with the file and the line.
        """
        if not self.path.exists():
            return pd.DataFrame(columns=[*FIRST, *LAST])
        frame = self._read_texts()
        for column in {*FIRST, *LAST} - {*frame.columns}:
            frame[column] = ''
        lines = pd.Series(frame.index, index=frame.index)
        for column in frame.columns:
            if column in NUMBERS or column.startswith(METRICS):
                frame[column] = self._numbers(frame[column])
            elif column not in (*FIRST, *LAST):
                # Of another version.
                frame[column] = _numbers_if_all_are(frame[column])
        self._check(frame['seed'].notna(), lines, 'has no seed')
        self._check(
            (frame['seed'] >= 0) & (frame['seed'] % 1 == 0),
            lines,
            'has a seed that is not a natural number',
        )
        self._check(
            frame['state'].isin(STATES),
            lines,
            f'has a state that is none of {STATES}',
        )
        for column in frame.columns:
            if column.startswith(METRICS) and column.endswith(ACCURACIES):
                values = frame[column]
                is_fraction = values.isna() | values.between(0, 1)
                self._check(
                    is_fraction, lines, f'has a {column} not in [0, 1]'
                )
        frame = frame.drop_duplicates()
        by_rule = frame.duplicated([*KEY, 'selection'])
        self._check(~by_rule, lines, 'is a second result of the same run')
        failed = frame[frame['state'] == 'failed'].set_index([*KEY]).index
        others = frame[frame['state'] != 'failed']
        is_failed = others.set_index([*KEY]).index.isin(failed)
        self._check(
            pd.Series(~is_failed, index=others.index),
            lines,
            'is a result of a run that another line says has failed',
        )
        return frame.reset_index(drop=True)

    def _read_texts(self) -> pd.DataFrame:
        """Read all cells as text. The index has the numbers of the lines."""
        try:
            text = self.path.read_text('utf-8-sig')
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(
                f'results file {self.path} cannot be read: {error}'
            ) from error
        reader = csv.reader(StringIO(text, newline=''), strict=True)
        rows, lines = [], []
        line = 1
        try:
            for row in reader:
                if row:
                    rows.append([unguard_cell(cell) for cell in row])
                    lines.append(line)
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f'{self.path}, line {line}: {error}') from error
        header = rows[0] if rows else []
        missing = sorted({*NEEDED} - {*header})
        if missing:
            raise ValueError(
                f'{self.path} is not a results file of the benchmark: it '
                f'lacks the columns {missing}'
            )
        if len({*header}) < len(header):
            raise ValueError(f'{self.path} has two columns of the same name')
        for row, number in zip(rows, lines):
            if len(row) != len(header):
                raise ValueError(
                    f'{self.path}, line {number} has {len(row)} cells instead '
                    f'of {len(header)}, so it is damaged: remove it, and its '
                    'run will be repeated'
                )
        return pd.DataFrame(rows[1:], columns=header, index=lines[1:])

    def _numbers(self, column: pd.Series) -> pd.Series:
        numbers = pd.to_numeric(column, errors='coerce')
        is_empty = column.str.strip().str.lower().isin(['', 'nan'])
        lines = pd.Series(column.index, index=column.index)
        what = f'has a value in {column.name!r} that is no number'
        self._check(numbers.notna() | is_empty, lines, what)
        return numbers

    def _check(self, good: pd.Series, lines: pd.Series, what: str) -> None:
        if not good.all():
            line = lines[good.index[~good][0]]
            raise ValueError(
                f'{self.path}, line {line} {what}: correct or remove it'
            )

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
        # A link stays a link.
        path = self.path.resolve()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f'{path}.lock'):
                known = self.read()
                new = pd.DataFrame(list(rows))
                replaced = pd.Series(True, index=known.index)
                for column in KEY:
                    replaced &= known[column] == rows[0][column]
                parts = [part for part in (known[~replaced], new) if len(part)]
                text = _format(pd.concat(parts, ignore_index=True))
                AtomicLocalBackend().put_text(text, path)
        except OSError as error:
            raise ValueError(
                f'results file {self.path} cannot be written: {error}. The '
                'rows remain in the work dir of the run, and the same command '
                'stores them'
            ) from error


def _numbers_if_all_are(column: pd.Series) -> pd.Series:
    try:
        return pd.to_numeric(column)
    except ValueError:
        return column


def _format(frame: pd.DataFrame) -> str:
    metrics = sorted({*frame.columns} - {*FIRST, *LAST})
    frame = frame.reindex(columns=[*FIRST, *metrics, *LAST])
    frame['epoch'] = frame['epoch'].astype('Int64')
    frame['seed'] = frame['seed'].astype('Int64')
    order = ['config', 'variables', 'overrides', 'config_hash']
    order += ['seed', 'selection']
    frame = frame.sort_values(order, kind='stable')
    texts = frame.select_dtypes(exclude='number').columns
    frame[texts] = frame[texts].map(guard_cell)
    frame.columns = guard_row(frame.columns)
    text = StringIO()
    frame.to_csv(text, index=False, float_format='%.6g', lineterminator='\n')
    return text.getvalue()
