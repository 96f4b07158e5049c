# Copyright (c) mmgmp authors.
"""Index a folder of clips, so that every method can be trained on them.

It reads ROOT/<domain>/<class>/..., or a table with the columns path, label,
domain and optionally split, audio, start, stop and group. It checks all
clips, counts them, and writes a table and a setting for `--dataset`. If a clip
has a fault, nothing is written and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmgmp.utils import AtomicLocalBackend, one_line_errors
from mmgmp.utils.own_clips import encoders

# These import PyTorch, which `--help` does without, so each function imports
# what it calls.
if TYPE_CHECKING:
    from mmgmp.datasets.clips.checks import ClipReport
    from mmgmp.datasets.clips.table import Clip
    from mmgmp.datasets.media_checks import Fault

TABLE = 'clips.csv'
SAMPLED = 2.0  # seconds that the pipelines of the small encoders sample


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'root',
        nargs='?',
        type=Path,
        help='folder of the clips (default: that of --csv)',
    )
    parser.add_argument(
        '--csv',
        type=Path,
        help='table of the clips; its paths are relative to ROOT',
    )
    parser.add_argument(
        '--table',
        type=Path,
        help=f'table to write (default: {TABLE} in ROOT)',
    )
    parser.add_argument(
        '--setting',
        type=Path,
        help='setting to write (default: <name of ROOT>.py in this folder)',
    )
    parser.add_argument(
        '--encoders',
        default='small',
        help='small (default), or pretrained for the published ones',
    )
    parser.add_argument(
        '--test-share',
        type=float,
        default=0.25,
        help='share of test clips (default: 0.25)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='seed of the split (default: 0)'
    )
    parser.add_argument(
        '--allow-silence',
        action='store_true',
        help='keep clips without sound, or whose sound is too short; they are '
        'trained and tested with silence',
    )
    parser.add_argument(
        '--skip-faulty',
        action='store_true',
        help='leave the other faulty clips out of the table',
    )
    parser.add_argument(
        '--decode',
        action='store_true',
        help='decode whole videos instead of three frames; much slower',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count(),
        help='files to check at a time (default: number of cores)',
    )
    args = parser.parse_args()
    if args.root is None and args.csv is None:
        parser.error('pass a folder, or --csv and a table')
    if not 0 < args.test_share < 1:
        parser.error(f'--test-share must be in (0, 1), got {args.test_share}')
    if args.seed < 0 or args.workers < 1:
        parser.error('--seed must not be negative, and --workers positive')
    return args


def read_rows(args: argparse.Namespace) -> tuple[list[Clip], list[Fault]]:
    """Find the clips, and the faults of names and rows."""
    from mmgmp.datasets.clips.index import find_clips
    from mmgmp.datasets.clips.table import (
        overlapping,
        parse_clips,
        straddling,
    )
    from mmgmp.datasets.media_checks import Fault

    if args.csv is None:
        clips, faults, others = find_clips(args.root)
        if others:
            counts = ', '.join(f'{n} {name}' for name, n in others.items())
            print(f'other files, not used: {counts}')
    else:
        clips, faults = parse_clips(args.csv)
        faults += straddling(clips) + overlapping(clips)
    return clips, [Fault('name', '', text) for text in faults]


def print_notes(
    clips: Sequence[Clip], reports: Sequence[ClipReport]
) -> None:
    """Print what is no fault, but worth to know."""
    from mmgmp.datasets.clips.contents import missing_classes

    rates: dict[str, Counter] = defaultdict(Counter)
    for clip, report in zip(clips, reports):
        if report.frame_rate:
            rates[clip.domain][round(report.frame_rate, 2)] += 1
    if len({rate for counts in rates.values() for rate in counts}) > 1:
        for domain, counts in sorted(rates.items()):
            text = ', '.join(f'{r:g} ({n})' for r, n in sorted(counts.items()))
            print(f'note: frames per second of {domain}: {text}')
        print('note: the pipelines count seconds, so rates may differ')
    for domain, classes in missing_classes(clips).items():
        print(f'note: domain {domain!r} has no clip of the classes {classes}')
    short = [r.seconds for r in reports if 0 < r.seconds < SAMPLED]
    if short:
        print(
            f'note: {len(short)} clips are shorter than the {SAMPLED:g} s that '
            f'the small encoders see, down to {min(short):.2f} s: these are '
            'looped'
        )
    large = sum(min(report.size) > 480 for report in reports)
    if large:
        print(
            f'note: {large} clips are larger than 480 pixels, and decoding '
            'them takes most of a training: tools/data/shrink_clips.py makes '
            'small copies once'
        )


def report_faults(
    args: argparse.Namespace,
    clips: list[Clip],
    faults: list[Fault],
    reports: list[ClipReport],
    copies: dict[int, Fault],
) -> list[Clip]:
    """Print all faults, and return the clips to keep."""
    kept = []
    kinds: Counter = Counter()
    for fault in faults:
        print(f'{fault.kind}: {fault.message}')
        kinds[fault.kind] += 1
    for index, (clip, report) in enumerate(zip(clips, reports)):
        found = [*report.faults, *filter(None, [copies.get(index)])]
        faulty = False
        for fault in found:
            # A file of several segments: name the one that is meant.
            where = '' if clip.name == clip.path else f'{clip.name}: '
            silent = fault.kind in ('silent', 'short')
            if silent and args.allow_silence:
                print(f'note: {where}{fault.message}')
                continue
            print(f'{fault.kind}: {where}{fault.message}')
            kinds[fault.kind] += 1
            faulty = True
        if not faulty:
            kept.append(clip)
    if not kinds:
        return clips
    counts = ', '.join(f'{n} {kind}' for kind, n in kinds.items())
    faulty_clips = len(clips) - len(kept)
    print(f'faults: {counts}; {faulty_clips} of {len(clips)} clips are faulty')
    if not args.skip_faulty or not kept:
        print(
            'nothing was written: mend or remove these files, or leave them '
            'out with --skip-faulty'
            + ('' if args.allow_silence else '; --allow-silence keeps clips '
               'without sound')
        )
        sys.exit(1)
    print(f'left out: {faulty_clips} clips')
    return kept


def check_new(files: dict[Path, str]) -> None:
    """Check that files do not exist, or have their text already.

    Raises:
        FileExistsError: One has another text.
    """
    for path, text in files.items():
        if path.exists() and (
            not path.is_file() or path.read_bytes() != text.encode()
        ):
            raise FileExistsError(
                f'{path} exists and differs, and is not replaced: move it '
                'away, or choose another file with --table or --setting'
            )


def training_command(setting: Path, clips: Sequence[Clip]) -> str:
    """Write the command that trains with the last domain as the target."""
    target = max(clip.domain for clip in clips)
    # A target without labels can be adapted to, but not tested.
    labelled = all(clip.label for clip in clips if clip.domain == target)
    method = 'gmp' if labelled else 'boomda'
    command = ['python', 'tools/train.py', f'configs/{method}/{method}.py']
    command += ['--dataset', str(setting), '--target', target]
    return shlex.join([*command, *['--test'] * labelled])


def main() -> None:
    """Index the clips."""
    args = parse_args()

    from mmgmp.datasets.clips.checks import copy_faults, inspect_clips
    from mmgmp.datasets.clips.index import (
        assign_splits,
        empty_splits,
        format_counts,
        move_paths,
    )
    from mmgmp.datasets.clips.setting import format_setting, setting_name
    from mmgmp.datasets.clips.contents import class_names, domain_names
    from mmgmp.datasets.clips.table import format_clips

    encoders(args.encoders)
    if args.root is None:
        args.root = args.csv.absolute().parent
    args.table = args.table or args.root / TABLE
    name = setting_name(args.root)
    args.setting = args.setting or Path(f'{name}.py')
    if args.setting.suffix != '.py':
        raise ValueError(f'--setting must end in .py, got {args.setting}')
    clips, faults = read_rows(args)
    videos, reports = inspect_clips(
        args.root, clips, args.decode, args.workers
    )
    print_notes(clips, reports)
    copies = copy_faults(clips, videos)
    clips = report_faults(args, clips, faults, reports, copies)
    clips = assign_splits(clips, args.test_share, args.seed)
    print(f'\n{format_counts(clips)}\n')
    for text in empty_splits(clips):
        print(f'note: {text}')
    if len(domain_names(clips)) < 2:
        raise ValueError(
            f'there must be two domains or more, got {domain_names(clips)}: '
            'one is the target, which training does not see'
        )
    if len(class_names(clips)) < 2:
        raise ValueError(
            f'there must be two classes or more, got {class_names(clips)}'
        )
    table = args.table.absolute()
    if table == args.setting.absolute():
        raise ValueError(f'--table and --setting are both {args.table}')
    clips = move_paths(clips, args.root, table.parent)
    setting = format_setting(table, name, args.encoders, clips)
    files = {table: format_clips(clips), args.setting: setting}
    check_new(files)
    for path, text in files.items():
        AtomicLocalBackend().put_text(text, path)
        print(f'wrote {path}')
    print(f'train with: {training_command(args.setting, clips)}')


if __name__ == '__main__':
    with one_line_errors():
        main()
