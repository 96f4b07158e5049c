# Copyright (c) mmgmp authors.
"""Plans: what they expand to, their errors, and the published plans."""

from pathlib import Path

import pytest
import yaml
from mmaction.registry import MODELS, OPTIM_WRAPPERS
from torch.optim import SGD

from mmgmp.benchmark.plan import load_plan
from tests.utils.memory_clips import read_memory_clips

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted((ROOT / 'configs/benchmark').glob('*.yml'))
ADAPTATION = [path for path in PUBLISHED if 'adaptation' in path.stem]
HAC, EPIC = ('human', 'animal', 'cartoon'), ('D1', 'D2', 'D3')
PLAN = dict(
    results='rows.csv',
    targets=['human', 'cartoon'],
    seeds=[3, 5],
    baseline='Base',
    methods={
        'Base': dict(config='base.py'),
        'GMP': dict(
            config='gmp.py',
            overrides={'optim_wrapper.alpha_p': 0},
            sweep={'optim_wrapper.alpha_k': [0, 1], 'model.x': ['a']},
        ),
    },
    smoke=dict(
        targets=['cartoon'], methods=['GMP'], overrides={'train_cfg.n': 1}
    ),
)


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """Published plans name their configs relative to the repository."""
    monkeypatch.chdir(ROOT)


@pytest.fixture
def write(tmp_path):
    def write(**changes):
        path = tmp_path / 'plan.yml'
        path.write_text(yaml.safe_dump({**PLAN, **changes}, sort_keys=False))
        return path

    return write


def test_runs_are_the_product(write):
    plan = load_plan(write())
    labels = [
        'Base',
        'GMP',
        'GMP, alpha_k=0',
        'GMP, alpha_k=1',
        'GMP, x=a',
    ]
    assert list(plan.methods) == labels
    runs = [(r.label, r.config, r.target, r.seed) for r in plan.runs]
    assert runs == [
        (label, f'{label[:4].strip(",").lower()}.py', target, seed)
        for seed in (3, 5)
        for target in ('human', 'cartoon')
        for label in labels
    ]


def test_variables_of_plan_target_and_method(write):
    plan = load_plan(
        write(
            variables=dict(dataset='hac', modalities='video-audio'),
            targets=dict(
                one=dict(target='human', sources='animal'),
                two=dict(target='a'),
            ),
            methods=dict(
                Base=dict(config='a.py'),
                Video=dict(
                    config='a.py',
                    variables=dict(modalities='video'),
                    sweep={'model.x': [1]},
                ),
            ),
        )
    )
    one = dict(dataset='hac', target='human', sources='animal')
    two = dict(dataset='hac', target='a')
    assert [(r.target, r.variables) for r in plan.runs[:6]] == [
        ('one', dict(one, modalities='video-audio')),
        ('one', dict(one, modalities='video')),
        ('one', dict(one, modalities='video')),
        ('two', dict(two, modalities='video-audio')),
        ('two', dict(two, modalities='video')),
        ('two', dict(two, modalities='video')),
    ]


def test_target_of_a_list_is_a_domain(write):
    run = load_plan(write()).runs[0]
    assert (run.target, run.variables) == ('human', dict(target='human'))


def test_sweep_varies_one_setting_at_a_time(write):
    methods = load_plan(write()).methods
    own = {'optim_wrapper.alpha_p': 0}
    assert methods['GMP'].overrides == own
    assert methods['GMP'].varied is None
    swept = methods['GMP, alpha_k=1']
    assert swept.overrides == {**own, 'optim_wrapper.alpha_k': 1}
    assert swept.varied == ('GMP', 'optim_wrapper.alpha_k', 1)
    assert methods['GMP, x=a'].overrides == {**own, 'model.x': 'a'}


def test_sweep_of_the_command_line_spares_the_baseline(write):
    methods = dict(PLAN['methods'])
    methods['GMP'] = dict(config='gmp.py')
    plan = load_plan(write(methods=methods)).swept({'a.b': [1, 2]})
    assert list(plan.methods) == ['Base', 'GMP', 'GMP, b=1', 'GMP, b=2']


def test_smoke_reduces(write):
    plan = load_plan(write(baseline=None), smoke=True)
    assert list(plan.targets) == ['cartoon']
    assert plan.seeds == (3, 5)
    assert list(plan.methods) == ['GMP']
    assert plan.methods['GMP'].overrides == {
        'optim_wrapper.alpha_p': 0,
        'train_cfg.n': 1,
    }
    assert plan.results == Path('work_dirs/benchmark/plan-smoke/results.csv')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(seeds=[]), r'`seeds` must be a list of int .* got \[\]'),
        (dict(seeds=[1, 1]), r'`seeds` .* got \[1, 1\]'),
        (dict(seeds=[True]), r'`seeds` .* got \[True\]'),
        (dict(targets='human'), "`targets` .* got 'human'"),
        (dict(methods={}), '`methods` must map labels'),
        (dict(methods=dict(GMP='gmp.py')), "'GMP' must be a mapping"),
        (dict(methods=dict(GMP={})), r"'GMP' .* missing \['config'\]"),
        (
            dict(methods=dict(GMP=dict(config='a', override={}))),
            r"unknown \['override'\]",
        ),
        (dict(baseline='ERM'), "`baseline` .* got 'ERM'"),
        (dict(variables=dict(domain='a')), 'the plan: `variables`'),
        (dict(targets=dict(a=dict(b=1))), "`variables` of target 'a'"),
        (dict(targets={}), r'`targets` .* got \{\}'),
        (
            dict(methods=dict(GMP=dict(config='a', variables=['hac']))),
            "method 'GMP': `variables` must map",
        ),
        (
            dict(
                methods=dict(
                    GMP=dict(config='a', variables=dict(target='animal'))
                )
            ),
            r"method 'GMP': `variables` sets \['target'\], which `targets`",
        ),
        (
            dict(variables=dict(target='animal')),
            r"the plan: `variables` sets \['target'\], which `targets`",
        ),
        (dict(targets=dict(a=None)), "`variables` of target 'a'.*None"),
        (dict(baselin='Base'), r"plan must .* unknown \['baselin'\]"),
    ],
)
def test_errors_name_the_entry(write, changes, message):
    path = write(**changes)
    with pytest.raises(ValueError, match=f'plan.yml.*{message}'):
        load_plan(path)


@pytest.mark.parametrize(
    ('smoke', 'message'),
    [
        (None, 'has no `smoke`'),
        (dict(methods=['ERM']), r"keeps the methods \['ERM'\]"),
        (dict(epochs=1), r"unknown \['epochs'\]"),
        (dict(seeds=[]), '`seeds`'),
    ],
)
def test_errors_of_smoke(write, smoke, message):
    path = write(smoke=smoke)
    load_plan(path)
    with pytest.raises(ValueError, match=message):
        load_plan(path, smoke=True)


def test_files_that_are_not_plans(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.yml does not exist'):
        load_plan(tmp_path / 'none.yml')
    path = tmp_path / 'plan.yml'
    path.write_text('a: [1')
    with pytest.raises(ValueError, match='not a YAML file'):
        load_plan(path)
    path.write_text('- a')
    with pytest.raises(ValueError, match=r"must be a mapping, got \['a'\]"):
        load_plan(path)


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
