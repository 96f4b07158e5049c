# Copyright (c) mmgmp authors.
"""The plans in configs/benchmark."""

from pathlib import Path

import pytest
from mmaction.registry import MODELS, OPTIM_WRAPPERS
from torch.optim import SGD

from mmgmp.benchmark.plan import load_plan
from mmgmp.benchmark.report import stored_note
from mmgmp.benchmark.results import Results
from tests.utils.memory_clips import read_memory_clips

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted((ROOT / 'configs/benchmark').glob('*.yml'))
ADAPTATION = [path for path in PUBLISHED if 'adaptation' in path.stem]
HAC, EPIC = ('human', 'animal', 'cartoon'), ('D1', 'D2', 'D3')


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """Published plans name their configs relative to the repository."""
    monkeypatch.chdir(ROOT)


def domains_of(path):
    return EPIC if path.stem.startswith('epic') else HAC


@pytest.mark.parametrize(
    'path',
    [p for p in PUBLISHED if p not in ADAPTATION],
    ids=lambda p: p.stem,
)
def test_configs_have_their_targets(path):
    """Each run tests on its target and trains on all other domains."""
    plan = load_plan(path)
    domains = set(domains_of(path))
    for run in plan.runs[: len(plan.targets) * len(plan.methods)]:
        cfg = run.load_config()
        parts = [cfg[f'{p}_dataloader'] for p in ('train', 'val', 'test')]
        train, val, test = ({*part.dataset.domains} for part in parts)
        assert test == {run.target}
        assert train == val == domains - test


@pytest.mark.parametrize('path', ADAPTATION, ids=lambda p: p.stem)
def test_adaptation_has_its_domains(path):
    """Sources are trained with labels, and the target without."""
    plan = load_plan(path)
    for run in plan.runs[: len(plan.targets) * len(plan.methods)]:
        cfg = run.load_config()
        *source, target = run.target.split('-')
        sources = set(source) or {*domains_of(path)} - {target}
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
        of_target = path.stem.endswith('corrupted')
        assert is_corrupted == [False, of_target, of_target]


def test_adaptation_has_the_same_rows_everywhere():
    first, *others = (load_plan(path).methods for path in ADAPTATION)
    assert len(others) == 4
    for methods in others:
        assert methods == first


@pytest.mark.parametrize('path', PUBLISHED, ids=lambda p: p.stem)
def test_each_override_reaches_what_is_built(path):
    """Building a config with a misspelt argument fails."""
    plan = load_plan(path)
    for run in plan.runs[: len(plan.methods)]:
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


@pytest.mark.parametrize('name', ['mini_hac', 'mini_hac_adaptation'])
def test_stored_rows_are_announced(name):
    plan = load_plan(f'configs/benchmark/{name}.yml')
    note = stored_note(Results.read(plan), [])
    number = len(plan.runs)
    assert f'results of {number} runs are rows stored in' in note
    assert f'docs/results/{name}.csv by mmgmp 0.1.0+' in note


def test_plans_share_runs():
    """Plans do not repeat each other's runs."""
    hashes = {}
    for name in ('mini_hac', 'mini_hac_ablation', 'mini_hac_sensitivity'):
        plan = load_plan(f'configs/benchmark/{name}.yml')
        hashes[name] = {
            (run.identity['config_hash'], run.seed) for run in plan.runs
        }
    main, ablation, sensitivity = hashes.values()
    assert [len(main), len(ablation), len(sensitivity)] == [75, 99, 42]
    # Base and GMP: three targets and three seeds, one target and three seeds.
    assert len(main & ablation) == 18
    assert len(main & sensitivity) == 6
    # 'Without k' and 'without p' are the ends of the sensitivity curves.
    assert len(ablation & sensitivity) == 12
