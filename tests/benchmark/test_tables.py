# Copyright (c) mmgmp authors.
"""Tables, parsed from the text that was written."""

import csv
import re
from io import StringIO

import pytest

from mmgmp.benchmark.comparison import compare
from mmgmp.benchmark.tables import csv_table, latex_table, markdown_table
from tests.benchmark.toy_plan import by_target

TARGETS, SEEDS = ('human', 'cartoon'), (0, 1, 2, 3, 4)
BASE = [[0.5, 0.6, 0.4, 0.5, 0.5], [0.3, 0.2, 0.4, 0.3, 0.3]]
BETTER = [[0.6, 0.8, 0.7, 0.65, 0.7], [0.5, 0.25, 0.6, 0.55, 0.4]]
AWKWARD = r'50% & $a_b$ |#1| {^~} \x *y*'


def runs(block):
    return by_target(block, TARGETS, SEEDS)


def make_comparison(selection='source', **kwargs):
    """A baseline, an equal method, a better one and an incomplete one."""
    scores = dict(
        Base=runs(BASE), Same=runs(BASE), GMP=runs(BETTER), Broken=runs(BASE)
    )
    del scores['Broken']['human'][3]
    del scores['Broken']['cartoon']
    failures = dict(
        Broken=[('human', 3, 'ValueError:\n loss | nan'), ('cartoon', 0, 'x')]
    )
    kwargs = dict(baseline='Base', failures=failures, **kwargs)
    return compare(scores, TARGETS, SEEDS, selection=selection, **kwargs)


def rename(label, **kwargs):
    """A comparison of a baseline with this name and another method."""
    scores = {label: runs(BASE), 'GMP': runs(BETTER)}
    return compare(scores, TARGETS, SEEDS, label, 'source', **kwargs)


