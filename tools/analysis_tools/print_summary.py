# Copyright (c) mmgmp authors.
import argparse
import json
from collections import defaultdict
from pathlib import Path

from mmgmp.apis import format_summary, mean_summary
from mmgmp.utils import one_line_errors


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
    summaries = {}
    for run in args.runs:
        path = Path(run, 'summary.json')
        if not path.is_file():
            parser.error(
                f'{path} does not exist: train with tools/train.py --test'
            )
        summaries[run] = json.loads(path.read_text())
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
