# Copyright (c) mmgmp authors.
"""The documentation quotes code that the tests run, and existing files."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
QUOTES = re.findall(
    r'<!-- (tests/\S+\.py) -->\n```python\n(.*?)```',
    (ROOT / 'docs/add_a_method.md').read_text(),
    re.DOTALL,
)


def test_each_worked_example_is_quoted():
    examples = (ROOT / 'tests/examples').glob('test_*.py')
    assert {path for path, _ in QUOTES} == {
        str(path.relative_to(ROOT)) for path in examples
    }


@pytest.mark.parametrize(('path', 'code'), QUOTES)
def test_quote_is_exact(path, code):
    source = (ROOT / path).read_text()
    for part in code.strip().split('\n\n\n'):
        assert part in source


@pytest.mark.parametrize(
    'page',
    [
        *(ROOT / 'docs').rglob('*.md'),
        *(ROOT / 'configs').rglob('*.md'),
        *(ROOT / 'tools').rglob('*.md'),
        ROOT / 'CONTRIBUTING.md',
        ROOT / 'README.md',
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_named_files_exist(page):
    """Files that a page names exist, except those that readers create."""
    text = page.read_text()
    names = re.findall(
        r'\b(?:configs|tools|tests|docs)/[\w./-]*\.(?:py|yml|md|csv|sh)\b',
        text,
    )
    written = re.findall(r'^# (\S+\.py)$', text, re.MULTILINE)
    missing = {name for name in names if not (ROOT / name).exists()}
    assert missing <= {*written}