def read_markdown(text):
    """Rows of cells; as on GitHub, an escaped bar is text."""
    lines = [line for line in text.splitlines() if line.startswith('|')]
    rows = [
        [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
        for line in lines
    ]
    assert len({len(line) for line in lines}) == 1
    assert len({len(row) for row in rows}) == 1
    assert all(re.fullmatch(r':?-{3,}:?', cell) for cell in rows[1])
    unescape = re.compile(r'\\([!-/:-@\[-`{-~])')
    return [
        [unescape.sub(r'\1', cell) for cell in row]
        for row in rows[:1] + rows[2:]
    ]


def test_markdown_by_hand():
    rows = read_markdown(markdown_table(make_comparison()))
    assert rows[0] == [
        'Method',
        *TARGETS,
        'Mean',
        'Difference from Base',
        'p (Holm)',
        'Rank',
    ]
    # Base on human: squares of deviations 0, 1, 1, 0, 0 of 0.1: std 0.0707.
    # Mean over targets 0.4 in each seed, so neither std nor interval.
    base = ['50.0 ± 7.1', '30.0 ± 7.1', '40.0 ± 0.0 [40.0, 40.0]']
    assert rows[1] == ['Base', *base, 'baseline', '-', '2.5']
    assert rows[2] == ['Same', *base, '0.0 [0.0, 0.0]', '1.000', '2.5']
    # 0.1, 0.2, 0.3, 0.15, 0.2 and 0.2, 0.05, 0.2, 0.25, 0.1: mean 0.175; for
    # ten pairs with equal signs p is 2 / 2^10, times 2 comparisons 0.0039.
    assert rows[3][0] == 'GMP'
    assert re.fullmatch(r'\+17\.5 \[1\d\.\d, 2\d\.\d\]', rows[3][4])
    assert rows[3][5:] == ['0.004', '1.0']
    cells = ['50.0 ± 8.2 (4/5)', '- (0/5)', '-', '-', '-', '-']
    assert rows[4] == ['Broken', *cells]
    assert len(rows) == 5


def test_markdown_is_aligned_and_separated():
    text = markdown_table(make_comparison())
    lines = text.splitlines()
    assert text.endswith('\n') and lines[1] == ''
    table = [i for i, line in enumerate(lines) if line.startswith('|')]
    assert table == list(range(2, 8)) and lines[8] == ''
    assert all(line.startswith('- ') for line in lines[9:])


@pytest.mark.parametrize('write', [markdown_table, latex_table])
@pytest.mark.parametrize(
    'selection, words',
    [
        ('source', 'selected by source validation'),
        ('last', 'last epoch'),
        ('oracle', 'oracle: selected on the target, not a fair result'),
    ],
)
def test_caption_names_the_selection(write, selection, words):
    comparison = make_comparison(selection)
    words = f'ccuracy on the target in percent, {words}.'
    assert f'MiniHAC: a{words}' in write(comparison, title='MiniHAC')
    assert f'A{words}' in write(comparison)


def test_notes_explain_the_table():
    text = markdown_table(make_comparison(chance=1 / 7))
    for words in (
        'standard deviation over 5 seeds',
        'over 2 targets for each seed',
        '95 % Student t interval',
        'Difference from Base: in percentage points, over 10 pairs',
        'Holm-adjusted for 2 comparisons. Pairs with the same target share',
        'Chance: 14.3 %.',
        'Broken is incomplete (4 of 10 runs)',
        '- Failed: Broken, target human, seed 3: ValueError: loss \\| nan\n',
        '- Failed: Broken, target cartoon, seed 0: x\n',
        '- Missing: Broken, target cartoon, seeds 1, 2, 3, 4\n',
    ):
        assert words in text
    assert 'Chance' not in markdown_table(make_comparison())
    assert 'incomplete' not in markdown_table(rename('Base'))


def test_incomplete_baseline_is_noted():
    scores = dict(Base=runs(BASE), GMP=runs(BETTER))
    del scores['Base']['human'][0]
    comparison = compare(scores, TARGETS, SEEDS, 'Base', 'source')
    text = markdown_table(comparison)
    assert 'No differences: the baseline Base is incomplete.' in text
    assert 'Wilcoxon' not in text
    rows = read_markdown(text)
    assert rows[1][3:] == ['-', 'baseline', '-', '-']
    assert rows[2][4:] == ['-', '-', '1.0']


def test_table_without_baseline_has_no_differences():
    scores = dict(Base=runs(BASE), GMP=runs(BETTER))
    text = markdown_table(compare(scores, TARGETS, SEEDS, None, 'source'))
    assert read_markdown(text)[0] == ['Method', *TARGETS, 'Mean', 'Rank']
    assert 'Difference' not in text and 'None' not in text


def test_one_seed_has_neither_std_nor_interval():
    scores = dict(Base={'human': {0: 0.5}}, GMP={'human': {0: 0.25}})
    text = markdown_table(compare(scores, ['human'], [0], 'Base', 'source'))
    assert read_markdown(text)[2] == [
        'GMP',
        '25.0',
        '25.0',
        '-25.0',
        '1.000',
        '2.0',
    ]
    assert 'one seed, so no standard deviation' in text
    assert 'nan' not in text and 'bootstrap' not in text
    assert '1 pair with' in text and '1 comparison.' in text


def test_awkward_names_survive_markdown():
    rows = read_markdown(markdown_table(rename(AWKWARD)))
    assert rows[1][0] == AWKWARD
    assert rows[0][4] == f'Difference from {AWKWARD}'


def read_latex(text):
    """Rows of cells of the tabular environment."""
    body = text.split('\\toprule')[1].split('\\bottomrule')[0]
    body = body.replace('\\midrule', '')
    rows = [row for row in re.split(r'\\\\\n', body) if row.strip()]
    return [
        [cell.strip() for cell in re.split(r'(?<!\\)&', row)] for row in rows
    ]


def test_latex_has_the_cells_of_markdown():
    comparison = make_comparison()
    text = latex_table(comparison)
    plain = [
        [cell.replace('$-$', '-').replace('$\\pm$', '±') for cell in row]
        for row in read_latex(text)
    ]
    assert plain == read_markdown(markdown_table(comparison))
    assert '±' not in text
    assert '\\begin{tabular}{lrrrrrr}' in text
    for name in ('table', 'tabular'):
        assert text.count(f'\\begin{{{name}}}') == 1
        assert text.count(f'\\end{{{name}}}') == 1
    assert 'Failed: Broken, target human, seed 3: ValueError' in text


def test_latex_sets_minus_signs_of_numbers_alone():
    scores = {'Base': runs(BETTER), 'ResNet-18': runs(BASE)}
    comparison = compare(scores, TARGETS, SEEDS, 'Base', 'source')
    row = read_latex(latex_table(comparison))[2]
    label, cell = row[0], row[4]
    assert label == 'ResNet-18'
    assert re.fullmatch(r'\$-\$17\.5 \[\$-\$2\d\.\d, \$-\$1\d\.\d\]', cell)


def test_latex_escapes_what_is_special():
    escaped = (
        r'50\% \& \$a\_b\$ |\#1| \{\^{}\textasciitilde{}\} '
        r'\textbackslash{}x *y*'
    )
    text = latex_table(rename(AWKWARD, failures={}), title='A_B')
    assert read_latex(text)[1][0] == escaped
    assert f'Difference from {escaped}: in percentage points' in text
    assert r'\caption{A\_B: accuracy' in text
    assert text.count('{') == text.count('}')


def test_latex_row_does_not_begin_with_an_option():
    rows = read_latex(latex_table(rename('[2] Base')))
    assert rows[1][0] == '{[}2] Base'


def test_csv_is_read_back_in_full():
    comparison = make_comparison()
    text = csv_table(comparison)
    rows = {row['method']: row for row in csv.DictReader(StringIO(text))}
    assert [*rows] == [*comparison.methods]
    gmp, expected = rows['GMP'], comparison.methods['GMP']
    estimates = {**expected.targets, 'targets': expected.mean}
    for name, estimate in estimates.items():
        for field in ('mean', 'std', 'low', 'high'):
            assert float(gmp[f'{name}/{field}']) == getattr(estimate, field)
        assert float(gmp[f'{name}/count']) == estimate.n
    for column, number in (
        ('difference', expected.difference.mean),
        ('difference/low', expected.difference.low),
        ('difference/high', expected.difference.high),
        ('pairs', 10),
        ('p_value', expected.difference.p_value),
        ('p_holm', expected.p_holm),
        ('rank', expected.rank),
        ('finished', 10),
        ('failed', 0),
    ):
        assert float(gmp[column]) == number
    assert gmp['selection'] == 'selected by source validation'
    assert gmp['baseline'] == 'Base'


def test_csv_of_a_method_that_lacks_runs():
    text = csv_table(make_comparison())
    rows = {row['method']: row for row in csv.DictReader(StringIO(text))}
    broken = rows['Broken']
    for column in (
        'cartoon/mean',
        'targets/mean',
        'targets/count',
        'difference',
        'p_value',
        'p_holm',
        'rank',
    ):
        assert broken[column] == ''
    counts = [broken[k] for k in ('finished', 'expected', 'failed', 'missing')]
    assert counts == ['4', '10', '2', '4']
    assert broken['human/count'] == '4'
    assert 'seed 3: ValueError: loss | nan; Failed' in broken['lacking']
    same = rows['Same']
    assert (same['difference'], same['p_holm']) == ('0.0', '1.0')


def test_csv_leaves_out_what_is_not_a_number():
    scores = {'a, "b"': {'human': {0: 0.5}}}
    text = csv_table(compare(scores, ['human'], [0], None, 'last'))
    row = next(csv.DictReader(StringIO(text)))
    assert row['method'] == 'a, "b"'
    assert (row['human/mean'], row['human/std']) == ('0.5', '')
    assert 'nan' not in text
