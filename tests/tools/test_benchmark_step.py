# Copyright (c) mmgmp authors.
"""The benchmark of a step runs every method; no time is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / 'tools/analysis_tools/benchmark_step.py'
METHODS = (
    'forward',
    'base',
    'gmp_parameter',
    'gmp_feature',
    'torchjd',
    'three_pass',
)


def test_rows_and_table(tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            str(TOOL),
            *('--rounds', '1', '--batch-size', '2', '--settings', 'layer4'),
            *('--json', str(tmp_path / 'rows.json')),
        ],
        env={
            **os.environ,
            'PYTHONPATH': str(TOOL.parents[2]),
            'OMP_NUM_THREADS': '1',
        },
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    rows = json.loads((tmp_path / 'rows.json').read_text())
    assert [row['method'] for row in rows] == list(METHODS)
    for row in rows:
        assert row.keys() == {'setting', 'method', 'median_s', 'peak_bytes'}
        assert row['setting'] == 'layer4'
        assert row['median_s'] > 0
    peak = {row['method']: row['peak_bytes'] for row in rows}
    # Two task gradients are held at once, and no more than that.
    assert peak['base'] < peak['gmp_parameter'] < peak['three_pass']
    lines = result.stdout.splitlines()
    names = [line.split()[0] for line in lines if line]
    assert {'trained', 'method', *METHODS} <= {*names}
