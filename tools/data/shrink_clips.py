# Copyright (c) mmgmp authors.
"""Write small copies of videos, which are decoded much faster in training.

Large videos are decoded anew in each epoch. The copies keep the sound, the
times of the frames and the folders, and are turned upright. A file that
exists is kept, so the tool can be stopped and started again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from mmgmp.utils import AtomicLocalBackend, one_line_errors

# These import PyTorch, which `--help` does without, so each function imports
# what it calls.
if TYPE_CHECKING:
    from mmgmp.datasets.clips.table import Clip


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('root', type=Path, help='folder of the videos')
    parser.add_argument('out', type=Path, help='folder of the copies')
    parser.add_argument(
        '--csv',
        type=Path,
        help='table of index_clips.py with paths relative to ROOT: only its '
        'files are copied, and the table with their new names',
    )
    parser.add_argument(
        '--short-side',
        type=int,
        default=256,
        help='pixels of the shorter side, also of smaller encoders (default: '
        '256, which all encoders need at most)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count(),
        help='videos to encode at a time (default: number of cores)',
    )
    args = parser.parse_args()
    if args.short_side < 16 or args.workers < 1:
        parser.error('--short-side must be at least 16, --workers positive')
    root, out = args.root.resolve(), args.out.resolve()
    if not root.is_dir():
        parser.error(f'{args.root} is not a folder')
    if root == out or root in out.parents:
        parser.error(f'{args.out} must not be in {args.root}')
    return args


def read_clips(path: Path) -> list[Clip]:
    """Read a table without faults."""
    from mmgmp.datasets.clips.table import parse_clips

    clips, faults = parse_clips(path)
    for clip in clips:
        for name in filter(None, (clip.path, clip.audio)):
            if Path(name).is_absolute() or '..' in Path(name).parts:
                faults.append(f'{clip.where}: {name} is not below the folder')
    if faults:
        raise ValueError('; '.join(faults[:3]))
    return clips


def choose_names(videos: Iterable[str]) -> dict[str, str]:
    """Choose the name of each copy.

    Raises:
        ValueError: Two videos would have the same copy.
    """
    from mmgmp.datasets.media.shrinking import shrunk_name

    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for video in videos:
        name = shrunk_name(Path(video)).as_posix()
        if taken.setdefault(name, video) != video:
            raise ValueError(
                f'{video} and {taken[name]} would both become {name}: rename '
                'one of them'
            )
        names[video] = name
    return names


def main() -> None:
    """Copy the videos."""
    args = parse_args()

    from rich.progress import track

    from mmgmp.datasets import CorruptMediaError
    from mmgmp.datasets.clips.index import VIDEO_SUFFIXES, list_files
    from mmgmp.datasets.media.shrinking import shrink_video

    clips: list[Clip] = []
    if args.csv is None:
        found = [
            path.relative_to(args.root).as_posix()
            for path in list_files(args.root)
            if path.suffix.lower() in VIDEO_SUFFIXES
        ]
    else:
        clips = read_clips(args.csv)
        for clip in clips:
            if clip.audio and not (args.root / clip.audio).is_file():
                raise FileNotFoundError(
                    f'{clip.where}: {args.root / clip.audio} does not exist'
                )
        found = sorted({clip.path for clip in clips})
    if not found:
        raise ValueError(f'{args.root} has no videos')
    names = choose_names(found)
    written, errors = 0, []
    with ThreadPoolExecutor(args.workers) as pool:
        pending = {
            pool.submit(
                shrink_video,
                str(args.root / video),
                args.out / name,
                args.short_side,
            ): video
            for video, name in names.items()
        }
        for future in track(
            as_completed(pending), 'Shrinking', total=len(pending)
        ):
            try:
                written += future.result()
            except (CorruptMediaError, OSError) as error:
                errors.append(f'{pending[future]}: {error}')
    if args.csv is not None and not errors:
        copy_table(args, clips, names)
    kept = len(names) - written - len(errors)
    print(f'{written} copies written, {kept} kept, {len(errors)} failed')
    for message in sorted(errors):
        print(f'error: {message}', file=sys.stderr)
    sys.exit(1 if errors else 0)


def copy_table(
    args: argparse.Namespace, clips: list[Clip], names: dict[str, str]
) -> None:
    """Copy the sound files, and the table with the new names."""
    from mmgmp.datasets.clips.table import format_clips
    from mmgmp.datasets.media.shrinking import unfinished

    for name in {clip.audio for clip in clips} - {''}:
        copy = args.out / name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            with unfinished(copy) as partial:
                shutil.copyfile(args.root / name, partial)
                os.link(partial, copy)
    text = format_clips(c._replace(path=names[c.path]) for c in clips)
    table = args.out / args.csv.name
    if table.exists() and table.read_bytes() != text.encode():
        raise FileExistsError(f'{table} exists and differs: move it away')
    AtomicLocalBackend().put_text(text, table)
    print(f'wrote {table}')


if __name__ == '__main__':
    with one_line_errors():
        main()
