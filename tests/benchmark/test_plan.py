# Copyright (c) mmgmp authors.
"""Plans: what they expand to, and their errors."""

from pathlib import Path

import pytest
import yaml

from mmgmp.benchmark.plan import load_plan

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
        (dict(seeds=[-1]), '`seeds` must be from 0 to 4294967295, got -1'),
        (dict(seeds=[2**32]), '`seeds` must be from 0 .* got 4294967296'),
        (dict(seeds=[2.0]), r'`seeds` .* got \[2.0\]'),
        (dict(seeds=['3']), r"`seeds` .* got \['3'\]"),
        (dict(seeds=7), '`seeds` .* got 7'),
        (dict(chance=14), '`chance` must be a fraction .* got 14'),
        (dict(chance=True), '`chance` must be a fraction .* got True'),
        (dict(title=3), '`title` must be text, got 3, .* in quotes'),
        (dict(title='a\nb'), '`title` must be one line'),
        (dict(note=['a']), '`note` must be text'),
        (dict(results=['a']), '`results` must be text'),
        (dict(results=' '), '`results` must be one line'),
        (dict(baseline='base'), "mean 'Base'"),
        (dict(methods={5: dict(config='a')}), 'label .* got 5, .* in quotes'),
        (dict(methods={'a\nb': dict(config='a')}), 'label .* one line'),
        (dict(methods={'a ': dict(config='a')}), "without blanks .* 'a '"),
        (dict(methods={'a\x1b': dict(config='a')}), 'control characters'),
        (
            dict(methods={x: dict(config=x) for x in ('\xe9', 'e\u0301')}),
            'two methods have the label',
        ),
        (dict(methods=dict(GMP=dict(config=['a']))), '`config` must be text'),
        (
            dict(methods=dict(GMP=dict(config='a', overrides=[]))),
            r"'GMP': `overrides` must map .* got \[\]",
        ),
        (
            dict(methods=dict(GMP=dict(config='a', overrides={'a': {1: 2}}))),
            "'GMP': `overrides` must map dotted keys",
        ),
        (
            dict(methods=dict(GMP=dict(config='a', sweep={'a.b': 1}))),
            "'a.b' must have a list",
        ),
        (
            dict(methods=dict(GMP=dict(config='a', sweep={'a.b': []}))),
            "'a.b' must have a list",
        ),
        (
            dict(methods=dict(GMP=dict(config='a', sweep={'a.b': [1, 1.0]}))),
            'value 1.0 twice',
        ),
        (
            dict(
                methods=dict(M=dict(config='a', sweep={'a.b': [0.5, '0.5']}))
            ),
            "two methods have the label 'M, b=0.5'",
        ),
        (
            dict(
                methods=dict(
                    M=dict(config='a', sweep={'a.b': [1], 'c.b': [1]})
                )
            ),
            "two methods have the label 'M, b=1'.*a.b=1.*c.b=1",
        ),
        (
            dict(
                methods={
                    'M': dict(config='a', sweep={'a.b': [1]}),
                    'M, b=1': dict(config='c'),
                }
            ),
            "two methods have the label 'M, b=1'",
        ),
        (
            dict(targets=dict(a=dict(target=None))),
            "'target' must be text, a number",
        ),
        (dict(targets={'a': dict(targt='b')}), "did you mean 'target'"),
        (dict(targets={1: dict(target='b')}), 'name of a target .* got 1'),
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
        (dict(methods=['gmp']), "did you mean 'GMP'"),
        (dict(methods='GMP'), '`methods` of `smoke` must be a list'),
        (dict(methods=[]), '`methods` of `smoke` must be a list'),
        (dict(overrides=[]), '`overrides` of `smoke` must map'),
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
