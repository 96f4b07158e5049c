# Copyright (c) mmgmp authors.
"""Find one's own clips in a folder, and split them."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..arguments import check_domain_names
from ..files import nfc
from .contents import class_names, domain_names
from .table import SPLITS, Clip

VIDEO_SUFFIXES = frozenset(
    [
        '.3g2',
        '.3gp',
        '.asf',
        '.avi',
        '.divx',
        '.dv',
        '.f4v',
        '.flv',
        '.gif',
        '.m2ts',
        '.m2v',
        '.m4v',
        '.mjpeg',
        '.mkv',
        '.mov',
        '.mp4',
        '.mpeg',
        '.mpg',
        '.mts',
        '.mxf',
        '.nut',
        '.ogm',
        '.ogv',
        '.qt',
        '.rm',
        '.rmvb',
        '.ts',
        '.vob',
        '.webm',
        '.wmv',
        '.y4m',
    ]
)


def find_clips(root: str | Path) -> tuple[list[Clip], list[str], Counter]:
    """Find the videos in ``root/<domain>/<class>/...``.

    Links are followed. Hidden files and folders are left out.

    Args:
        root: Folder.

    Returns:
        The clips, the faults (videos outside a class, and unsuitable names),
        and the suffixes of the other files with their numbers.

    Raises:
        FileNotFoundError: If ``root`` is not a folder.
        ValueError: If it has no video.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f'{root} is not a folder')
    clips, faults = [], []
    others: Counter = Counter()
    for path in list_files(root):
        suffix = path.suffix.lower()
        parts = path.relative_to(root).parts
        name = path.relative_to(root).as_posix()
        if suffix not in VIDEO_SUFFIXES:
            others[suffix or path.name] += 1
        elif len(parts) < 3:
            faults.append(f'{name} is not in a folder <domain>/<class>')
        elif not name.isprintable() or not _is_text(name):
            faults.append(f'{name!r} has a name that is not text: rename it')
        elif parts[1] != parts[1].strip():
            faults.append(
                f'{name!r}: the class {parts[1]!r} begins or ends with a '
                'blank: rename the folder'
            )
        else:
            try:
                check_domain_names([parts[0]])
            except ValueError as error:
                faults.append(f'{name}: {error}')
            else:
                domain, label = nfc(parts[0]), nfc(parts[1])
                clips.append(Clip(name, label, domain, where=name))
    if not clips and not faults:
        raise ValueError(
            f'{root} has no videos below <domain>/<class>; it has '
            f'{dict(others) or "no files"}'
        )
    return clips, faults, others


def list_files(root: Path) -> Iterator[Path]:
    """Yield the files below a folder, without hidden ones.

    Links are followed, but not into a folder that contains them.
    """
    for folder, names, files in os.walk(root, followlinks=True):
        place = Path(folder).relative_to(root)
        above = [root / parent for parent in place.parents if place.parts]
        if os.path.realpath(folder) in map(os.path.realpath, above):
            names.clear()
            continue
        names[:] = sorted(name for name in names if name[0] != '.')
        for name in sorted(files):
            if name[0] != '.':
                yield Path(folder, name)


def assign_splits(
    clips: Sequence[Clip], test_share: float, seed: int
) -> list[Clip]:
    """Choose the split of the clips that have none.

    Each class of each domain gets about the same share of test clips, as far
    as the groups permit. A group with a clip of a given split follows it.

    Args:
        clips: Clips, of which no group straddles the split.
        test_share: Share of test clips, between 0 and 1.
        seed: Seed of the choice.

    Returns:
        The clips in the same order.
    """
    groups: dict[tuple, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.group_key].append(clip)
    strata = Counter((clip.domain, clip.label) for clip in clips)
    # A class of two clips or more has a test clip.
    wanted = {
        key: max(round(test_share * count), min(1, count - 1))
        for key, count in strata.items()
    }
    splits = {
        key: next((c.split for c in group if c.split), '')
        for key, group in groups.items()
    }
    tested: Counter = Counter()
    for key, split in splits.items():
        if split == 'test':
            tested.update((c.domain, c.label) for c in groups[key])
    keys = sorted(key for key, split in splits.items() if not split)
    for index in np.random.default_rng(seed).permutation(len(keys)):
        key = keys[index]
        counts = Counter((c.domain, c.label) for c in groups[key])
        # The change of the squared distance from the wanted numbers.
        change = sum(
            n * (n + 2 * (tested[stratum] - wanted[stratum]))
            for stratum, n in counts.items()
        )
        splits[key] = 'test' if change < 0 else 'train'
        if change < 0:
            tested.update(counts)
    return [clip._replace(split=splits[clip.group_key]) for clip in clips]


def empty_splits(clips: Sequence[Clip]) -> list[str]:
    """Find domains without training or without test clips."""
    counts = Counter((clip.domain, clip.split) for clip in clips)
    return [
        f'domain {domain!r} has no {split} clips, so it cannot be '
        + ('trained on' if split == 'train' else 'used to select a checkpoint')
        for domain in domain_names(clips)
        for split in SPLITS
        if not counts[domain, split]
    ]


def format_counts(clips: Sequence[Clip]) -> str:
    """Format the numbers of clips of each domain and class as a table.

    Returns:
        A row for each class and one for their sums, with the training and the
        test clips of each domain.
    """
    domains, classes = domain_names(clips), class_names(clips)
    counts = Counter((clip.label, clip.domain, clip.split) for clip in clips)
    names = [*classes, *[''] * any(not clip.label for clip in clips)]
    table = [['train + test', *domains, 'all']]
    for name in names:
        cells = [
            [counts[name, d, s] for s in ('train', 'test')] for d in domains
        ]
        table.append([name or '(no label)', *_cells(cells)])
    sums = [
        [sum(counts[n, d, s] for n in names) for s in SPLITS] for d in domains
    ]
    table.append(['all', *_cells(sums)])
    widths = [max(map(len, column)) for column in zip(*table)]
    return '\n'.join(
        '  '.join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        )
        for row in table
    )


def move_paths(clips: Iterable[Clip], root: Path, folder: Path) -> list[Clip]:
    """Let the paths of clips be relative to another folder.

    Args:
        clips: Clips with paths relative to ``root``.
        root: Their folder.
        folder: The folder of the table.
    """

    def move(path: str) -> str:
        if not path or Path(path).is_absolute():
            return path
        return Path(os.path.relpath(root / path, folder)).as_posix()

    return [
        clip._replace(path=move(clip.path), audio=move(clip.audio))
        for clip in clips
    ]


def _cells(counts: Iterable[Iterable[int]]) -> list[str]:
    rows = [[*row] for row in counts]
    rows.append([sum(column) for column in zip(*rows)])
    return [' + '.join(map(str, row)) for row in rows]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
