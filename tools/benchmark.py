# Copyright (c) mmgmp authors.
"""Run a plan of methods, targets and seeds, and compare the methods.

Finished runs are kept in the plan's results file and are not repeated;
interrupted runs are resumed. Ctrl-C stops all runs; run the same command again
to resume.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import torch
import yaml
from mmengine.config import DictAction

from mmgmp.benchmark.execution import forget_result
from mmgmp.benchmark.plan import load_plan
from mmgmp.benchmark.report import write_tables
from mmgmp.benchmark.results import Results
from mmgmp.benchmark.scheduler import (
    Progress,
    Slots,
    build_datasets,
    missing_runs,
    run_all,
    usable_cores,
)
from mmgmp.benchmark.store import ResultsStore
from mmgmp.benchmark.tables import markdown_table
from mmgmp.benchmark.text import markdown_summary
from mmgmp.utils import one_line_errors, register_all_modules

ROOT = Path('work_dirs/benchmark')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('plan', help='YAML file, see configs/benchmark')
    parser.add_argument(
        '--dry-run', action='store_true', help='list the missing runs and exit'
    )
    parser.add_argument(
        '--smoke',
        action='store_true',
        help='run the plan reduced by its `smoke` entry, as a quick check; '
        'keeps its results apart from the published ones',
    )
    parser.add_argument(
        '--sweep',
        nargs='+',
        default=[],
        metavar='KEY=V1,V2',
        help='vary settings of all methods but the baseline, one at a time',
    )
    parser.add_argument(
        '--retry-failed', action='store_true', help='run failed runs again'
    )
    parser.add_argument(
        '--slots',
        type=int,
        help='maximum number of runs at the same time (default: one per GPU, '
        'or one per core without a GPU)',
    )
    parser.add_argument(
        '--gpus',
        type=int,
        nargs='*',
        help='indices of the GPUs that local runs share (default: all)',
    )
    parser.add_argument(
        '--cluster',
        choices=['local', 'slurm'],
        default='local',
        help='executor of submitit',
    )
    parser.add_argument(
        '--executor-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help="parameters of submitit's executor, such as "
        'slurm_partition=NAME gpus_per_node=1 timeout_min=600',
    )
    parser.add_argument(
        '--keep-checkpoints',
        action='store_true',
        help='keep the selected and the last weights of each run',
    )
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=ROOT,
        help='folder for logs and tables',
    )
    args = parser.parse_args()
    if args.slots is not None and args.slots < 1:
        parser.error(f'--slots must be at least 1, got {args.slots}')
    return args


def parse_sweeps(texts: list[str]) -> dict[str, list]:
    """Parse ``KEY=V1,V2`` arguments.

    Raises:
        ValueError: An argument has no key or no values.
    """
    sweeps = {}
    for text in texts:
        key, _, values = text.partition('=')
        if not key or not values:
            raise ValueError(f'--sweep takes KEY=V1,V2,..., got {text!r}')
        sweeps[key] = yaml.safe_load(f'[{values}]')
    return sweeps


def make_slots(args: argparse.Namespace) -> Slots:
    """Make the slots, and set the number of threads of local runs."""
    gpus = args.gpus
    if gpus is None:
        gpus = list(range(torch.cuda.device_count()))
    number = args.slots or len(gpus) or usable_cores()
    if args.cluster == 'local':
        # With more threads than cores, all runs wait for each other.
        threads = max(1, usable_cores() // number)
        os.environ.setdefault('OMP_NUM_THREADS', str(threads))
    options = tuple(args.executor_options.items())
    return Slots(number, tuple(gpus), args.cluster, options)


def main() -> int:
    """Run the plan.

    Returns:
        0, or 1 if a run of the plan failed, or 130 after an interruption.
    """
    args = parse_args()
    with one_line_errors():
        plan = load_plan(args.plan, args.smoke)
        plan = plan.swept(parse_sweeps(args.sweep))
        store = ResultsStore(plan.results)
        runs = missing_runs(plan, store, args.work_dir, args.retry_failed)
    print(
        f'{plan.name}: {len(plan.runs)} runs, {len(runs)} of them to do; '
        f'results in {plan.results}',
        flush=True,
    )
    if args.dry_run:
        for run, work_dir in runs:
            print(
                f'{run.name}: {run.config} {run.variables} {run.overrides} '
                f'-> {work_dir}'
            )
        return 0
    slots = make_slots(args)
    register_all_modules()
    try:
        build_datasets(runs)
        # A shell makes its background processes ignore Ctrl-C, so the jobs
        # would not be cancelled. Worker processes that build_datasets forks
        # must not inherit these handlers.
        for number_of_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number_of_signal, signal.default_int_handler)
        if args.retry_failed:
            for _, work_dir in runs:
                forget_result(work_dir)
        run_all(
            runs,
            slots,
            Progress(store, len(runs)),
            args.work_dir / 'jobs',
            args.keep_checkpoints,
        )
    except KeyboardInterrupt:
        print('Interrupted: run the same command again to resume.')
        return 130
    return report(Results.read(plan), args.work_dir / plan.name)


def report(results: Results, folder: Path) -> int:
    """Print the table and the summary, and write all tables and the figure.

    Returns:
        1 if a run of the plan failed, else 0.
    """
    comparison = results.comparison()
    print(f'\n{markdown_table(comparison, results.plan.title)}')
    print(markdown_summary(comparison))
    write_tables(results, folder)
    print(f'Tables as Markdown, CSV and LaTeX, and a figure: {folder}')
    failed = any(method.failures for method in comparison.methods.values())
    if failed:
        print('Run again with --retry-failed to repeat the failed runs.')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
