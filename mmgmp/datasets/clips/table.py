# Copyright (c) mmgmp authors.
"""Read and write a table of clips, ``clips.csv``."""

import csv
import io
import math
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mmgmp.utils.suggestion import suggest

from ..arguments import check_domain_names
from ..files import nfc
from ..tables import Line, read_lines

COLUMNS = (
    'path',
    'label',
    'domain',
    'split',
    'audio',
    'start',
    'stop',
    'group',
)
REQUIRED = COLUMNS[:3]
SPLITS = ('train', 'test')
_SHOWN = 3  # faults in one message
_OVERLAP = 0.05  # seconds, about a frame


class Clip(NamedTuple):
    """A row of a table of clips.

    Attributes:
        path: Video file, relative to the folder of the table or absolute.
        label: Class name, or '' for an unlabelled clip.
        domain: Name of the domain.
        split: 'train', 'test', or '' if it is to be chosen.
        audio: Sound file, like ``path``, or '' for the track of the video.
        start: Start in seconds after the first frame, or None.
        stop: End in seconds after the first frame, or None.
        group: Name of a group, which never straddles a split, or ''.
        where: File and number of the line, for errors.
    """

    path: str
    label: str
    domain: str
    split: str = ''
    audio: str = ''
    start: float | None = None
    stop: float | None = None
    group: str = ''
    where: str = ''

    @property
    def name(self) -> str:
        """The path, with the segment if there is one."""
        if self.start is None and self.stop is None:
            return self.path
        ends = ['' if t is None else f'{t:g}' for t in self[5:7]]
        return f'{self.path} [{"-".join(ends)} s]'

    @property
    def group_key(self) -> tuple[str, str]:
        """What never straddles a split: the group, or else the file."""
        if self.group:
            return 'group', self.group
        return 'file', nfc(self.path)


def parse_clips(path: Path) -> tuple[list[Clip], list[str]]:
    """Read a table of clips, and collect its faults.

    The first line names the columns: ``path``, ``label``, ``domain`` and
    optionally ``split``, ``audio``, ``start``, ``stop`` and ``group``, in any
    order. Other columns are ignored.

    Args:
        path: CSV file, see :func:`~mmgmp.datasets.tables.read_lines`.

    Returns:
        The rows without a fault, and the faults of the others.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a CSV file with the required columns, or has
            no rows.
    """
    lines = read_lines(path)
    if not lines:
        raise ValueError(f'{path} is empty: it needs the columns {REQUIRED}')
    names = _columns(lines[0])
    clips, faults = [], []
    first: dict[tuple, Clip] = {}
    for line in lines[1:]:
        try:
            clip = _clip(line, names)
            place = nfc(clip.path), clip.start, clip.stop
            if first.setdefault(place, clip) is not clip:
                raise ValueError(
                    f'{line.where}: {clip.name} is listed twice, also in '
                    f'{first[place].where}'
                )
        except ValueError as error:
            faults.append(str(error))
        else:
            clips.append(clip)
    if not clips and not faults:
        raise ValueError(f'{path} has no rows')
    return clips, faults


