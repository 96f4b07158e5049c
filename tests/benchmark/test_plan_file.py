# Copyright (c) mmgmp authors.
"""Plans that PyYAML would misread, or that would exhaust the memory."""

import resource
import time

import pytest

from mmgmp.benchmark.plan_file import parse_yaml, read_plan_file

LAUGHS = 'a: &a0 [x, x, x, x, x, x, x]\n' + ''.join(
    f'b{n}: &a{n + 1} [{", ".join([f"*a{n}"] * 7)}]\n' for n in range(40)
)
MERGES = 'a: &a0 {x: 1}\n' + ''.join(
    f'b{n}: &a{n + 1}\n  <<: [{", ".join([f"*a{n}"] * 5)}]\n'
    for n in range(40)
)
LONG = f'a: &x "{"y" * 90_000}"\nb: [{"*x, " * 3000}]'


def test_anchors_and_merge_keys():
    text = 'base: &b {x: 1, y: 2}\nmine:\n  <<: *b\n  y: 3\nsame: *b'
    assert parse_yaml(text, 'p.yml') == dict(
        base=dict(x=1, y=2), mine=dict(x=1, y=3), same=dict(x=1, y=2)
    )


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_encodings(tmp_path, encoding):
    path = tmp_path / 'p.yml'
    path.write_bytes('title: Größe 大'.encode(encoding))
    assert read_plan_file(path) == dict(title='Größe 大')


def test_numbers_of_yaml_1_2():
    found = parse_yaml('[1e-3, 2E2, .5e1, 1.5e+1, -3e-2, 1_000, e5]', '')
    assert found == [0.001, 200.0, 5.0, 15.0, -0.03, 1000, 'e5']


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: 1\nb: 2\na: 3', "line 3: the key 'a' is already in line 1"),
        ('m:\n  - x: 1\n    x: 1', "line 3: the key 'x' is already in line 2"),
        ('{1: a, 1.0: b}', 'line 1: the key 1.0 is already in line 1'),
        ('yes: 1\ntrue: 2', 'line 2: the key True is already'),
        ('a: &a {x: 1, x: 2}\nb: {<<: *a}', "the key 'x' is already"),
        ('? [a]\n: 1', 'line 1: a key must be text'),
        ('a: &a [*a]', 'line 1 contains itself'),
        ('a: *b', 'line 1, is not a YAML file: found undefined alias'),
        ('a: 1\nb: [1', 'is not a YAML file'),
        ('a:\n\tb: 1', 'line 2, is not a YAML file'),
        ('a: 1\n---\nb: 1', 'single document'),
        ('x: 1\na: !!python/object/apply:os.getcwd []', "line 2: .*'python/"),
        ('a: !!binary aGk=', "'binary' has no place"),
        ('a: 2024-02-30', "'timestamp' has no place"),
        ('a: !!int x', "'x' is not a value of the type 'int'"),
        ('a: !!bool x', "'x' is not a value of the type 'bool'"),
        ('a: .nan', 'line 1: a plan has no use for NaN'),
        ('a: 017', "'017' is read as 15"),
        ('a: 2:30', "'2:30' is read as 150"),
        (b'a: \xff', 'is not a text file in UTF-8'),
        (bytes(range(64)), 'is not a text file'),
    ],
)
def test_refused_in_one_line(text, message):
    with pytest.raises(ValueError, match=f'^p.yml.*{message}') as caught:
        parse_yaml(text, 'p.yml')
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'text',
    [LAUGHS, MERGES, LONG, '[' * 90_000, '- ' * 90_000, '? ' * 90_000],
    ids=['laughs', 'merges', 'long', 'flow', 'block', 'keys'],
)
def test_bombs_are_refused_at_once(text):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r'^p\.yml, line \d+'):
        parse_yaml(text, 'p.yml')
    assert time.perf_counter() - start < 1
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 50 * 1024  # KiB


def test_files(tmp_path):
    path = tmp_path / 'p.yml'
    with pytest.raises(FileNotFoundError, match='does not exist'):
        read_plan_file(path)
    with pytest.raises(FileNotFoundError, match='is not a file'):
        read_plan_file(tmp_path)
    path.write_text('#' * 300_000)
    with pytest.raises(ValueError, match='has 300000 bytes'):
        read_plan_file(path)
    path.write_text('# nothing')
    assert read_plan_file(path) is None
