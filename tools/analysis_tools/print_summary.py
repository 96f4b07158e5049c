# Copyright (c) mmgmp authors.
import argparse
import json
from collections import defaultdict
from pathlib import Path

from mmgmp.utils import one_line_errors

# Content of a summary, and its type.
CONTENT = dict(
    target=str, sources=list, chance=float, source_top1=dict, target_top1=dict
)


def read_summary(run: str) -> dict:
    """Read the summary of a run.

    Args:
        run: Its work dir.

    Raises:
        FileNotFoundError: There is no summary.
        ValueError: The file is not a summary.
    """
    from mmgmp.apis import format_summary, mean_summary

    path = Path(run, 'summary.json')
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} does not exist: train with tools/train.py --test'
        )
    try:
        summary = json.loads(path.read_text('utf-8'))
    except (OSError, ValueError) as error:
        raise ValueError(f'{path} cannot be read: {error}') from error
    if not isinstance(summary, dict):
        summary = {}
    wrong = [k for k, t in CONTENT.items() if not _is_a(summary.get(k), t)]
    for key in {'source_top1', 'target_top1'} - {*wrong}:
        values = summary[key].values()
        wrong += [key] * (not all(_is_a(v, float) for v in values))
    if 'sources' not in wrong and not all(
        isinstance(source, str) for source in summary['sources']
    ):
        wrong.append('sources')
    try:
        if not wrong:
            format_summary(summary)
            mean_summary([summary])
    except (AttributeError, KeyError, TypeError, ValueError):
        wrong = ['evaluation']
    if wrong:
        raise ValueError(
            f'{path} is not the summary of a run, because {wrong} are missing '
            'or of another type: repeat tools/train.py --test'
        )
    return summary


def _is_a(value: object, type_: type) -> bool:
    if type_ is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, type_)


def main() -> None:
    """Print the accuracies of finished runs."""
    parser = argparse.ArgumentParser(
        description='Print source and target accuracies of finished runs'
    )
    parser.add_argument(
        'runs', nargs='+', help='work_dir of a run of train.py --test'
    )
    parser.add_argument(
        '--mean',
        action='store_true',
        help='one table per target, with the mean over its runs',
    )
    args = parser.parse_args()

    from mmgmp.apis import format_summary, mean_summary

    with one_line_errors():
        paths = [Path(run).resolve() for run in args.runs]
        if len({*paths}) < len(paths):
            raise ValueError(
                f'a run is given twice in {args.runs}: it would count twice'
            )
        summaries = {run: read_summary(run) for run in args.runs}
        if args.mean:
            targets = defaultdict(list)
            for summary in summaries.values():
                targets[summary['target']].append(summary)
            summaries = {
                f'{target}, mean of {len(group)} runs': mean_summary(group)
                for target, group in targets.items()
            }
    for name, summary in summaries.items():
        print(f'{name}\n{format_summary(summary)}')


if __name__ == '__main__':
    with one_line_errors():
        main()
