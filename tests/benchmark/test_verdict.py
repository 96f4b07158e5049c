# Copyright (c) mmgmp authors.
"""What the verdict says, and what it never says."""

import dataclasses

import numpy as np
import pytest

from mmgmp.benchmark.comparison import compare
from mmgmp.benchmark.statistics import Difference
from mmgmp.benchmark.verdict import (
    direction,
    markdown_verdict,
    method_verdict,
    summary_verdict,
)

TARGETS, SEEDS = ('human', 'animal', 'cartoon'), tuple(range(5))
BASE = np.random.default_rng(0).integers(20, 30, (3, 5)) / 60
NOISE = np.resize([1, -1, 2, -2, 0], (3, 5)) / 60
SHIFT = np.arange(1, 16).reshape(3, 5) / 60


def runs(block):
    """Target -> seed -> score of (targets, seeds)."""
    return {t: dict(zip(SEEDS, row)) for t, row in zip(TARGETS, block)}


def make_comparison(blocks, selection='source', baseline='Base', lacking=()):
    """Compare these and Base; methods that are `lacking` lose a run."""
    scores = {k: runs(block) for k, block in {'Base': BASE, **blocks}.items()}
    for label in lacking:
        del scores[label]['animal'][2]
    return compare(scores, TARGETS, SEEDS, baseline, selection)


def few_pairs(seeds, methods=1):
    """One target, differences of one sign: the best case."""
    scores = {'Base': {'human': dict.fromkeys(range(seeds), 0.2)}}
    for k in range(methods):
        scores[f'M{k}'] = {
            'human': {s: 0.3 + (s + k) / 60 for s in range(seeds)}
        }
    return compare(scores, ['human'], range(seeds), 'Base', 'source')


def test_better_and_worse():
    comparison = make_comparison(dict(Up=BASE + SHIFT, Down=BASE - SHIFT / 2))
    # The mean of 1 to 15 of 60 is 13.3 points.
    text = method_verdict(comparison, 'Up')
    assert text.startswith('Up: better than Base, +13.3 points (95 % inter')
    assert text.endswith('), 15 pairs, Holm-adjusted p: <0.001.')
    text = method_verdict(comparison, 'Down')
    assert text.startswith('Down: worse than Base, -6.7 points (95 % interva')
    summary = summary_verdict(comparison)
    assert summary == (
        'Selected by source validation. Better than Base: Up. Worse than '
        'Base: Down.'
    )


def test_no_difference_is_shown():
    comparison = make_comparison(dict(A=BASE + NOISE, B=BASE - NOISE))
    text = method_verdict(comparison, 'A')
    assert text.startswith('A: no difference from Base shown, 0.0 points (')
    assert text.endswith('15 pairs, Holm-adjusted p: 1.000.')
    assert summary_verdict(comparison) == (
        'Selected by source validation. None of the 2 methods is shown to '
        'differ from Base beyond the noise of the seeds.'
    )


def test_some_differ():
    blocks = {'A, x=1': BASE + SHIFT, 'B': BASE + SHIFT / 3, 'C': BASE + NOISE}
    assert summary_verdict(make_comparison(blocks)).endswith(
        'Better than Base: A, x=1; B. No difference is shown for 1 of the 3 '
        'methods.'
    )


def test_identical_methods_are_not_called_equal():
    comparison = make_comparison(dict(Same=BASE))
    text = markdown_verdict(comparison)
    assert (
        'Same: no difference from Base shown, 0.0 points (95 % interval 0.0 '
        'to 0.0), 15 pairs, Holm-adjusted p: 1.000.' in text
    )
    assert 'Same is not shown to differ from Base' in text
    for word in ('equal', 'identical', 'as good as', 'significant'):
        assert word not in text.lower()


def test_correction_decides():
    # Of 5 pairs of one sign p is 1 / 16; of 6 it is 1 / 32, and 2 / 32 for
    # two methods.
    assert direction(few_pairs(6).methods['M0']) == 'better'
    assert direction(few_pairs(6, methods=2).methods['M0']) is None


@pytest.mark.parametrize(
    'seeds, methods, least',
    [(5, 1, '0.062'), (6, 2, '0.062'), (3, 4, '1.000'), (1, 1, '1.000')],
)
def test_too_few_pairs_are_named(seeds, methods, least):
    text = summary_verdict(few_pairs(seeds, methods))
    assert 'shown to differ from Base beyond' in text
    pairs = '1 pair' if seeds == 1 else f'{seeds} pairs'
    count = '1 comparison' if methods == 1 else f'{methods} comparisons'
    assert text.endswith(
        f'The plan could not have shown a difference: {pairs} and {count} '
        f'give an adjusted p of {least} at best, above 0.05.'
    )


