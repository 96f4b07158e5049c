# Copyright (c) mmgmp authors.
"""Compare the loading speed of the HAC pipeline and of the released code.

The released recipe decodes the whole clip, reads the whole wav file and
computes the spectrogram with SciPy, as the code of SimMMDG does; the
transforms of the sampled frames are the same. Both run on generated H.264
clips with sound, one sample at a time in one process. Each round runs both
with the same random numbers. The tool measures the processor time of all
threads, and compares the medians over the rounds.

The released code decodes with imageio, which is measured too if it is
installed. Recent versions (2.38) also collect garbage at each file, which is
included in the time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmgmp.utils import one_line_errors, register_all_modules
from mmgmp.utils.setting import read_config

if TYPE_CHECKING:
    from loading_recipes import Steps

CONFIG = Path(__file__).parents[2] / 'configs/erm/erm.py'


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--clips', type=int, default=4)
    parser.add_argument('--seconds', type=float, default=10, help='of a clip')
    parser.add_argument('--fps', type=int, default=30)
    parser.add_argument(
        '--size', type=int, nargs=2, default=[320, 240], metavar=('W', 'H')
    )
    parser.add_argument(
        '--keyint',
        type=int,
        nargs='+',
        default=[250, 30],
        help='largest distances between key frames, with one table for each: '
        'the default of ffmpeg is 250; clips with one key frame per second '
        'have 30',
    )
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument(
        '--memory',
        type=int,
        default=0,
        metavar='N',
        help='load N samples and print the resident memory (Linux)',
    )
    parser.add_argument('--json', type=Path, help='file for the results')
    return parser.parse_args()


def run_steps(
    steps: Steps, item: dict, seed: int
) -> tuple[dict, dict[str, float]]:
    """Load a sample; return it and the seconds of each transform."""
    np.random.seed(seed)
    seconds: dict[str, float] = {}
    for name, step in steps:
        start = time.process_time()
        item = step(item)
        seconds[name] = seconds.get(name, 0) + time.process_time() - start
    return item, seconds


def measure(dataset, rounds: int) -> dict[str, dict[str, float]]:
    """Measure the seconds of each transform of each recipe, for one sample.

    Each value is the median over the rounds of the mean over the clips;
    'total' is the same for the sum of all transforms.
    """
    from loading_recipes import recipes

    methods = recipes(dataset)
    table: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for number in range(-1, rounds):
        for name, steps in methods.items():
            clips = [
                run_steps(
                    steps, dataset.get_data_info(i), 1000 * (number + 1) + i
                )[1]
                for i in range(len(dataset))
            ]
            means = {k: statistics.mean(c[k] for c in clips) for k in clips[0]}
            if number >= 0:  # The first round warms up.
                table[name].append(dict(means, total=sum(means.values())))
    return {
        name: {k: statistics.median(r[k] for r in rows) for k in rows[0]}
        for name, rows in table.items()
    }


def format_table(table: dict[str, dict[str, float]]) -> str:
    """Format milliseconds of each transform, samples per second and ratios."""
    names = list(table)
    lines = [f'{"ms":<20}' + ''.join(f'{name:>20}' for name in names)]
    for step in table['mmgmp']:
        texts = (f'{1e3 * table[name][step]:>20.1f}' for name in names)
        lines.append(f'{step:<20}' + ''.join(texts))
    totals = [table[name]['total'] for name in names]
    for label, values in (
        ('clips/s', (1 / total for total in totals)),
        ('mmgmp is faster by', (total / totals[0] for total in totals)),
    ):
        texts = (f'{value:>20.2f}' for value in values)
        lines.append(f'{label:<20}' + ''.join(texts))
    return '\n'.join(lines)


def resident_megabytes() -> float:
    """Read the resident memory of this process."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def measure_memory(dataset, num_samples: int) -> list[tuple[int, float]]:
    """Load samples; return their number and the memory at ten points."""
    every = max(1, num_samples // 10)
    points = []
    for number in range(1, num_samples + 1):
        dataset[number % len(dataset)]
        if number % every == 0:
            points.append((number, resident_megabytes()))
    return points


def main() -> None:
    """Measure, and print a table for each distance of key frames."""
    args = parse_args()

    # These import PyTorch, which `--help` does without.
    import cv2
    from loading_recipes import write_clips
    from mmaction.registry import DATASETS

    register_all_modules()
    # Data loader workers also use a single OpenCV thread.
    cv2.setNumThreads(0)
    config = read_config(CONFIG, dict(dataset='hac'), exact=True)
    report = []
    for keyint in args.keyint:
        with tempfile.TemporaryDirectory() as root:
            bitrate = write_clips(
                Path(root),
                args.clips,
                round(args.seconds * args.fps),
                args.fps,
                tuple(args.size),
                keyint,
            )
            dataset = DATASETS.build(
                dict(
                    config.train_dataloader.dataset,
                    data_root=root,
                    domains=['human'],
                )
            )
            table = measure(dataset, args.rounds)
            print(
                f'{args.seconds} s, {args.size[0]}x{args.size[1]}, {args.fps} '
                f'frames/s, H.264 of {bitrate:.0f} kb/s, a key frame every '
                f'{keyint} frames at least\n{format_table(table)}\n'
            )
            report.append(dict(keyint=keyint, kbps=bitrate, seconds=table))
            if args.memory:
                points = measure_memory(dataset, args.memory)
                for number, size in points:
                    print(f'{number:>6} samples: {size:8.1f} MB resident')
                growth = points[-1][1] - points[0][1]
                print(f'growth after the first tenth: {growth:.1f} MB\n')
                report[-1]['memory'] = points
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + '\n')


if __name__ == '__main__':
    with one_line_errors():
        main()
