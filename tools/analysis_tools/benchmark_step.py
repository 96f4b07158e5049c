# Copyright (c) mmgmp authors.
"""Time and memory of one training step, method beside method.

All methods run in one process on the same model and batch, in rounds that
visit every method once; the medians over the rounds are compared. The model is
a narrow SlowFast-18 and a ResNet-18 with a domain adversary.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile
from training_steps import SETTINGS, TrainingSteps

from mmgmp.utils import register_all_modules


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


def median_seconds(
    methods: dict[str, Callable], rounds: int, device: torch.device
) -> dict[str, float]:
    """Median time of each method over interleaved rounds."""
    seconds = {name: [] for name in methods}
    for method in methods.values():
        method()
    for _ in range(rounds):
        for name, method in methods.items():
            seconds[name].append(timed(method, device))
    return {name: statistics.median(s) for name, s in seconds.items()}


def timed(method: Callable, device: torch.device) -> float:
    """Seconds of one call; by CUDA events on a GPU."""
    if device.type != 'cuda':
        start = time.perf_counter()
        method()
        return time.perf_counter() - start
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    events[0].record()
    method()
    events[1].record()
    events[1].synchronize()
    return events[0].elapsed_time(events[1]) / 1e3


def peak_bytes(method: Callable, device: torch.device) -> int:
    """Most bytes that one call holds beyond what was there before.

    Args:
        method: A training step that leaves behind as much as it finds, so
            not the first one.
        device: Where it runs.
    """
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


def format_table(rows: list[dict]) -> str:
    """Table of one setting with ratios to Base and to the floor."""
    by_name = {row['method']: row for row in rows}
    forward = by_name['forward']['median_s']
    base = by_name['base']['median_s']
    # Two task gradients need two backward passes: (F + 2 B) / (F + B).
    floor = (2 * base - forward) / base
    base_bytes = by_name['base']['peak_bytes']
    lines = [
        f'trained layers: {rows[0]["setting"]}; floor (F + 2B)/(F + B) = '
        f'{floor:.3f}',
        f'{"method":<14} {"ms":>8} {"/ Base":>7} {"/ floor":>8} '
        f'{"peak MB":>8} {"- Base":>7}',
    ]
    for name, row in by_name.items():
        ratio = row['median_s'] / base
        lines.append(
            f'{name:<14} {1e3 * row["median_s"]:8.1f} {ratio:7.3f} '
            f'{ratio / floor:8.3f} {row["peak_bytes"] / 1e6:8.1f} '
            f'{(row["peak_bytes"] - base_bytes) / 1e6:7.1f}'
        )
    return '\n'.join(lines)


def main() -> None:
    """Measure and print one table per setting."""
    args = parse_args()
    register_all_modules()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    rows = []
    for setting in args.settings:
        bench = TrainingSteps(setting, args.batch_size, device)
        seconds = median_seconds(bench.methods, args.rounds, device)
        for name in bench.methods:
            # A model of its own, without the hooks of the other methods.
            alone = TrainingSteps(setting, args.batch_size, device)
            rows.append(
                dict(
                    setting=setting,
                    method=name,
                    median_s=seconds[name],
                    peak_bytes=peak_bytes(alone.methods[name], device),
                )
            )
        print(format_table([r for r in rows if r['setting'] == setting]))
        encoders = bench.model.backbone.parameters()
        size = sum(4 * p.numel() for p in encoders if p.requires_grad)
        print(f"one copy of the encoders' gradients: {size / 1e6:.1f} MB\n")
    if args.json:
        Path(args.json).write_text(json.dumps(rows, indent=2) + '\n')


if __name__ == '__main__':
    main()
