# Copyright (c) mmgmp authors.
"""Generate MiniHAC, a synthetic substitute for HAC."""

import argparse
import time
from dataclasses import fields

from mmgmp.utils import one_line_errors
from mmgmp.utils.mini_hac_spec import MiniHACSpec


def parse_args() -> argparse.Namespace:
    """Parse the command line; each field of the spec is an option."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog='See tools/data/mini_hac/README.md for the other options.',
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
    """Generate the data set and print its folder."""
    args = vars(parse_args())
    out, workers = args.pop('out'), args.pop('workers')

    # It imports PyTorch, which `--help` does without.
    from mmgmp.datasets.synthetic import generate_mini_hac

    start = time.time()
    print(f'MiniHAC in {out}: a minute or more, unless it exists', flush=True)
    with one_line_errors():
        root = generate_mini_hac(out, MiniHACSpec(**args), workers)
    print(f'{root} is complete ({time.time() - start:.0f} s)')


if __name__ == '__main__':
    main()
