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


ADAPTATION = (
    'mini_hac_adaptation',
    'mini_hac_adaptation_one_source',
    'mini_hac_adaptation_corrupted',
)


@pytest.mark.parametrize(
    'path',
    [p for p in PLANS if p.stem not in ADAPTATION],
    ids=lambda p: p.stem,
)
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


@pytest.mark.parametrize('name', ADAPTATION)
def test_adaptation_has_its_domains(name):
    """Its target is in the training without labels, and its sources with."""
    plan = load_plan(f'configs/benchmark/{name}.yml')
    for run in plan.runs()[: len(plan.targets) * len(plan.methods)]:
        cfg = run.load_config()
        *source, target = run.target.split('-')
        sources = set(source) or set(HAC) - {target}
        for part in ('train', 'val'):
            labelled, target_part = cfg[f'{part}_dataloader'].dataset.datasets
            assert labelled.get('labelled', True)
            assert target_part.labelled is False
            assert set(labelled.domains) == sources
            assert target_part.domains == [target]
        test = cfg.test_dataloader.dataset
        assert test.domains == [target] and test.split == 'test'
        loader = cfg.train_dataloader
        only_source = run.label == 'Source only'
        assert loader.batch_sampler.num_target == (0 if only_source else 16)
        assert loader.batch_size - loader.batch_sampler.num_target == 16
        is_corrupted = [
            leaf.pipeline[0]['type'] == 'CorruptedTarget'
            for leaf in (labelled, target_part, test)
        ]
        of_target = name.endswith('corrupted')
        assert is_corrupted == [False, of_target, of_target]


@pytest.mark.parametrize(
    ('name', 'target'),
    [(ADAPTATION[0], 'cartoon'), (ADAPTATION[1], 'human-cartoon')],
)
def test_rows_of_adaptation_are_those_of_the_configs(name, target):
    plan = load_plan(f'configs/benchmark/{name}.yml')
    rows = {
        'Source only': 'source-only',
        'Pseudo labels only': 'pl-only',
        'Alignment only': 'ca-only',
        'Equal weights': 'equal',
        'Boomda, QP': 'qp',
    }
    assert set(plan.methods) == {'Boomda', *rows}
    for label, row in rows.items():
        method = plan.methods[label]
        run = Run(
            label,
            method.config.replace('{target}', target),
            target,
            0,
            method.overrides,
        )
        folder = Path('configs/boomda/ablations')
        (config,) = folder.glob(f'boomda-{row}_*e_mini-hac-{target}.py')
        shipped = Run(label, str(config), target, 0)
        hashes = [r.identity()['config_hash'] for r in (run, shipped)]
        assert hashes[0] == hashes[1]


def test_rows_of_a_corrupted_target_are_those_of_the_clean_one():
    clean, corrupted = (
        load_plan(f'configs/benchmark/{name}.yml').methods
        for name in (ADAPTATION[0], ADAPTATION[2])
    )
    assert [*clean] == [*corrupted]
    for label, method in clean.items():
        assert corrupted[label].overrides == method.overrides


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
