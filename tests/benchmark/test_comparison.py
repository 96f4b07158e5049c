# Copyright (c) mmgmp authors.
"""Comparison of complete and incomplete methods over targets and seeds."""

import math

import numpy as np
import pytest

from mmgmp.benchmark.comparison import compare
from mmgmp.benchmark.statistics import mean_interval, paired_difference
from tests.benchmark.toy_plan import by_target

TARGETS, SEEDS = ('human', 'cartoon'), (0, 1, 2)
BASE = [[0.5, 0.6, 0.4], [0.3, 0.2, 0.4]]
BETTER = [[0.6, 0.8, 0.7], [0.5, 0.2, 0.6]]
OTHER = [[0.4, 0.7, 0.4], [0.3, 0.4, 0.1]]


def runs(block):
    return by_target(block, TARGETS, SEEDS)


def three_methods():
    return {'Base': runs(BASE), 'GMP': runs(BETTER), 'Other': runs(OTHER)}


def compare_all(scores, **kwargs):
    kwargs = {'baseline': 'Base', 'selection': 'source', **kwargs}
    return compare(scores, TARGETS, SEEDS, **kwargs)


def test_complete_methods():
    comparison = compare_all(three_methods(), chance=0.25)
    assert [*comparison.methods] == ['Base', 'GMP', 'Other']
    assert (comparison.targets, comparison.seeds) == (TARGETS, SEEDS)
    assert (comparison.selection, comparison.chance) == ('source', 0.25)
    assert comparison.pairs == 6
    gmp = comparison.methods['GMP']
    assert gmp.complete and (gmp.finished, gmp.expected) == (6, 6)
    assert gmp.targets == {
        target: mean_interval(row) for target, row in zip(TARGETS, BETTER)
    }
    # Means over both targets: 0.55, 0.5 and 0.65.
    assert gmp.mean == pytest.approx(mean_interval([0.55, 0.5, 0.65]))
    assert gmp.difference == paired_difference(
        [[0.1, 0.2, 0.3], [0.2, 0.0, 0.2]]
    )
    assert gmp.difference.mean == pytest.approx(1 / 6)
    assert gmp.of_runs('human') == [0.6, 0.8, 0.7]
    assert gmp.of_seeds() == pytest.approx([0.55, 0.5, 0.65])
    base = comparison.methods['Base']
    assert (base.difference, base.p_holm) == (None, None)
    assert [m.label for m in comparison.compared] == ['GMP', 'Other']


def test_ranks_are_over_target_and_seed():
    # Base 2, 3, 2.5 and 2.5, 2.5, 2; GMP 1, 1, 1 and 1, 2.5, 1.
    ranks = [m.rank for m in compare_all(three_methods()).methods.values()]
    assert ranks == pytest.approx([14.5 / 6, 7.5 / 6, 14 / 6])


def test_p_values_are_adjusted_for_the_methods_compared():
    comparison = compare_all(three_methods())
    p_gmp, p_other = (m.difference.p_value for m in comparison.compared)
    assert p_gmp < p_other
    assert comparison.methods['GMP'].p_holm == pytest.approx(2 * p_gmp)
    scores = three_methods()
    del scores['Other']['human'][0]
    assert compare_all(scores).methods['GMP'].p_holm == pytest.approx(p_gmp)


def test_identical_methods_do_not_differ():
    scores = {'Base': runs(BASE), 'Same': runs(BASE), 'GMP': runs(BETTER)}
    comparison = compare_all(scores)
    same = comparison.methods['Same']
    assert same.difference == (0, 0, 0, 1, 6)
    assert same.p_holm == 1
    assert same.rank == comparison.methods['Base'].rank


def test_order_of_methods_targets_and_seeds_does_not_matter():
    scores = three_methods()
    mixed = {
        label: {
            target: dict(reversed(scores[label][target].items()))
            for target in reversed(TARGETS)
        }
        for label in reversed(scores)
    }
    first = compare_all(scores)
    assert compare_all(mixed).methods == first.methods
    other = compare(mixed, TARGETS[::-1], SEEDS[::-1], 'Base', 'source')
    for label, method in first.methods.items():
        assert other.methods[label].difference == method.difference
        assert other.methods[label].p_holm == method.p_holm
        assert other.methods[label].rank == method.rank
        assert other.methods[label].mean == pytest.approx(method.mean)


def test_swapped_seeds_change_the_pairs():
    scores = three_methods()
    gmp = compare_all(scores).methods['GMP'].difference
    scores['GMP']['cartoon'] = {0: 0.6, 1: 0.5, 2: 0.2}
    swapped = compare_all(scores).methods['GMP'].difference
    assert swapped.mean == pytest.approx(gmp.mean)
    assert swapped.p_value != gmp.p_value


@pytest.mark.parametrize('failed', [True, False])
def test_incomplete_method_has_no_averages(failed):
    scores = three_methods()
    del scores['GMP']['human'][2]
    failures = {'GMP': [('human', 2, 'killed')]} if failed else {}
    comparison = compare_all(scores, failures=failures)
    gmp = comparison.methods['GMP']
    assert not gmp.complete and (gmp.finished, gmp.expected) == (5, 6)
    assert gmp.failures == ((('human', 2, 'killed'),) if failed else ())
    assert gmp.missing == (() if failed else (('human', 2),))
    assert (gmp.mean, gmp.difference, gmp.p_holm, gmp.rank) == (None,) * 4
    assert gmp.targets['human'] == mean_interval([0.6, 0.8])
    assert gmp.targets['cartoon'].n == 3
    without = {k: scores[k] for k in ('Base', 'Other')}
    rest = compare_all(without).methods
    assert {**comparison.methods, 'GMP': None} == {**rest, 'GMP': None}


