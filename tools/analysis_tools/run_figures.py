# Copyright (c) mmgmp authors.
"""What the tools share that draw the logs of runs over the iterations."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from mmgmp.visualization import read_training_log
from mmgmp.visualization.training_log import Curves


def draw_runs(
    description: str,
    out: str,
    read: Callable[[list[dict], str], Curves],
    plot: Callable[[dict[str, dict[str, Curves]], str, int], object],
) -> None:
    """Parse the command line, read the logs and write the figure.

    Args:
        description: Help of the tool.
        out: Default of ``--out``.
        read: Gives the curves of the training records of a log, whose name
            comes second.
        plot: Draws label -> run -> curves into a file, smoothed over a number
            of logged points.
    """
    parser = _parser(description, out)
    args = parser.parse_args()
    try:
        labels = label_runs(args.runs, args.labels)
        runs: dict[str, dict[str, Curves]] = {label: {} for label in labels}
        for label, run in zip(labels, args.runs, strict=True):
            runs[label][run] = read(read_training_log(run), run)
        plot(runs, args.out, args.smooth)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    print(f'wrote {args.out}')


def _parser(description: str, out: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        'runs',
        nargs='+',
        help='work_dir of a run, or a scalars.json of one',
    )
    parser.add_argument(
        '--labels',
        nargs='+',
        help='one per run; defaults to the folder names. Runs with the same '
        'label, such as the seeds of a method, are drawn as their mean '
        '(geometric for ratios and discrepancies) and their range',
    )
    parser.add_argument(
        '--out', default=out, help='file to write: .png or .pdf'
    )
    parser.add_argument(
        '--smooth',
        type=int,
        default=1,
        help='logged points in the moving average; 1 draws them as they are',
    )
    return parser


def label_runs(runs: Sequence[str], labels: Sequence[str] | None) -> list[str]:
    """Label of each run.

    Args:
        runs: Paths of the runs.
        labels: Labels given by the user, if any; several runs may have the
            same.

    Raises:
        ValueError: There is another number of labels than of runs, a run is
            given twice, or two runs without given labels have the same folder
            name.
    """
    if len({Path(run).resolve() for run in runs}) < len(runs):
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
    paths = [Path(run).resolve() for run in runs]
    names = [
        path.parents[min(2, len(path.parents) - 1)].name
        if path.is_file()
        else path.name
        for path in paths
    ]
    if len(set(names)) < len(names):
        raise ValueError(
            f'two runs have the same folder name in {names}: give them '
            '`--labels`, the same one if they are of one method'
        )
    return names
