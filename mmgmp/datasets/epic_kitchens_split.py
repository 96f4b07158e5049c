# Copyright (c) mmgmp authors.
"""Read the split files of EPIC-Kitchens."""

import math
import re
import shlex
from pathlib import Path
from typing import NamedTuple

from mmgmp.utils.csv_cells import unguard_cell

from .tables import Line, read_lines, warn_once

# Columns of the published files.
COLUMNS = (
    'uid',
    'participant_id',
    'video_id',
    'narration',
    'start_timestamp',
    'stop_timestamp',
    'start_frame',
    'stop_frame',
    'verb',
    'verb_class',
)
NUM_CLASSES = 8
FRAME_RATE = 60
# The cameras record 59.94 frames per second.
_DRIFT = 0.002
_INTEGER = re.compile('[+-]?[0-9]{1,18}')
_TIME = re.compile(r'([0-9]{1,3}):([0-5]?[0-9]):([0-5]?[0-9](?:\.[0-9]*)?)')


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
    def segment(self) -> tuple[str, int, int]:
        """The video and its frames."""
        return self.video_id, self.start_frame, self.stop_frame

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
        ValueError: If the file or a row is not in the published format, see
            also :func:`~mmgmp.datasets.tables.read_lines`. Numbers are
            integers, and times are of the form HH:MM:SS.ss and in order.
    """
    path = folder / f'{domain}_{split}.csv'
    pickled = path.with_suffix('.pkl')
    if not path.is_file() and pickled.is_file():
        raise FileNotFoundError(
            f'annotation file {path} is missing, and {pickled.name} cannot be '
            'read directly: run `python tools/data/epic_kitchens/'
            f'convert_splits.py {shlex.quote(str(folder))}` to convert it'
        )
    if not path.exists():
        raise FileNotFoundError(
            f'annotation file {path} is missing, and so is {pickled.name}'
        )
    header, *lines = read_lines(path) or [Line(f'{path}, line 1', [])]
    names = header.cells
    absent = [name for name in COLUMNS if names.count(name) != 1]
    if absent:
        raise ValueError(
            f'{header.where}: lacks the columns {absent}, separated by commas '
            f'and each once; it has {names}'
        )
    actions = [
        _action(names, number, line) for number, line in enumerate(lines)
    ]
    if not actions:
        raise ValueError(f'annotation file {path} has no rows')
    repeated = len(actions) - len({action.segment for action in actions})
    if repeated:
        # Two in the published files: once, two verbs at the same time.
        warn_once(
            f'{path} repeats {repeated} of its actions, with the same video '
            'and frames, in another row, maybe with another verb'
        )
    apart = sum(not _same_times(action) for action in actions)
    if apart:
        warn_once(
            f'{path}: in {apart} of {len(actions)} rows, the frames are more '
            f'than a second from the timestamps at {FRAME_RATE} frames per '
            'second, so picture and sound are of different times'
        )
    return actions


def _same_times(action: Action) -> bool:
    """Check that the frames of an action fit its timestamps."""
    pairs = (
        (action.start, action.start_frame),
        (action.stop, action.stop_frame),
    )
    return all(
        abs(frame / FRAME_RATE - time) <= 1 + _DRIFT * time
        for time, frame in pairs
    )


def _action(names: list[str], number: int, line: Line) -> Action:
    if len(line.cells) != len(names):
        raise ValueError(
            f'{line.where}: expected {len(names)} values, got '
            f'{len(line.cells)}'
        )
    where = f'{line.where}, row {number}'
    cells = dict(zip(names, map(unguard_cell, line.cells)))
    start_frame, stop_frame, label = (
        _integer(cells, name, where)
        for name in ('start_frame', 'stop_frame', 'verb_class')
    )
    if not 0 <= label < NUM_CLASSES:
        raise ValueError(
            f'{where}: `verb_class` must be an integer from 0 to '
            f'{NUM_CLASSES - 1}, got {label}'
        )
    if not 0 <= start_frame <= stop_frame - 2:
        raise ValueError(
            f'{where}: `stop_frame` {stop_frame} must be at least '
            f'`start_frame` {start_frame} plus 2'
        )
    video = cells['video_id']
    if (
        not video.strip('.')
        or Path(video).name != video
        or not video.isprintable()
    ):
        raise ValueError(f'{where}: `video_id` {video!r} is not a folder name')
    start, stop = (
        _seconds(cells, name, where)
        for name in ('start_timestamp', 'stop_timestamp')
    )
    if start >= stop:
        raise ValueError(
            f'{where}: `stop_timestamp` {cells["stop_timestamp"]} must be '
            f'later than `start_timestamp` {cells["start_timestamp"]}'
        )
    return Action(video, start, stop, start_frame, stop_frame, label)


def _integer(cells: dict[str, str], name: str, where: str) -> int:
    if not _INTEGER.fullmatch(cells[name]):
        raise ValueError(
            f'{where}: `{name}` must be an integer, got {cells[name]!r}'
        )
    return int(cells[name])


def _seconds(cells: dict[str, str], name: str, where: str) -> float:
    """Convert a time in the form HH:MM:SS.ss to seconds."""
    match = _TIME.fullmatch(cells[name])
    if match is None:
        raise ValueError(
            f'{where}: `{name}` must be a time HH:MM:SS.ss, got '
            f'{cells[name]!r}'
        )
    hours, minutes, seconds = map(float, match.groups())
    return (hours * 60 + minutes) * 60 + seconds
