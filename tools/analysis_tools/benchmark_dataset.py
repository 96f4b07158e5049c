# Copyright (c) mmgmp authors.
"""Samples per second of the HAC pipeline beside that of the released code.

The released recipe decodes the whole clip, reads the whole wav file and makes
the spectrogram by SciPy, as in the code of SimMMDG; the transforms of the
sampled frames are the same. Both run on generated H.264 clips with sound, one
sample at a time in one process, in rounds that visit both; their random
numbers are the same. The time is that of the processor, all threads together,
and the medians over the rounds are compared.

The released code decodes by imageio; where that is installed, it is measured
too. Recent versions (2.38) also collect garbage at each file, which is part of
that figure.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from loading_recipes import Steps, recipes, write_clips
from mmaction.registry import DATASETS

from mmgmp.utils import register_all_modules
from mmgmp.utils.setting import read_config

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
        help='largest distances between key frames, a table for each: that '
        'of ffmpeg is 250 (the default), and that of clips cut with one key '
        'frame a second is 30',
    )
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument(
        '--memory',
        type=int,
        default=0,
        metavar='N',
        help='load N samples and print the resident memory (Linux)',
    )
    parser.add_argument('--json', type=Path, help='write the figures there')
    return parser.parse_args()


def run_steps(
    steps: Steps, item: dict, seed: int
) -> tuple[dict, dict[str, float]]:
    """Load a sample; its result, and the seconds of each transform."""
    np.random.seed(seed)
    seconds = {}
    for name, step in steps:
        start = time.process_time()
        item = step(item)
        seconds[name] = seconds.get(name, 0) + time.process_time() - start
    return item, seconds


def measure(dataset, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds of each transform of each recipe, for one sample.

    Each is the median over the rounds of the mean over the clips; 'total' is
    that of the sum.
    """
    methods = recipes(dataset)
    table = {name: [] for name in methods}
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
    """Milliseconds of each transform, samples per second and ratios."""
    names = list(table)
    lines = [f'{"ms":<20}' + ''.join(f'{name:>20}' for name in names)]
    for step in table['mmgmp']:
        cells = (f'{1e3 * table[name][step]:>20.1f}' for name in names)
        lines.append(f'{step:<20}' + ''.join(cells))
    totals = [table[name]['total'] for name in names]
    for label, cells in (
        ('clips/s', (1 / total for total in totals)),
        ('mmgmp is faster by', (total / totals[0] for total in totals)),
    ):
        cells = (f'{cell:>20.2f}' for cell in cells)
        lines.append(f'{label:<20}' + ''.join(cells))
    return '\n'.join(lines)


def resident_megabytes() -> float:
    """Resident memory of this process."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 1e6


def measure_memory(dataset, num_samples: int) -> list[tuple[int, float]]:
    """Load samples; (how many so far, resident megabytes) ten times."""
    every = max(1, num_samples // 10)
    points = []
    for number in range(1, num_samples + 1):
        dataset[number % len(dataset)]
        if number % every == 0:
            points.append((number, resident_megabytes()))
    return points


def main() -> None:
    """Measure and print a table for each distance of key frames."""
    args = parse_args()
    register_all_modules()
    # As in the workers of a data loader.
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
    main()
