# Copyright (c) mmgmp authors.
"""Numbers as text, and what a summary must and must not contain."""

import dataclasses

import numpy as np
import pytest

from mmgmp.benchmark.comparison import compare
from mmgmp.benchmark.statistics import Difference
from mmgmp.benchmark.text import (
    direction,
    escape_markdown,
    markdown_summary,
    method_summary,
    p_cell,
    percent,
    summary,
)
from tests.benchmark.toy_plan import by_target

TARGETS, SEEDS = ('human', 'animal', 'cartoon'), tuple(range(5))
BASE = np.random.default_rng(0).integers(20, 30, (3, 5)) / 60
NOISE = np.resize([1, -1, 2, -2, 0], (3, 5)) / 60
SHIFT = np.arange(1, 16).reshape(3, 5) / 60


def runs(block):
    return by_target(block, TARGETS, SEEDS)


def make_comparison(blocks, selection='source', baseline='Base', lacking=()):
    """Compare these with Base; methods in `lacking` lose a run."""
    scores = {k: runs(block) for k, block in {'Base': BASE, **blocks}.items()}
    for label in lacking:
        del scores[label]['animal'][2]
    return compare(scores, TARGETS, SEEDS, baseline, selection)


def few_pairs(seeds, methods=1):
    """One target, and differences with equal signs: the smallest p."""
    scores = {'Base': {'human': dict.fromkeys(range(seeds), 0.2)}}
    for k in range(methods):
        scores[f'M{k}'] = {
            'human': {s: 0.3 + (s + k) / 60 for s in range(seeds)}
        }
    return compare(scores, ['human'], range(seeds), 'Base', 'source')


def test_better_and_worse():
    comparison = make_comparison(dict(Up=BASE + SHIFT, Down=BASE - SHIFT / 2))
    # The mean of 1 to 15 of 60 is 13.3 points.
    text = method_summary(comparison, 'Up')
    assert text.startswith('Up: better than Base, +13.3 points (95 % inter')
    assert text.endswith('), 15 pairs, Holm-adjusted p: <0.001.')
    text = method_summary(comparison, 'Down')
    assert text.startswith('Down: worse than Base, -6.7 points (95 % interva')
    assert summary(comparison) == (
        'Selected by source validation. Better than Base: Up. Worse than '
        'Base: Down.'
    )


def test_no_significant_difference():
    comparison = make_comparison(dict(A=BASE + NOISE, B=BASE - NOISE))
    text = method_summary(comparison, 'A')
    assert text.startswith(
        'A: no significant difference from Base, 0.0 points ('
    )
    assert text.endswith('15 pairs, Holm-adjusted p: 1.000.')
    assert summary(comparison) == (
        'Selected by source validation. We found no significant difference '
        'between any of the 2 methods and Base.'
    )


def test_some_differ():
    blocks = {'A, x=1': BASE + SHIFT, 'B': BASE + SHIFT / 3, 'C': BASE + NOISE}
    assert summary(make_comparison(blocks)).endswith(
        'Better than Base: A, x=1; B. We found no significant difference for '
        '1 of the 3 methods.'
    )


def test_identical_methods_are_not_called_equal():
    comparison = make_comparison(dict(Same=BASE))
    text = markdown_summary(comparison)
    assert (
        'Same: no significant difference from Base, 0.0 points (95 % '
        'interval 0.0 to 0.0), 15 pairs, Holm-adjusted p: 1.000.' in text
    )
    assert 'no significant difference between Same and Base.' in text
    for word in ('equal', 'identical', 'as good as', 'is significant'):
        assert word not in text.lower()


def test_correction_decides():
    # 5 pairs with equal signs give p = 1 / 16; 6 pairs give 1 / 32, and
    # 2 / 32 for two methods.
    assert direction(few_pairs(6).methods['M0']) == 'better'
    assert direction(few_pairs(6, methods=2).methods['M0']) is None


@pytest.mark.parametrize(
    'seeds, methods, least',
    [(5, 1, '0.062'), (6, 2, '0.062'), (3, 4, '1.000'), (1, 1, '1.000')],
)
def test_too_few_pairs_are_named(seeds, methods, least):
    text = summary(few_pairs(seeds, methods))
    assert 'no significant difference between' in text
    pairs = '1 pair' if seeds == 1 else f'{seeds} pairs'
    count = '1 comparison' if methods == 1 else f'{methods} comparisons'
    assert text.endswith(
        f'With {pairs} and {count}, the smallest possible adjusted p is '
        f'{least}, so no difference could be significant at 0.05.'
    )


@pytest.mark.parametrize('seeds, methods', [(6, 1), (7, 2)])
def test_enough_pairs(seeds, methods):
    text = summary(few_pairs(seeds, methods))
    assert 'could be' not in text and 'Better than Base: M0' in text


