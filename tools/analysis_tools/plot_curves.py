# Copyright (c) mmgmp authors.
"""Draw scalars from the training logs of runs over the iterations."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmgmp.utils import one_line_errors

if TYPE_CHECKING:
    from mmgmp.visualization.logs import Record

# Discrepancy ratio -> prefix of the confidences that it compares.
CONFIDENCES = dict(rho='semantic_confidence.', sigma='domain_confidence.')


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'runs',
        nargs='+',
        metavar='RUN',
        help='work_dir of a run, or one of its scalars.json',
    )
    parser.add_argument(
        '--keys',
        nargs='+',
        required=True,
        metavar='GLOB',
        help="logged scalars, such as 'gmp/rho.*': each glob is a row of "
        'panels, one per key that it matches',
    )
    parser.add_argument(
        '--names',
        nargs='+',
        metavar='NAME',
        help='name of each row; the default comes from its glob',
    )
    parser.add_argument(
        '--labels',
        nargs='+',
        metavar='LABEL',
        help='label of each run; the default is its folder name. Runs with '
        'the same label, such as the seeds of a method, are drawn as their '
        'mean and range',
    )
    parser.add_argument(
        '--log',
        nargs='+',
        default=[],
        metavar='GLOB',
        help='scalars with a logarithmic axis and a geometric mean over runs',
    )
    parser.add_argument(
        '--lines',
        nargs='+',
        type=level,
        default=[],
        metavar='GLOB=VALUE',
        help="values to mark with a thin line, such as 'gmp/rho.*=1'",
    )
    parser.add_argument(
        '--where',
        nargs='+',
        type=pair,
        default=[],
        metavar='GLOB=KEY',
        help='leave out values of the glob where the scalar KEY is 0',
    )
    parser.add_argument(
        '--ratios',
        action='store_true',
        help='add gmp/rho.<modality> and gmp/sigma.<modality> to runs of '
        'methods other than GMP, computed from the confidences they logged',
    )
    parser.add_argument(
        '--smooth',
        type=int,
        default=1,
        help='logged points in the moving average (default: 1, no smoothing)',
    )
    parser.add_argument(
        '--out',
        default='curves.png',
        help='file to write, .png or .pdf (default: curves.png)',
    )
    return parser.parse_args()


def pair(text: str) -> tuple[str, str]:
    """Split GLOB=KEY or GLOB=VALUE."""
    glob, equals, value = text.rpartition('=')
    if not equals:
        raise argparse.ArgumentTypeError(f'{text!r} has no "="')
    return glob, value


def level(text: str) -> tuple[str, float]:
    """Split GLOB=VALUE, where the value is a number."""
    glob, value = pair(text)
    return glob, float(value)


def label_runs(runs: Sequence[str], labels: Sequence[str] | None) -> list[str]:
    """Label each run.

    Args:
        runs: Paths of the runs.
        labels: Label of each run; several runs may share one. None means the
            folder names.

    Raises:
        ValueError: The numbers of labels and runs differ, a run is given
            twice, or two runs without labels have the same folder name.
    """
    paths = [Path(run).resolve() for run in runs]
    if len(set(paths)) < len(runs):
        raise ValueError(
            f'a run is given twice in {list(runs)}: it would count twice'
        )
    if labels is not None:
        if len(labels) != len(runs):
            raise ValueError(
                f'`--labels` has {len(labels)} labels {list(labels)} for '
                f'{len(runs)} runs: give one for each'
            )
        return list(labels)
    # work_dir/<timestamp>/vis_data/scalars.json
    names = [
        path.parents[min(2, len(path.parents) - 1)].name
        if path.is_file()
        else path.name
        for path in paths
    ]
    if len(set(names)) < len(names):
        raise ValueError(
            f'two runs have the same folder name in {names}: give them '
            '`--labels`, the same one if they belong to one method'
        )
    return names


def add_ratios(records: Sequence[Record]) -> list[Record]:
    """Add the discrepancy ratios of GMP (eq. 8-9) to a training log.

    They are computed from the logged batch means of the confidences. Ratios
    that were logged are kept.

    Args:
        records: Training records of a run.

    Returns:
        The records, with ``gmp/rho.<m>`` and ``gmp/sigma.<m>`` where the
        confidences of all modalities, at least two, were logged.
    """
    from mmgmp.optim import discrepancy_ratio

    logged = dict.fromkeys(key for record in records for key in record)
    added = [dict(record) for record in records]
    for ratio, prefix in CONFIDENCES.items():
        keys = [key for key in logged if key.startswith(prefix)]
        if len(keys) < 2:
            continue
        for record in added:
            if record.keys() >= set(keys):
                ratios = discrepancy_ratio(
                    {key.removeprefix(prefix): record[key] for key in keys}
                )
                for modality, value in ratios.items():
                    # sigma compares the others with the modality.
                    value = 1 / value if ratio == 'sigma' else value
                    record.setdefault(f'gmp/{ratio}.{modality}', value)
    return added


def main() -> None:
    """Read the logs and write the figure."""
    args = parse_args()

    from mmgmp.visualization import plot_curves, read_training_log
    from mmgmp.visualization.style import check_out

    with one_line_errors():
        check_out(args.out)
        labels = label_runs(args.runs, args.labels)
        runs: dict[str, dict[str, list[Record]]] = {x: {} for x in labels}
        for label, run in zip(labels, args.runs, strict=True):
            records = read_training_log(run)
            runs[label][run] = add_ratios(records) if args.ratios else records
        plot_curves(
            runs,
            args.keys,
            args.out,
            names=args.names,
            log=args.log,
            lines=dict(args.lines),
            where=dict(args.where),
            smooth=args.smooth,
        )
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
