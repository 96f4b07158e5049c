# Copyright (c) mmgmp authors.
import numpy as np
import pytest

from mmgmp.utils.numbers import check_number

INF = float('inf')


def test_numbers_in_range():
    check_number('x', 0)
    check_number('x', np.float32(0.5), below=1)
    check_number('x', np.int64(3), 3, integer=True)
    check_number('x', 1e-9, above=0)


@pytest.mark.parametrize(
    ('value', 'limits', 'message'),
    [
        (-1, {}, 'at least 0, got -1'),
        (0, dict(above=0), 'above 0, got 0'),
        (1, dict(below=1), 'at least 0 and below 1, got 1'),
        (float('nan'), {}, 'at least 0 and finite, got nan'),
        (INF, dict(above=0), 'above 0 and finite, got inf'),
    ],
)
def test_number_out_of_range(value, limits, message):
    with pytest.raises(ValueError, match=f'^`x` must be {message}$'):
        check_number('x', value, **limits)


@pytest.mark.parametrize('value', [True, '1', None, [1]])
def test_no_number(value):
    with pytest.raises(TypeError, match='^`x` must be a number, got'):
        check_number('x', value)
    with pytest.raises(TypeError, match='an integer, got 1.5'):
        check_number('x', 1.5, integer=True)
