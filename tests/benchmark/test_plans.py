# Copyright (c) mmgmp authors.
"""The published plans compare what they say."""

from pathlib import Path

import pytest

from mmgmp.benchmark.plan import load_plan
from mmgmp.benchmark.run import Run

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / 'configs/benchmark').glob('*.yml'))
ABLATIONS = {
    'IGDM only': 'igdm-only',
    'CAGP only': 'cagp-only',
    'Unified modulation': 'unified',
    'Without k': 'no-k',
    'Without p': 'no-p',
    'Fixed Proj-Class': 'fixed-cls',
    'Fixed Proj-Domain': 'fixed-domain',
    'PCGrad': 'pcgrad',
    'Reverse CAGP': 'reverse',
}


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize('path', PLANS, ids=lambda path: path.stem)
def test_configs_have_their_targets(path):
    """Each run tests on its target and trains on all other domains."""
    plan = load_plan(path)
    domains = set(TARGETS[plan.name])
    for run in plan.runs()[: len(plan.targets) * len(plan.methods)]:
        cfg = run.load_config()
        parts = [cfg[f'{p}_dataloader'] for p in ('train', 'val', 'test')]
        train, val, test = (
            {name.lower() for name in part.dataset.domains} for part in parts
        )
        assert test == {run.target}
        assert train == val == domains - test


HAC, EPIC = ('human', 'animal', 'cartoon'), ('d1', 'd2', 'd3')
TARGETS = dict(
    mini_hac=HAC,
    mini_hac_ablation=HAC,
    mini_hac_sensitivity=HAC,
    hac=HAC,
    epic_kitchens=EPIC,
)


def test_ablation_is_that_of_the_configs():
    plan = load_plan('configs/benchmark/mini_hac_ablation.yml')
    assert set(plan.methods) == {'Base', 'GMP', *ABLATIONS}
    runs = {
        run.label: run
        for run in plan.runs()
        if run.target == 'cartoon' and run.seed == 0
    }
    for label, name in ABLATIONS.items():
        (config,) = Path('configs/gmp/ablations').glob(f'gmp-{name}_*.py')
        shipped = Run(label, str(config), 'cartoon', 0)
        expected = shipped.identity()['config_hash']
        assert runs[label].identity()['config_hash'] == expected


def test_plans_share_runs():
    """What one plan has run, the others do not repeat."""
    hashes = {}
    for name in ('mini_hac', 'mini_hac_ablation', 'mini_hac_sensitivity'):
        plan = load_plan(f'configs/benchmark/{name}.yml')
        hashes[name] = {
            (run.identity()['config_hash'], run.seed) for run in plan.runs()
        }
    main, ablation, sensitivity = hashes.values()
    assert [len(main), len(ablation), len(sensitivity)] == [75, 99, 42]
    # Base and GMP: three targets and three seeds, one target and three seeds.
    assert len(main & ablation) == 18
    assert len(main & sensitivity) == 6
    # Without k and without p are ends of the sensitivity.
    assert len(ablation & sensitivity) == 12
