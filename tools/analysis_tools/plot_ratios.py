# Copyright (c) mmgmp authors.
"""Draw the discrepancy ratios of runs from their logs (GMP, Fig. 5)."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmgmp.visualization import (
    discrepancy_ratios,
    plot_ratios,
    read_training_log,
)


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'runs',
        nargs='+',
        help='work_dir of a run, or a scalars.json of one',
    )
    parser.add_argument(
        '--labels', nargs='+', help='one per run; defaults to the folder names'
    )
    parser.add_argument(
        '--out', default='ratios.png', help='file to write: .png or .pdf'
    )
    parser.add_argument(
        '--smooth',
        type=int,
        default=1,
        help='logged points in the moving average; 1 draws them as they are',
    )
    return parser, parser.parse_args()


def label_runs(runs: Sequence[str], labels: Sequence[str] | None) -> list[str]:
    """One distinct label per run.

    Args:
        runs: Paths of the runs.
        labels: Labels given by the user, if any.

    Raises:
        ValueError: There is another number of labels than of runs, or two
            runs have the same label.
    """
    if labels is None:
        # work_dir/<timestamp>/vis_data/scalars.json
        paths = [Path(run).resolve() for run in runs]
        labels = [
            path.parents[min(2, len(path.parents) - 1)].name
            if path.is_file()
            else path.name
            for path in paths
        ]
    if len(labels) != len(runs):
        raise ValueError(
            f'`--labels` has {len(labels)} labels {list(labels)} for '
            f'{len(runs)} runs: give one for each'
        )
    if len(set(labels)) < len(labels):
        raise ValueError(
            f'two runs have the same label in {list(labels)}: give different '
            'ones with `--labels`'
        )
    return list(labels)


def main() -> None:
    """Read the logs and write the figure."""
    parser, args = parse_args()
    try:
        labels = label_runs(args.runs, args.labels)
        curves = {
            label: discrepancy_ratios(read_training_log(run), run)
            for label, run in zip(labels, args.runs, strict=True)
        }
        plot_ratios(curves, args.out, args.smooth)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