def test_one_seed_has_no_interval():
    text = method_summary(few_pairs(1), 'M0')
    assert text == (
        'M0: no significant difference from Base, +10.0 points (no interval '
        'from one seed), 1 pair, Holm-adjusted p: 1.000.'
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
    text = method_summary(comparison, 'Up')
    assert 'no significant difference from Base' in text
    assert '(95 % interval -1.0 to 20.0, which includes 0)' in text


@pytest.mark.parametrize('p_holm, expected', [(0.05, 'better'), (0.051, None)])
def test_level(p_holm, expected):
    method = with_difference(mean=0.1, low=0.01, high=0.2)
    method = dataclasses.replace(method, p_holm=p_holm)
    assert direction(method) == expected


def test_incomplete_method_is_named_and_not_compared():
    blocks = dict(Up=BASE + SHIFT, Broken=BASE + SHIFT)
    comparison = make_comparison(blocks, lacking=['Broken'])
    assert method_summary(comparison, 'Broken') == (
        'Broken is incomplete (14 of 15 runs) and is not compared with Base.'
    )
    assert summary(comparison).endswith(
        'Better than Base: Up. Incomplete and not compared: Broken.'
    )
    assert direction(comparison.methods['Broken']) is None


def test_nothing_complete_to_compare():
    comparison = make_comparison(dict(Up=BASE), lacking=['Up'])
    assert summary(comparison).endswith(
        'There is no complete method to compare. Incomplete and not '
        'compared: Up.'
    )
    assert 'signed-rank' not in markdown_summary(comparison)


def test_incomplete_baseline():
    comparison = make_comparison(dict(Up=BASE + SHIFT), lacking=['Base'])
    assert method_summary(comparison, 'Up') == (
        'Up is not compared, because the baseline Base is incomplete.'
    )
    text = markdown_summary(comparison)
    assert 'Nothing is compared, because the baseline Base is incom' in text
    assert 'better' not in text.lower()


def test_no_baseline():
    comparison = make_comparison(dict(Up=BASE + SHIFT), baseline=None)
    text = markdown_summary(comparison)
    assert 'names no baseline' in text and 'Up' not in text
    with pytest.raises(ValueError, match='other than the baseline None'):
        method_summary(comparison, 'Up')


@pytest.mark.parametrize('label', ['Base', 'Typo'])
def test_invalid_label(label):
    with pytest.raises(ValueError, match=f"'Up'.*got '{label}'"):
        method_summary(make_comparison(dict(Up=BASE)), label)


def test_oracle_is_never_without_its_name():
    text = summary(make_comparison(dict(A=BASE), 'oracle'))
    assert text.startswith(
        'Oracle: selected on the target, not a fair result. '
    )


def test_markdown():
    comparison = make_comparison({'Up': BASE + SHIFT, 'a*b': BASE})
    lines = markdown_summary(comparison).splitlines()
    assert lines[0].startswith('Selected by source validation. Better than')
    assert lines[1] == lines[4] == ''
    assert lines[2] == f'- {method_summary(comparison, "Up")}'
    assert lines[3].startswith('- a\\*b: no significant')
    assert 'treats all pairs as exchangeable' in lines[5]
    assert 'intervals are not corrected' in lines[5]
    assert len(lines) == 6


@pytest.mark.parametrize(
    'text, escaped',
    [
        ('GMP (alpha_k=1.0), p <0.05', 'GMP (alpha_k=1.0), p <0.05'),
        ('is +0.8 [-0.3, 1.9] & 5 > 3', 'is +0.8 [-0.3, 1.9] & 5 > 3'),
        ('_a_ a__b', r'\_a\_ a\_\_b'),
        ('<b> &lt; [a](b)', r'\<b> \&lt; [a\](b)'),
        ('# a', r'\# a'),
        ('[x] a', r'\[x] a'),
        ('a*b`c|d~e$f\\g', r'a\*b\`c\|d\~e\$f\\g'),
    ],
)
def test_only_markup_is_escaped(text, escaped):
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize(
    'fraction, text, signed',
    [
        (0.512, '51.2', '+51.2'),
        (-0.0004, '0.0', '0.0'),
        (0.0004, '0.0', '0.0'),
        (-0.0123, '-1.2', '-1.2'),
        (1, '100.0', '+100.0'),
    ],
)
def test_percent(fraction, text, signed):
    assert percent(fraction) == text
    assert percent(fraction, signed=True) == signed


def test_p_values_in_print():
    assert [p_cell(p) for p in (None, 1.0, 0.0312, 0.0009)] == [
        '-',
        '1.000',
        '0.031',
        '<0.001',
    ]
