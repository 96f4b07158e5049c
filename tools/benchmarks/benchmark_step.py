# Copyright (c) mmgmp authors.
"""Compare time and memory of one training step between methods.

All methods run in one process on the same model and batch, in rounds that
run every method once; the medians over the rounds are compared. The model
consists of a narrow SlowFast-18 and a ResNet-18, with a domain adversary for
GMP, or, in the setting ``boomda``, with Boomda on projected features.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmgmp.utils import one_line_errors, register_all_modules

# These import PyTorch, which `--help` does without, so each function imports
# what it calls.
if TYPE_CHECKING:
    import torch
    from training_steps import ComparedSteps

# Trained layers of the model with a domain adversary, and the other model.
SETTINGS = ('all', 'layer4', 'boomda')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument(
        '--settings', nargs='+', choices=SETTINGS, default=list(SETTINGS)
    )
    parser.add_argument('--json', help='file to write the rows into')
    return parser.parse_args()


def make_steps(
    setting: str, batch_size: int, device: torch.device
) -> ComparedSteps:
    """Make the model, the batch and the steps of a setting."""
    from adaptation_steps import AdaptationSteps
    from training_steps import TrainingSteps

    if setting == 'boomda':
        return AdaptationSteps(batch_size, device)
    return TrainingSteps(setting, batch_size, device)


def median_seconds(
    methods: dict[str, Callable], rounds: int, device: torch.device
) -> dict[str, float]:
    """Measure the median time of each method over interleaved rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for method in methods.values():
        method()
    for _ in range(rounds):
        for name, method in methods.items():
            seconds[name].append(timed(method, device))
    return {name: statistics.median(s) for name, s in seconds.items()}


def timed(method: Callable, device: torch.device) -> float:
    """Measure the seconds of one call."""
    from training_steps import Stopwatch

    watch = Stopwatch(device)
    watch.mark()
    method()
    watch.mark()
    return watch.seconds()[0]


def peak_bytes(method: Callable, device: torch.device) -> int:
    """Measure the peak memory that a second call allocates.

    Args:
        method: A training step. Its first call allocates the optimizer state.
        device: Where it runs.
    """
    import torch
    from torch.profiler import ProfilerActivity, profile

    method()
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        method()
        return torch.cuda.max_memory_allocated(device) - before
    with profile(
        activities=[ProfilerActivity.CPU], profile_memory=True
    ) as profiler:
        method()
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    for event in sorted(
        (e for e in events if e.name() == '[memory]'),
        key=lambda e: e.start_ns(),
    ):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def format_table(rows: list[dict], steps: ComparedSteps) -> str:
    """Format the table of one setting, relative to its base."""
    seconds = {row['method']: row['median_s'] for row in rows}
    memory = {row['method']: row['peak_bytes'] for row in rows}
    base = steps.base.capitalize()
    first = max(14, *map(len, seconds))
    width = max(7, len(base) + 2)
    lines = [
        steps.title(seconds),
        f'{"method":<{first}} {"ms":>8} {"/ " + base:>{width}} '
        f'{steps.column:>8} {"peak MB":>8} {"- " + base:>{width}}',
    ]
    for name in seconds:
        lines.append(
            f'{name:<{first}} {1e3 * seconds[name]:8.1f} '
            f'{seconds[name] / seconds[steps.base]:{width}.3f} '
            f'{steps.compare(name, seconds):8.3f} '
            f'{memory[name] / 1e6:8.1f} '
            f'{(memory[name] - memory[steps.base]) / 1e6:{width}.1f}'
        )
    return '\n'.join(lines)


def main() -> None:
    """Measure and print one table per setting."""
    args = parse_args()

    import torch

    register_all_modules()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows = []
    for setting in args.settings:
        bench = make_steps(setting, args.batch_size, device)
        seconds = median_seconds(bench.methods, args.rounds, device)
        for name in bench.methods:
            # Use a separate model, without the hooks of the other methods.
            alone = make_steps(setting, args.batch_size, device)
            rows.append(
                dict(
                    setting=setting,
                    method=name,
                    median_s=seconds[name],
                    peak_bytes=peak_bytes(alone.methods[name], device),
                )
            )
        rows_of_setting = [r for r in rows if r['setting'] == setting]
        print(format_table(rows_of_setting, bench))
        encoders = bench.model.backbone.parameters()
        size = sum(4 * p.numel() for p in encoders if p.requires_grad)
        print(f"one copy of the encoders' gradients: {size / 1e6:.1f} MB\n")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
    with one_line_errors():
        main()
