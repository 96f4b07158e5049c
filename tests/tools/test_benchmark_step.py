# Copyright (c) mmgmp authors.
"""The benchmark of a step runs every method; no time is asserted."""

import json
from pathlib import Path

import pytest
import torch

TOOL = Path(__file__).parents[2] / 'tools/benchmarks/benchmark_step.py'
METHODS = dict(
    layer4=[
        'forward',
        'base',
        'gmp_parameter',
        'gmp_feature',
        'torchjd',
        'three_pass',
    ],
    boomda=[
        'forward',
        'unbalanced',
        'equal',
        'closed_form',
        'qp',
        'embedding_passes',
        'parameter_passes',
    ],
)


@pytest.fixture(autouse=True)
def small_inputs(monkeypatch):
    monkeypatch.syspath_prepend(str(TOOL.parent))
    import training_steps

    monkeypatch.setitem(training_steps.INPUTS, 'video', (3, 8, 32, 32))
    monkeypatch.setitem(training_steps.INPUTS, 'audio', (1, 65, 32))


@pytest.fixture
def adaptation():
    import adaptation_steps

    return adaptation_steps


@pytest.mark.slow
def test_rows_and_table(tmp_path, run_tool, capsys):
    out = tmp_path / 'rows.json'
    options = ['--rounds', 1, '--batch-size', 4, '--settings', *METHODS]
    run_tool(TOOL, *options, '--json', out)
    rows = json.loads(out.read_text())
    for setting, methods in METHODS.items():
        of_setting = [row for row in rows if row['setting'] == setting]
        assert [row['method'] for row in of_setting] == methods
    for row in rows:
        assert row.keys() == {'setting', 'method', 'median_s', 'peak_bytes'}
        assert row['median_s'] > 0
    peak = {row['method']: row['peak_bytes'] for row in rows}
    # At most two task gradients are in memory at once.
    assert peak['base'] < peak['gmp_parameter'] < peak['three_pass']
    # The embeddings are small, two copies of all gradients are not.
    assert peak['embedding_passes'] < 1.1 * peak['unbalanced']
    assert peak['parameter_passes'] > 1.5 * peak['unbalanced']
    printed = capsys.readouterr().out.splitlines()
    lines = [line.split() for line in printed if line]
    names = {line[0] for line in lines}
    assert {'trained', 'Boomda:', 'method'} <= names
    assert {*METHODS['layer4'], *METHODS['boomda']} <= names
    ratios = {line[0]: line[2] for line in lines if line[0] in peak}
    assert ratios['base'] == ratios['unbalanced'] == '1.000'
    added = {line[0]: line[3] for line in lines if line[0] in peak}
    assert added['unbalanced'] == '0.000'


def test_two_passes_to_the_embeddings_give_the_closed_form(adaptation):
    steps = adaptation.AdaptationSteps(4, torch.device('cpu'))
    gamma, alignments = {}, steps.alignments
    for name, alignment in alignments.items():
        alignment.register_forward_hook(
            lambda module, inputs, output, name=name: gamma.update(
                {name: torch.stack([*output.gamma.values()])}
            )
        )
    losses = {name: steps.aligned_forward(name) for name in alignments}
    closed_form = gamma['closed_form']
    assert not torch.allclose(closed_form, gamma['equal'], rtol=0.1)
    torch.testing.assert_close(
        gamma['embedding_passes'], closed_form, rtol=1e-4, atol=0
    )
    torch.testing.assert_close(gamma['unbalanced'], gamma['equal'])
    for first, second in (
        ('unbalanced', 'equal'),
        ('embedding_passes', 'closed_form'),
    ):
        torch.testing.assert_close(
            losses[first]['loss_alignment'],
            losses[second]['loss_alignment'],
            rtol=1e-4,
            atol=0,
        )


def test_passes_to_the_parameters_give_the_shortest_gradient(adaptation):
    first, second = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    # Gradients (2, 0), (0, 1) and (2, 1): the shortest is (0.4, 0.8).
    losses = torch.cat([2 * first, second, 2 * first + second])
    gamma = adaptation.weights_by_parameters([first, second], losses, [])
    torch.testing.assert_close(gamma, torch.tensor([0.2, 0.8, 0.0]))


def test_domains_of_one_sample(adaptation):
    with pytest.raises(ValueError, match='at least 4, got 3'):
        adaptation.AdaptationSteps(3, torch.device('cpu'))
