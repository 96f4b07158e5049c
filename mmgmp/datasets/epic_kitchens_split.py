# Copyright (c) mmgmp authors.
"""Read the split files of EPIC-Kitchens."""

import csv
import math
import shlex
from pathlib import Path
from typing import NamedTuple

# Columns of the published files, and the type of their values.
COLUMNS = dict(
    uid=int,
    participant_id=str,
    video_id=str,
    narration=str,
    start_timestamp=str,
    stop_timestamp=str,
    start_frame=int,
    stop_frame=int,
    verb=str,
    verb_class=int,
)
NUM_CLASSES = 8


class Action(NamedTuple):
    """An action of EPIC-Kitchens.

    Attributes:
        video_id: Name of the video, such as 'P08_01'.
        start: Start in seconds.
        stop: End in seconds.
        start_frame: Number of the first frame, at 60 frames per second.
        stop_frame: Number of the frame after the last one.
        label: Index of the verb class.
    """

    video_id: str
    start: float
    stop: float
    start_frame: int
    stop_frame: int
    label: int

    @property
    def flow_start(self) -> int:
        """Number of the first frame of optical flow, at half the rate."""
        return math.ceil(self.start_frame / 2)

    @property
    def flow_length(self) -> int:
        """Number of frames of optical flow."""
        return (self.stop_frame - self.start_frame) // 2


def read_split(folder: Path, domain: str, split: str) -> list[Action]:
    """Read the actions of a domain.

    Args:
        folder: Folder that holds ``<domain>_<split>.csv``.
        domain: 'D1', 'D2' or 'D3'.
        split: 'train' or 'test'.

    Returns:
        The actions in the order of the rows.

    Raises:
        FileNotFoundError: If the file is missing. If the published, pickled
            file exists, the message contains the command that converts it.
        ValueError: If the file or a row is not in the published format.
    """
    path = folder / f'{domain}_{split}.csv'
    pickled = path.with_suffix('.pkl')
    if not path.is_file() and pickled.is_file():
        raise FileNotFoundError(
            f'annotation file {path} is missing, and {pickled.name} cannot be '
            'read directly: run `python tools/data/epic_kitchens/'
            f'convert_splits.py {shlex.quote(str(folder))}` to convert it'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'annotation file {path} is missing, and so is {pickled.name}'
        )
    columns = read_csv(path)
    absent = [name for name in COLUMNS if name not in columns]
    if absent:
        raise ValueError(
            f'{path} lacks the columns {absent}; it has {list(columns)}'
        )
    rows = zip(*(columns[name] for name in COLUMNS))
    actions = [
        _action(dict(zip(COLUMNS, row)), f'{path}, row {i}')
        for i, row in enumerate(rows)
    ]
    if not actions:
        raise ValueError(f'annotation file {path} has no rows')
    return actions


def read_csv(path: Path) -> dict[str, list]:
    """Read a CSV file with a header, as ``convert_splits.py`` writes it.

    Returns:
        Column name -> values, int or str as in ``COLUMNS``.

    Raises:
        ValueError: If a row has too few or too many values, or a value is not
            an integer although the column holds integers.
    """
    columns: dict[str, list] = {}
    with open(path, newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            where = f'{path}, line {reader.line_num}'
            if None in row or None in row.values():
                raise ValueError(
                    f'{where}: expected {len(reader.fieldnames or ())} values'
                )
            for name, value in row.items():
                try:
                    value = COLUMNS.get(name, str)(value)
                except ValueError as error:
                    raise ValueError(
                        f'{where}: `{name}` must be an integer, got {value!r}'
                    ) from error
                columns.setdefault(name, []).append(value)
        return columns or {name: [] for name in reader.fieldnames or ()}


def _action(row: dict, where: str) -> Action:
    if not 0 <= row['verb_class'] < NUM_CLASSES:
        raise ValueError(
            f'{where}: `verb_class` must be an integer from 0 to '
            f'{NUM_CLASSES - 1}, got {row["verb_class"]!r}'
        )
    if not 0 <= row['start_frame'] <= row['stop_frame'] - 2:
        raise ValueError(
            f'{where}: `stop_frame` {row["stop_frame"]} must be at least '
            f'`start_frame` {row["start_frame"]} plus 2'
        )
    if Path(row['video_id']).name != row['video_id']:
        raise ValueError(
            f'{where}: `video_id` {row["video_id"]!r} is not a folder name'
        )
    return Action(
        row['video_id'],
        _seconds(row, 'start_timestamp', where),
        _seconds(row, 'stop_timestamp', where),
        row['start_frame'],
        row['stop_frame'],
        row['verb_class'],
    )


def _seconds(row: dict, name: str, where: str) -> float:
    """Convert a time in the form HH:MM:SS.ss to seconds."""
    try:
        hours, minutes, seconds = map(float, row[name].split(':'))
    except ValueError as error:
        raise ValueError(
            f'{where}: `{name}` must be a time HH:MM:SS.ss, got {row[name]!r}'
        ) from error
    return (hours * 60 + minutes) * 60 + seconds