def test_method_without_any_run():
    scores = {**three_methods(), 'None': {}, 'Empty': {'human': {}}}
    reason = 'out of memory'
    failures = {'None': [(t, s, reason) for t in TARGETS for s in SEEDS]}
    comparison = compare_all(scores, failures=failures)
    nothing, empty = (comparison.methods[k] for k in ('None', 'Empty'))
    assert nothing.targets == empty.targets == dict.fromkeys(TARGETS)
    assert (nothing.finished, len(nothing.failures)) == (0, 6)
    assert (empty.finished, len(empty.missing)) == (0, 6)
    assert not nothing.missing and not empty.failures


def test_incomplete_baseline_gives_no_differences():
    scores = three_methods()
    del scores['Base']['cartoon']
    comparison = compare_all(scores)
    assert comparison.compared == ()
    gmp = comparison.methods['GMP']
    assert (gmp.difference, gmp.p_holm) == (None, None)
    assert gmp.mean is not None and gmp.rank == pytest.approx(7 / 6)
    assert comparison.methods['Base'].rank is None


def test_no_baseline():
    comparison = compare_all(three_methods(), baseline=None)
    assert comparison.compared == ()
    assert comparison.methods['Base'].rank == pytest.approx(14.5 / 6)


def test_one_seed_and_one_target():
    scores = {'Base': {'human': {4: 0.5}}, 'GMP': {'human': {4: 0.75}}}
    comparison = compare(scores, ['human'], [4], 'Base', 'last')
    gmp = comparison.methods['GMP']
    assert gmp.mean.mean == 0.75 and math.isnan(gmp.mean.std)
    assert gmp.difference.mean == 0.25 and math.isnan(gmp.difference.low)
    assert (gmp.p_holm, gmp.rank) == (1, 1)


def test_numpy_numbers_are_scores():
    scores = three_methods()
    scores['GMP'] = {
        target: dict(zip(np.array(SEEDS), np.float64(row)))
        for target, row in zip(TARGETS, BETTER)
    }
    assert compare_all(scores) == compare_all(three_methods())


@pytest.mark.parametrize(
    'score, error, message',
    [(x, ValueError, 'fraction.*failure') for x in (math.nan, -0.1, 61.3)]
    + [(math.inf, ValueError, 'fraction.*failure')]
    + [(x, TypeError, 'number') for x in ('0.5', None, True)],
)
def test_invalid_score_names_the_run(score, error, message):
    scores = three_methods()
    scores['GMP']['cartoon'][1] = score
    message = f"'GMP', target 'cartoon', seed 1 must be a {message}"
    with pytest.raises(error, match=message):
        compare_all(scores)


@pytest.mark.parametrize('target, seed', [('animal', 0), ('human', 3)])
def test_unexpected_run_names_the_method(target, seed):
    scores = three_methods()
    scores['GMP'].setdefault(target, {})[seed] = 0.5
    with pytest.raises(ValueError, match=r"'GMP' has a run .* not expected"):
        compare_all(scores)
    failures = {'Other': [(target, seed, 'killed')]}
    with pytest.raises(ValueError, match=r"'Other' has .* not expected"):
        compare_all(three_methods(), failures=failures)


@pytest.mark.parametrize(
    'failures, message',
    [
        ([('human', 0, 'killed')], "'GMP' has more than one result"),
        ([('human', 0, '')], "`failures` of 'GMP' must be"),
        ([('human', 0)], "`failures` of 'GMP' must be"),
    ],
)
def test_invalid_failures(failures, message):
    with pytest.raises(ValueError, match=message):
        compare_all(three_methods(), failures={'GMP': failures})


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(baseline='ERM'), "name \\['ERM'\\], which are not"),
        (dict(failures={'ERM': []}), "name \\['ERM'\\], which are not"),
        (dict(selection='best'), "one of \\['source', 'last', 'oracle', 'iw'"),
        (dict(chance=14.3), '`chance` must be a fraction'),
    ],
)
def test_invalid_settings(kwargs, message):
    with pytest.raises(ValueError, match=message):
        compare_all(three_methods(), **kwargs)


@pytest.mark.parametrize('label', ['', 'a\nb', 5])
def test_names_are_one_line(label):
    scores = {**three_methods(), label: {}}
    with pytest.raises(ValueError, match='one line of text, got'):
        compare_all(scores)


def test_targets_and_seeds_must_be_distinct():
    scores = three_methods()
    with pytest.raises(ValueError, match='`targets` must have .* each once'):
        compare(scores, ['human', 'human'], SEEDS, 'Base', 'last')
    with pytest.raises(ValueError, match='`seeds` must have .* each once'):
        compare(scores, TARGETS, [], 'Base', 'last')
    with pytest.raises(TypeError, match="a list, got 'human'"):
        compare(scores, 'human', SEEDS, 'Base', 'last')
    with pytest.raises(ValueError, match='at least one method'):
        compare({}, TARGETS, SEEDS, None, 'last')
