# Copyright (c) mmgmp authors.
"""Write MiniHAC, a generated stand-in for HAC, to a folder."""

import argparse
import time
from dataclasses import fields

from mmgmp.datasets.synthetic import MiniHACSpec, generate_mini_hac


def parse_args() -> argparse.Namespace:
    """Read the command line; every field of the spec is an option."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='The other options are described in tools/data/mini_hac.',
    )
    parser.add_argument('--out', default='data/mini_hac', help='folder')
    parser.add_argument(
        '--workers', type=int, help='processes (default: usable cores)'
    )
    for field in fields(MiniHACSpec):
        parser.add_argument(
            '--' + field.name.replace('_', '-'),
            type=field.type,
            default=field.default,
            help=f'default: {field.default}',
        )
    return parser.parse_args()


def main() -> None:
    """Generate the tree and say where it is."""
    args = vars(parse_args())
    out, workers = args.pop('out'), args.pop('workers')
    start = time.time()
    root = generate_mini_hac(out, MiniHACSpec(**args), workers)
    print(f'{root} is complete ({time.time() - start:.0f} s)')


if __name__ == '__main__':
    main()
