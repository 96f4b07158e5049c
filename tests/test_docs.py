# Copyright (c) mmgmp authors.
"""The documentation quotes code that the tests run, and existing files."""

import json
import re
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import yaml

from mmgmp.datasets.media.audio import read_audio_track
from mmgmp.datasets.media.video import read_video
from mmgmp.datasets.synthetic import MiniHACSpec
from mmgmp.datasets.synthetic.clip import plan_clip, render_clip
from mmgmp.datasets.synthetic.spec import CLASSES

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


def code_cells():
    notebook = json.loads((ROOT / 'docs/tutorial.ipynb').read_text())
    return [c for c in notebook['cells'] if c['cell_type'] == 'code']


def test_notebook_has_small_outputs_without_errors():
    outputs = [output for cell in code_cells() for output in cell['outputs']]
    images = [x for x in outputs if 'image/png' in x.get('data', {})]
    tables = [x for x in outputs if x.get('name') == 'stdout']
    assert len(images) == 2 and len(tables) == 3
    assert len(images) + len(tables) == len(outputs)
    assert (ROOT / 'docs/tutorial.ipynb').stat().st_size < 150_000


@pytest.mark.slow
def test_notebook_runs(tmp_path, monkeypatch, capsys):
    """Each code cell runs, on fewer clips and for one epoch."""
    shutil.copytree(ROOT / 'docs/demo', tmp_path / 'demo')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', None)
    matplotlib.use('Agg')
    names = {}
    for cell in code_cells():
        exec(compile(''.join(cell['source']), cell['id'], 'exec'), names)
        if 'spec' in names and 'data_root' not in names:
            names['spec'].update(train_clips=2, test_clips=1)
        if 'options' in names:
            names['options'].update(
                {'train_cfg.max_epochs': 1, 'train_cfg.val_begin': 1}
            )
    printed = capsys.readouterr().out
    assert len(re.findall(r'^target \(cartoon\) +\d', printed, re.M)) == 2
    best = names['result']['predictions'][0]['classes'][0]
    assert 1 / 7 < best['scores']['fused'] <= 1


def test_clip_with_sound():
    """It is a clip of the generator with a seed that no data set uses."""
    path = str(ROOT / 'docs/demo/running.mp4')
    spec = MiniHACSpec(seed=1)
    clip = plan_clip(spec, 'cartoon', 'test', CLASSES.index('running'), 0)
    frames, wave = render_clip(spec, clip)
    shown, fps = read_video(path)
    assert (len(shown), fps) == (len(frames), spec.fps)
    assert np.abs(shown.astype(float) - frames).mean() < 10
    heard, rate = read_audio_track(path)
    assert rate == spec.sample_rate
    error = heard[: len(wave)] - wave
    assert np.sqrt((error**2).mean()) < 0.2 * np.sqrt((wave**2).mean())


def test_references():
    """The page and CITATION.cff have the same references."""
    page = (ROOT / 'docs/citation.md').read_text()
    plain = re.sub(r'[{}]', '', page)
    content = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert f'version = {content["version"]}' in plain
    for reference in content['references']:
        assert f'= {reference["title"]},' in plain
        authors = ' and '.join(
            f'{a["family-names"]}, {a["given-names"]}'
            for a in reference['authors']
        )
        assert f'= {authors},' in plain.replace('Fran\\cc', 'Franç')
        assert str(reference['year']) in plain
    assert plain.count('year ') == len(content['references']) + 1
