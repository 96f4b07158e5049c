# Copyright (c) mmgmp authors.
"""Check a downloaded copy of HAC or EPIC-Kitchens.

The report lists files that are missing, unreadable or not in the split files,
sound that does not cover its clip, and equal videos in several domains or
classes. It compares the number of rows of each split and class with the
published one. The exit status is 1 if there is a fault.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from mmengine.utils import track_progress_rich

from mmgmp.utils import one_line_errors


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('dataset', choices=['hac', 'epic_kitchens'])
    parser.add_argument('data_root', help='folder of the data set')
    parser.add_argument(
        '--media',
        choices=['clips', 'frames'],
        help='layout of EPIC-Kitchens (default: clips)',
    )
    parser.add_argument(
        '--modalities',
        nargs='+',
        choices=['video', 'audio', 'flow'],
        default=['video', 'audio'],
        help='modalities to check (default: video audio)',
    )
    parser.add_argument(
        '--decode',
        action='store_true',
        help='decode whole files instead of only their headers; much slower',
    )
    parser.add_argument(
        '--no-counts',
        action='store_true',
        help='do not compare the rows with the published ones',
    )
    parser.add_argument('--json', type=Path, help='file for the report')
    args = parser.parse_args()
    if args.media and args.dataset != 'epic_kitchens':
        parser.error(f'--media is not for {args.dataset}: it has one layout')
    if args.json and not args.json.parent.is_dir():
        parser.error(f'--json {args.json}: there is no such folder')
    return args


def format_rows(
    rows: dict[tuple[str, str], tuple[int, ...]], classes: tuple[str, ...]
) -> str:
    """Format a table of the rows of each split and class."""
    lines = [f'{"split":<16} {"rows":>5}  {"  ".join(classes)}']
    for (domain, split), found in rows.items():
        cells = (f'{n:>{len(c)}}' for n, c in zip(found, classes))
        lines.append(
            f'{domain + " " + split:<16} {sum(found):>5}  {"  ".join(cells)}'
        )
    return '\n'.join(lines)


def main() -> None:
    """Check the rows and the files, and print the faults."""
    args = parse_args()

    # These import PyTorch, which `--help` does without.
    from mmgmp.datasets.arguments import MODALITIES, check_names
    from mmgmp.datasets.media_checks import (
        check_file,
        duplicate_faults,
        media_files,
        sound_ends,
    )
    from mmgmp.datasets.verification import (
        VERIFIED,
        count_classes,
        count_faults,
        read_splits,
        surplus_faults,
    )

    check_names('modalities', args.modalities, MODALITIES)
    dataset_type, published = VERIFIED[args.dataset]
    classes = dataset_type.METAINFO['classes']
    form = dict(media=args.media) if args.media else {}
    items, faults = read_splits(
        args.dataset, args.data_root, args.modalities, **form
    )
    rows = {k: count_classes(v, len(classes)) for k, v in items.items()}
    print(format_rows(rows, classes))
    if not args.no_counts:
        faults += count_faults(rows, published)
    files = {
        file.path: file
        for split in items.values()
        for item in split
        for file in media_files(item, args.modalities)
    }
    ends = sound_ends(item for split in items.values() for item in split)
    if files:
        found = track_progress_rich(
            check_file,
            [(file, args.decode, ends.get(path)) for path, file in files.items()],
            description=args.dataset,
        )
        faults += filter(None, found)
    faults += surplus_faults(files)
    # In EPIC-Kitchens, two verbs may be at the same time.
    if args.dataset == 'hac':
        faults += duplicate_faults(items)
    for fault in faults:
        print(f'{fault.kind}: {fault.message}')
    kinds = Counter(fault.kind for fault in faults)
    counts = ', '.join(f'{n} {kind}' for kind, n in kinds.items())
    print(f'{len(files)} files checked, faults: {counts or "none"}')
    if args.json:
        report = dict(
            dataset=args.dataset,
            data_root=args.data_root,
            rows={' '.join(key): value for key, value in rows.items()},
            num_files=len(files),
            faults=[fault._asdict() for fault in faults],
        )
        args.json.write_text(json.dumps(report, indent=2) + '\n')
    sys.exit(1 if faults else 0)


if __name__ == '__main__':
    with one_line_errors():
        main()