def read_clips(path: str | Path) -> list[Clip]:
    """Read a table of clips in which each clip has a split.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: See :func:`parse_clips`; also if a row has a fault or no
            split, or a group straddles the split.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'table of clips {path} does not exist: write it with '
            'tools/data/index_clips.py. To predict without the data, pass the '
            'config that the training has written to its work dir'
        )
    clips, faults = parse_clips(path)
    faults += [
        f'{clip.where}: {clip.name} has no split: write train or test, or '
        'let tools/data/index_clips.py choose'
        for clip in clips
        if not clip.split
    ]
    faults += straddling(clips) + overlapping(clips)
    if faults:
        more = len(faults) - _SHOWN
        raise ValueError(
            '; '.join(faults[:_SHOWN]) + (f'; {more} more' * (more > 0))
        )
    return clips


def straddling(clips: Iterable[Clip]) -> list[str]:
    """Find groups, and segments of one file, with rows of both splits."""
    rows: dict[tuple[str, str], dict[str, Clip]] = defaultdict(dict)
    for clip in clips:
        if clip.split:
            rows[clip.group_key].setdefault(clip.split, clip)
    return [
        f'{splits["test"].where}: the {kind} {name!r} is in split test, but '
        f'in {splits["train"].where} in split train: keep it in one of them'
        for (kind, name), splits in rows.items()
        if len(splits) > 1
    ]


def overlapping(clips: Iterable[Clip]) -> list[str]:
    """Find segments of one file that overlap and do not belong together.

    Their common frames would have two domains or labels, or be in both splits
    if their groups are. :func:`straddling` finds other splits.
    """
    files: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.start or 0.0):
        files[nfc(clip.path)].append(clip)
    faults = []
    for rows in files.values():
        for index, first in enumerate(rows):
            for second in rows[index + 1 :]:
                end = math.inf if first.stop is None else first.stop
                if end - (second.start or 0.0) <= _OVERLAP:
                    break
                names = [
                    name
                    for name in ('domain', 'label', 'group')
                    if getattr(first, name) != getattr(second, name)
                ]
                if names:
                    faults.append(
                        f'{second.where}: {second.name} overlaps '
                        f'{first.name} in {first.where}, but has another '
                        f'{" and ".join(names)}'
                    )
    return faults


def format_clips(clips: Iterable[Clip]) -> str:
    """Format a table of clips as CSV text.

    Optional columns that are empty in all rows are left out.
    """
    rows = [_cells(clip) for clip in sorted(clips, key=_order)]
    used = [
        name
        for i, name in enumerate(COLUMNS)
        if name in (*REQUIRED, 'split') or any(row[i] for row in rows)
    ]
    text = io.StringIO(newline='')
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(used)
    for row in rows:
        writer.writerow([row[COLUMNS.index(name)] for name in used])
    return text.getvalue()


def _order(clip: Clip) -> tuple:
    return clip.domain, clip.label, clip.path, clip.start or 0.0


def _cells(clip: Clip) -> list[str]:
    return ['' if cell is None else str(cell) for cell in clip[:-1]]


def _columns(line: Line) -> list[str]:
    names = [cell.lower() for cell in line.cells]
    for name in REQUIRED:
        if name not in names:
            raise ValueError(
                f'{line.where}: the first line must name the columns '
                f'{", ".join(REQUIRED)} and may name '
                f'{", ".join(COLUMNS[3:])}; {name} is missing in {names}'
                + ('; separate them by commas' if len(names) < 2 else '')
            )
    for name in names:
        if name in COLUMNS and names.count(name) > 1:
            raise ValueError(f'{line.where}: column {name!r} is named twice')
        if name not in COLUMNS and (similar := suggest(name, COLUMNS)):
            raise ValueError(
                f'{line.where}: there is no column {name!r}{similar}'
            )
    return names


def _clip(line: Line, names: Sequence[str]) -> Clip:
    if len(line.cells) != len(names):
        raise ValueError(
            f'{line.where}: expected {len(names)} cells, as in the first '
            f'line, got {line.cells}'
        )
    cells = dict(zip(names, line.cells))
    for name in ('path', 'domain'):
        if not cells[name]:
            raise ValueError(f'{line.where}: `{name}` is empty')
    for name in ('path', 'label', 'audio'):
        if not cells.get(name, '').isprintable():
            raise ValueError(
                f'{line.where}: `{name}` has a control character: '
                f'{cells[name]!r}'
            )
    try:
        check_domain_names([cells['domain']])
    except ValueError as error:
        raise ValueError(f'{line.where}: {error}') from error
    split = cells.get('split', '').lower()
    if split not in ('', *SPLITS):
        raise ValueError(
            f'{line.where}: `split` must be train or test, got {split!r} (the '
            'test clips of the training domains select the checkpoint)'
        )
    start, stop = (_seconds(line, cells, name) for name in ('start', 'stop'))
    if stop is not None and stop <= (start or 0.0):
        raise ValueError(
            f'{line.where}: `stop` is {stop:g} s, not after `start` '
            f'({start or 0:g} s)'
        )
    audio = cells.get('audio', '')
    return Clip(
        posixpath.normpath(cells['path']),
        nfc(cells['label']),
        nfc(cells['domain']),
        split,
        audio and posixpath.normpath(audio),
        start,
        stop,
        cells.get('group', ''),
        line.where,
    )


def _seconds(line: Line, cells: dict[str, str], name: str) -> float | None:
    text = cells.get(name, '')
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(
            f'{line.where}: `{name}` must be seconds from 0 on, got {text!r}'
        )
    return seconds