@pytest.mark.parametrize('seeds, methods', [(6, 1), (7, 2)])
def test_enough_pairs(seeds, methods):
    text = summary_verdict(few_pairs(seeds, methods))
    assert 'could not' not in text and 'Better than Base: M0' in text


def test_one_seed_has_no_interval():
    text = method_verdict(few_pairs(1), 'M0')
    assert text == (
        'M0: no difference from Base shown, +10.0 points (no interval from '
        'one seed), 1 pair, Holm-adjusted p: 1.000.'
    )


def with_difference(**fields):
    """A method whose difference has these fields."""
    method = make_comparison(dict(Up=BASE + SHIFT)).methods['Up']
    difference = Difference(**{**method.difference._asdict(), **fields})
    return dataclasses.replace(method, difference=difference)


@pytest.mark.parametrize(
    'fields, expected',
    [
        (dict(mean=0.1, low=0.01, high=0.2), 'better'),
        (dict(mean=-0.1, low=-0.2, high=-0.01), 'worse'),
        (dict(mean=0.1, low=-0.01, high=0.2), None),
        (dict(mean=-0.1, low=-0.2, high=0.0), None),
        (dict(mean=0.1, low=np.nan, high=np.nan), 'better'),
        (dict(mean=0.0, low=np.nan, high=np.nan), None),
    ],
)
def test_direction_needs_the_interval_too(fields, expected):
    assert direction(with_difference(**fields)) == expected


def test_interval_that_includes_zero_is_named():
    comparison = make_comparison(dict(Up=BASE + SHIFT))
    method = with_difference(mean=0.1, low=-0.01, high=0.2)
    comparison.methods['Up'] = method
    text = method_verdict(comparison, 'Up')
    assert 'no difference from Base shown' in text
    assert '(95 % interval -1.0 to 20.0, which includes 0)' in text


@pytest.mark.parametrize('p_holm, expected', [(0.05, 'better'), (0.051, None)])
def test_level(p_holm, expected):
    method = with_difference(mean=0.1, low=0.01, high=0.2)
    method = dataclasses.replace(method, p_holm=p_holm)
    assert direction(method) == expected


def test_incomplete_method_is_named_and_not_judged():
    blocks = dict(Up=BASE + SHIFT, Broken=BASE + SHIFT)
    comparison = make_comparison(blocks, lacking=['Broken'])
    assert method_verdict(comparison, 'Broken') == (
        'Broken is incomplete (14 of 15 runs) and is not compared with Base.'
    )
    assert summary_verdict(comparison).endswith(
        'Better than Base: Up. Incomplete and not compared: Broken.'
    )
    assert direction(comparison.methods['Broken']) is None


def test_nothing_complete_to_compare():
    comparison = make_comparison(dict(Up=BASE), lacking=['Up'])
    assert summary_verdict(comparison).endswith(
        'There is no complete method to compare. Incomplete and not '
        'compared: Up.'
    )
    assert 'signed-rank' not in markdown_verdict(comparison)


def test_incomplete_baseline():
    comparison = make_comparison(dict(Up=BASE + SHIFT), lacking=['Base'])
    assert method_verdict(comparison, 'Up') == (
        'Up is not compared, because the baseline Base is incomplete.'
    )
    text = markdown_verdict(comparison)
    assert 'Nothing is compared, because the baseline Base is incom' in text
    assert 'better' not in text.lower()


def test_no_baseline():
    comparison = make_comparison(dict(Up=BASE + SHIFT), baseline=None)
    text = markdown_verdict(comparison)
    assert 'No baseline is named' in text and 'Up' not in text
    with pytest.raises(ValueError, match='other than the baseline None'):
        method_verdict(comparison, 'Up')


@pytest.mark.parametrize('label', ['Base', 'Typo'])
def test_label_to_judge_is_checked(label):
    with pytest.raises(ValueError, match=f"'Up'.*got '{label}'"):
        method_verdict(make_comparison(dict(Up=BASE)), label)


def test_oracle_is_never_without_its_name():
    text = summary_verdict(make_comparison(dict(A=BASE), 'oracle'))
    assert text.startswith(
        'Oracle: selected on the target, not a fair result. '
    )


def test_markdown():
    comparison = make_comparison({'Up': BASE + SHIFT, 'a*b': BASE})
    lines = markdown_verdict(comparison).splitlines()
    assert lines[0].startswith('Selected by source validation. Better than')
    assert lines[1] == lines[4] == ''
    assert lines[2] == f'- {method_verdict(comparison, "Up")}'
    assert lines[3].startswith('- a\\*b: no difference')
    assert 'treats them as exchangeable' in lines[5]
    assert 'intervals are not corrected' in lines[5]
    assert len(lines) == 6
