# Copyright (c) mmgmp authors.
"""Run a plan of methods, targets and seeds, and compare the methods.

Finished runs are kept in the plan's results file and are not repeated;
interrupted runs are resumed. The plans in configs/benchmark come with stored
results, which are shown without running anything; --fresh runs them anew. The
whole plan is checked before the first run. Ctrl-C stops all runs; run the same
command again to resume.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import DictAction

from mmgmp.utils import one_line_errors, register_all_modules

# These import PyTorch, which `--help` does without, so each function imports
# what it calls.
if TYPE_CHECKING:
    from mmgmp.benchmark.plan import Plan
    from mmgmp.benchmark.results import Results
    from mmgmp.benchmark.run import Run
    from mmgmp.benchmark.scheduler import Slots
    from mmgmp.benchmark.store import ResultsStore

ROOT = Path('work_dirs/benchmark')
FRESH = 'fresh'


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
        '--fresh',
        action='store_true',
        help=f'ignore the results file of the plan, and keep all results in '
        f'the folder `{FRESH}` of the work dir, also when resuming',
    )
    parser.add_argument(
        '--sweep',
        nargs='+',
        default=[],
        metavar='KEY=V1,V2',
        help='vary settings of all methods but the baseline, one at a time',
    )
    parser.add_argument(
        '--retry-failed',
        action='store_true',
        help='run failed runs again, from their last checkpoint',
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
        ValueError: An argument has no key or no values, or is given twice.
    """
    from mmgmp.benchmark.plan_file import parse_yaml

    sweeps: dict[str, list] = {}
    for text in texts:
        key, _, values = text.partition('=')
        parsed = None
        if key and values.strip():
            parsed = parse_yaml(f'[{values}]', f'--sweep {text!r}')
        if not parsed or not isinstance(parsed, list):
            raise ValueError(f'--sweep takes KEY=V1,V2,..., got {text!r}')
        if key in sweeps:
            raise ValueError(f'--sweep has {key!r} twice: give all its values')
        sweeps[key] = parsed
    return sweeps


def make_slots(args: argparse.Namespace) -> Slots:
    """Make the slots, and set the number of threads of local runs."""
    import torch

    from mmgmp.benchmark.scheduler import Slots, usable_cores

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

    from mmgmp.benchmark.plan import load_plan
    from mmgmp.benchmark.preflight import check_configs, check_parts
    from mmgmp.benchmark.report import stored_note
    from mmgmp.benchmark.results import Results
    from mmgmp.benchmark.scheduler import missing_runs
    from mmgmp.benchmark.store import ResultsStore

    with one_line_errors():
        plan = load_plan(args.plan, args.smoke)
        plan = plan.swept(parse_sweeps(args.sweep))
        root = args.work_dir
        if args.fresh:
            # Plans that share a results file share the fresh one too.
            root = root / FRESH
            plan = replace(plan, results=root / plan.results.name)
        register_all_modules()
        check_configs(plan)
        store = ResultsStore(plan.results)
        runs = missing_runs(plan, store, root, args.retry_failed)
        check_parts(plan, runs)
        print(
            f'{plan.name}: {len(plan.runs)} runs, {len(runs)} of them to do; '
            f'results in {plan.results}',
            flush=True,
        )
        if note := stored_note(Results.read(plan), [run for run, _ in runs]):
            print(note, flush=True)
            if not (runs or args.fresh):
                print(f'To run all of them here, in {root / FRESH}: --fresh.')
        if args.dry_run:
            for run, work_dir in runs:
                print(
                    f'{run.name}: {run.config} {run.variables} '
                    f'{run.overrides} -> {work_dir}'
                )
            return 0
        if runs:
            store.check()
        try:
            execute_all(args, plan, runs, store, root)
        except KeyboardInterrupt:
            print('Interrupted: run the same command again to resume.')
            return 130
        return report(Results.read(plan), root / plan.name)


def execute_all(
    args: argparse.Namespace,
    plan: Plan,
    runs: list[tuple[Run, Path]],
    store: ResultsStore,
    root: Path,
) -> None:
    """Execute the runs in `root`, and store their rows."""
    from mmgmp.benchmark.preflight import check_files
    from mmgmp.benchmark.scheduler import Progress, forget_failures, run_all

    slots = make_slots(args)
    check_files(plan, runs)
    # A shell makes its background processes ignore Ctrl-C, so the jobs would
    # not be cancelled. Worker processes that check_files forks must not
    # inherit these handlers.
    for number_of_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number_of_signal, signal.default_int_handler)
    if args.retry_failed:
        forget_failures(runs)
    run_all(
        runs,
        slots,
        Progress(store, len(runs)),
        root / 'jobs',
        args.keep_checkpoints,
    )


def report(results: Results, folder: Path) -> int:
    """Print the table and the summary, and write all tables and the figure.

    Returns:
        1 if a run of the plan failed, else 0.
    """
    from mmgmp.benchmark.report import outdated_note, write_tables
    from mmgmp.benchmark.tables import markdown_table
    from mmgmp.benchmark.text import markdown_summary

    comparison = results.comparison()
    print(f'\n{markdown_table(comparison, results.plan.title)}')
    print(markdown_summary(comparison))
    if results.outdated:
        print(outdated_note(results))
    write_tables(results, folder)
    print(f'Tables as Markdown, CSV and LaTeX, and a figure: {folder}')
    failed = any(method.failures for method in comparison.methods.values())
    if failed:
        print('Run again with --retry-failed to repeat the failed runs.')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
