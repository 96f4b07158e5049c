# Copyright (c) mmgmp authors.
"""The published plans compare what they say."""

from pathlib import Path

import pytest
from mmaction.registry import MODELS, OPTIM_WRAPPERS
from torch.optim import SGD

from mmgmp.benchmark.plan import load_plan
from tests.utils.memory_clips import read_memory_clips

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / 'configs/benchmark').glob('*.yml'))


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


ADAPTATION = (
    'mini_hac_adaptation',
    'mini_hac_adaptation_one_source',
    'mini_hac_adaptation_corrupted',
    'hac_adaptation',
    'epic_kitchens_adaptation',
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
        train, val, test = ({*part.dataset.domains} for part in parts)
        assert test == {run.target}
        assert train == val == domains - test


HAC, EPIC = ('human', 'animal', 'cartoon'), ('D1', 'D2', 'D3')
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
        domains = EPIC if name.startswith('epic') else HAC
        sources = set(source) or {*domains} - {target}
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


@pytest.mark.parametrize('name', ADAPTATION[1:])
def test_adaptation_has_the_same_rows_everywhere(name):
    rows, others = (
        load_plan(f'configs/benchmark/{plan}.yml').methods
        for plan in (ADAPTATION[0], name)
    )
    assert others == rows


@pytest.mark.parametrize('path', PLANS, ids=lambda p: p.stem)
def test_each_override_reaches_what_is_built(path):
    """A misspelt argument is refused by what is built of it."""
    plan = load_plan(path)
    for run in plan.runs()[: len(plan.methods)]:
        if not run.overrides:
            continue
        cfg = run.load_config()
        model = MODELS.build(read_memory_clips(cfg).model)
        wrapper = OPTIM_WRAPPERS.build(
            dict(cfg.optim_wrapper, optimizer=SGD(model.parameters(), lr=1.0))
        )
        for key, value in run.overrides.items():
            owner, _, name = key.rpartition('.')
            if owner == 'optim_wrapper' and name != 'granularity':
                assert getattr(wrapper.weighting, name) == value
            elif owner == 'optim_wrapper':
                assert getattr(wrapper, name) == value


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
