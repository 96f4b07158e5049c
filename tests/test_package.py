"""The wheel that is built from the source distribution is complete."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SOURCES = (
    'mmgmp',
    'configs',
    'docs',
    'requirements',
    'tests',
    'tools',
    'CITATION.cff',
    'LICENSE',
    'MANIFEST.in',
    'Makefile',
    'README.md',
    'model-index.yml',
    'pyproject.toml',
    'requirements.txt',
    'setup.py',
)

BUILD_CONFIG = """
import sys
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmaction.registry import MODELS

cfg = Config.fromfile(sys.argv[1])
import mmgmp
assert mmgmp.__file__.startswith(sys.argv[2]), mmgmp.__file__
init_default_scope(cfg.default_scope)
MODELS.build(cfg.model)
"""


def run_python(*args: object, cwd: Path, **env: str) -> None:
    result = subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env={**os.environ, 'OMP_NUM_THREADS': '1', **env},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout + result.stderr[-3000:]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> Path:
    """The wheel, unpacked."""
    folder = tmp_path_factory.mktemp('package')
    tree = folder / 'tree'
    tree.mkdir()
    ignore = shutil.ignore_patterns('__pycache__', '.mim')
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=ignore)
        else:
            shutil.copyfile(ROOT / name, tree / name)
    build = 'import setuptools.build_meta as b; b.build_sdist("..")'
    run_python('-c', build, cwd=tree)
    (sdist,) = folder.glob('mmgmp-*.tar.gz')
    options = ('--quiet', '--no-build-isolation', '--no-deps')
    run_python('-m', 'pip', 'wheel', *options, sdist, cwd=folder)
    (built,) = folder.glob('mmgmp-*.whl')
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / 'wheel')
    return folder / 'wheel'


def files(root: Path, *folders: str) -> set[Path]:
    return {
        path.relative_to(root)
        for folder in folders
        for path in (root / folder).rglob('*')
        if path.is_file()
        and not {'.mim', '__pycache__'} & set(path.relative_to(root).parts)
    }


def test_every_module_is_in_the_wheel(wheel):
    assert files(wheel, 'mmgmp') == files(ROOT, 'mmgmp')


def test_every_config_and_tool_is_in_the_wheel(wheel):
    mim = wheel / 'mmgmp/.mim'
    expected = files(ROOT, 'configs', 'tools')
    assert any(path.match('configs/*/*.py') for path in expected)
    assert files(mim, 'configs', 'tools') == expected
    index = (mim / 'model-index.yml').read_text()
    assert index == (ROOT / 'model-index.yml').read_text()


def test_every_package_has_an_init_file():
    """Otherwise older packaging tools omit it silently."""
    for path in files(ROOT, 'mmgmp'):
        if path.suffix == '.py':
            assert (ROOT / path.parent / '__init__.py').is_file(), path


def test_metadata(wheel):
    (metadata,) = wheel.glob('mmgmp-*.dist-info/METADATA')
    text = metadata.read_text()
    assert 'Requires-Dist: mmengine==0.10.7\n' in text
    # A hard requirement would overwrite the full mmcv, which has its folder.
    (lite,) = re.findall(r'Requires-Dist: mmcv.*', text)
    assert lite.endswith('extra == "mmcv-lite"')
    # The package index has none of the files that the README links.
    assert not re.search(r'\]\((?!https?://|#)', text)
    assert 'Requires-Dist: pytest' in text.split('Provides-Extra: tests')[1]
    assert (metadata.parent / 'licenses/LICENSE').is_file()


def test_links_of_the_readme_are_absolute(tmp_path):
    url = 'https://example.org/mmgmp/blob/main'
    build = 'import setuptools.build_meta as b, sys; '
    build += 'b.prepare_metadata_for_build_wheel(sys.argv[1])'
    tree = tmp_path / 'tree'
    (tree / 'mmgmp').mkdir(parents=True)
    for name in ('README.md', 'LICENSE', 'pyproject.toml', 'setup.py'):
        shutil.copyfile(ROOT / name, tree / name)
    shutil.copyfile(ROOT / 'mmgmp/version.py', tree / 'mmgmp/version.py')
    shutil.copytree(ROOT / 'requirements', tree / 'requirements')
    (tree / 'mmgmp/__init__.py').touch()
    run_python('-c', build, tmp_path, cwd=tree, MMGMP_SOURCE_URL=url + '/')
    (metadata,) = tmp_path.glob('mmgmp-*.dist-info/METADATA')
    text = metadata.read_text()
    assert f'Project-URL: Source, {url}\n' in text
    assert f'[Contributing]({url}/CONTRIBUTING.md)' in text


def test_model_index_lists_every_metafile():
    """`mim search` finds the configs through these files."""
    listed = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    paths = ROOT.glob('configs/**/metafile.yml')
    found = [path.relative_to(ROOT) for path in paths]
    assert sorted(listed) == sorted(map(str, found))
    for metafile in listed:
        models = yaml.safe_load((ROOT / metafile).read_text())['Models']
        for model in models:
            assert (ROOT / model['Config']).is_file(), model['Config']
            assert Path(model['Config']).stem == model['Name']


def test_accuracies_in_the_metafiles():
    """They are those of the page of results."""
    page = (ROOT / 'docs/benchmark.md').read_text()
    rows = dict(
        erm='ERM',
        dann='Base (DANN)',
        gmp='GMP',
        gmp_released='GMP (released)',
        boomda='Boomda',
    )
    for path in ROOT.glob('configs/*/metafile.yml'):
        for model in yaml.safe_load(path.read_text())['Models']:
            for result in model.get('Results', ()):
                (mean,) = result['Metrics'].values()
                row = re.search(
                    rf'^\| {re.escape(rows[model["Name"]])} +\|.*', page, re.M
                )
                assert f'| {mean} ± ' in re.sub(r'\| +', '| ', row[0])


def test_unpacked_wheel_builds_a_model(wheel, tmp_path):
    configs = sorted((wheel / 'mmgmp/.mim/configs').glob('[!_]*/*.py'))
    run_python(
        '-c',
        BUILD_CONFIG,
        configs[0],
        wheel,
        cwd=tmp_path,
        PYTHONPATH=str(wheel),
    )
