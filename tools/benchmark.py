# Copyright (c) mmgmp authors.
"""Run a plan of methods, targets and seeds, and compare the methods.

Finished runs are kept in the plan's results file and are not repeated; an
interrupted one is resumed. Ctrl-C stops all runs; the same command goes on.
"""

import argparse
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import yaml
from mmengine.config import DictAction

from mmgmp.benchmark.collect import TARGET_METRIC, compare_plan
from mmgmp.benchmark.execute import forget_result, read_result
from mmgmp.benchmark.fingerprint import dataset_version
from mmgmp.benchmark.plan import Plan, load_plan
from mmgmp.benchmark.report import write_tables
from mmgmp.benchmark.results_store import ResultsStore
from mmgmp.benchmark.run import Run
from mmgmp.benchmark.scheduler import Slots, run_all, usable_cores
from mmgmp.benchmark.tables import markdown_table
from mmgmp.benchmark.verdict import markdown_verdict
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
        '--dry-run', action='store_true', help='list the runs and end'
    )
    parser.add_argument(
        '--smoke',
        action='store_true',
        help='the plan reduced by its `smoke` entry, to see that it runs; its '
        'results stay out of the published ones',
    )
    parser.add_argument(
        '--sweep',
        nargs='+',
        default=[],
        metavar='KEY=V1,V2',
        help='vary settings of all methods but the baseline, one at a time',
    )
    parser.add_argument(
        '--retry-failed', action='store_true', help='run failed ones again'
    )
    parser.add_argument(
        '--slots',
        type=int,
        help='runs at the same time (default: one per GPU or, without one, '
        'per core)',
    )
    parser.add_argument(
        '--gpus',
        type=int,
        nargs='*',
        help='GPUs that local runs share in turn (default: all)',
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
        '--work-dir', type=Path, default=ROOT, help='logs and tables'
    )
    args = parser.parse_args()
    if args.slots is not None and args.slots < 1:
        parser.error(f'--slots must be at least 1, got {args.slots}')
    return args


def parse_sweeps(texts: list[str]) -> dict[str, list]:
    """Read ``KEY=V1,V2`` arguments.

    Raises:
        ValueError: One has no key or no values.
    """
    sweeps = {}
    for text in texts:
        key, _, values = text.partition('=')
        if not key or not values:
            raise ValueError(f'--sweep takes KEY=V1,V2,..., got {text!r}')
        sweeps[key] = yaml.safe_load(f'[{values}]')
    return sweeps


class Progress:
    """Stores each result as it comes and says what is left."""

    def __init__(self, store: ResultsStore, total: int, slots: int) -> None:
        self.store = store
        self.total = total
        self.slots = slots
        self.done = 0
        self.start = time.perf_counter()

    def __call__(self, run: Run, rows: list[dict]) -> None:
        """Take the rows of a run that has ended."""
        self.store.add(rows)
        self.done += 1
        row = rows[0]
        text = f'FAILED: {row["reason"]}'
        if row['state'] == 'finished':
            text = f'{100 * row[TARGET_METRIC]:.1f} % on the target'
        seconds = (time.perf_counter() - self.start) / self.done
        left = timedelta(seconds=round(seconds * (self.total - self.done)))
        print(
            f'[{self.done}/{self.total}] {run.name}: {text}; about {left} '
            'left',
            flush=True,
        )


def missing_runs(
    plan: Plan, store: ResultsStore, root: Path, retry: bool
) -> list[tuple[Run, Path]]:
    """What is left to run, and where; finished work is stored first."""
    states = store.states()
    missing = {}
    for run in plan.runs():
        identity = run.identity()
        key = identity['config_hash'], run.seed
        name = f'{identity["config"]}_{key[0]}'
        work_dir = root / 'runs' / name / f'seed{run.seed}'
        state = states.get(key)
        if state is None and (rows := read_result(work_dir)):
            store.add(rows)
            state = states[key] = rows[0]['state']
        if state is None or (state == 'failed' and retry):
            missing[key] = run, work_dir
    return list(missing.values())


def prepare(runs: list[tuple[Run, Path]]) -> None:
    """Build the datasets once, so that what is wrong with them shows now.

    A generated dataset is made here, and not by several runs at once.
    """
    seen = set()
    for run, _ in runs:
        config = run.identity()['config_hash']
        if config not in seen:
            seen.add(config)
            dataset_version(run.load_config())


def main() -> int:
    """Run the plan.

    Returns:
        0, or 1 if there are failed runs, or 130 if it was interrupted.
    """
    args = parse_args()
    with one_line_errors():
        plan = load_plan(args.plan, args.smoke)
        plan = plan.swept(parse_sweeps(args.sweep))
        store = ResultsStore(plan.results)
        runs = missing_runs(plan, store, args.work_dir, args.retry_failed)
    print(
        f'{plan.name}: {len(plan.runs())} runs, {len(runs)} of them to do; '
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
    gpus = args.gpus
    if gpus is None:
        gpus = list(range(torch.cuda.device_count()))
    number = args.slots or len(gpus) or usable_cores()
    slots = Slots(
        number, tuple(gpus), args.cluster, tuple(args.executor_options.items())
    )
    if args.cluster == 'local':
        # More threads than cores make all runs wait for each other.
        threads = max(1, usable_cores() // number)
        os.environ.setdefault('OMP_NUM_THREADS', str(threads))
    register_all_modules()
    try:
        prepare(runs)
        # Not before: worker processes that are forked above would inherit it.
        # Ctrl-C is ignored in what a shell starts in the background, and so
        # would be the cancelling of the jobs.
        for number_of_signal in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number_of_signal, signal.default_int_handler)
        if args.retry_failed:
            for _, work_dir in runs:
                forget_result(work_dir)
        run_all(
            runs,
            slots,
            Progress(store, len(runs), number),
            args.work_dir / 'jobs',
            args.keep_checkpoints,
        )
    except KeyboardInterrupt:
        print('Interrupted: the same command goes on from here.')
        return 130
    return report(plan, store, args.work_dir / plan.name)


def report(plan: Plan, store: ResultsStore, folder: Path) -> int:
    """Print the table and the verdict, and write all tables and figures.

    Returns:
        1 if a run of the plan has failed, else 0.
    """
    frame = store.read()
    comparison = compare_plan(plan, frame, 'source')
    print(f'\n{markdown_table(comparison, plan.title)}')
    print(markdown_verdict(comparison))
    write_tables(plan, frame, folder)
    print(f'Tables as Markdown, CSV and LaTeX, and figures: {folder}')
    failed = [m for m in comparison.methods.values() if m.failures]
    if failed:
        print('Failed runs are run again with --retry-failed.')
    return int(bool(failed))


if __name__ == '__main__':
    sys.exit(main())
