# Copyright (c) mmgmp authors.
"""Text that looks like a formula is quoted in CSV files, numbers are not."""

import csv
import io

import pytest

from mmgmp.utils.csv_cells import guard_cell, guard_row, unguard_cell

FORMULAS = [
    '=1+1',
    '+cmd',
    '-rm x',
    '@SUM(A1)',
    '\t=1',
    '\rx',
    '\nx',
    ' =2',
    '＝1',  # noqa: RUF001
    "'=1",
    '-',
    '-1.5.2',
]


@pytest.mark.parametrize('text', FORMULAS)
def test_formula_is_quoted_and_read_back(text):
    assert guard_cell(text) == f"'{text}"
    assert unguard_cell(guard_cell(text)) == text


@pytest.mark.parametrize(
    'value',
    ['-1.5', '+3', '-1e-5', '-inf', -2, 3.5, None, True, '', 'a=b', "'tis"],
)
def test_numbers_and_plain_text_are_unchanged(value):
    assert guard_cell(value) is value
    if isinstance(value, str):
        assert unguard_cell(value) == value


def test_row_through_a_csv_file():
    row = ['=1,2', -1.5, 'a']
    text = io.StringIO()
    csv.writer(text).writerow(guard_row(row))
    (cells,) = csv.reader(io.StringIO(text.getvalue()))
    assert [unguard_cell(cell) for cell in cells] == ['=1,2', '-1.5', 'a']
