# Copyright (c) mmgmp authors.
"""A run returns a row for each selection rule, or the reason it failed.

tests/utils/counting_toy.py has these accuracies after epochs 1 to 4: 2/4, 4/4,
3/4 and 3/4 on the source, and 0, 1/4, 3/4 and 3/4 on the target.
"""

import json
import subprocess
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from mmengine.config import Config
from mmengine.runner import Runner

from mmgmp.benchmark import execution
from mmgmp.benchmark.execution import (
    code_version,
    dataset_version,
    execute,
    forget_result,
    read_result,
)
from mmgmp.version import __version__
from tests.benchmark.toy_plan import make_run, write_config
from tests.utils import counting_toy
from tests.utils.leaves import read_leaf

SOURCE = 'source/acc/all/fused/top1'
TARGET = 'target/acc/all/fused/top1'


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path)


def test_rows_of_a_run(config, tmp_path):
    run = make_run(config, seed=5)
    rows = execute(run, str(tmp_path / 'run'), keep_checkpoints=False)
    found = {
        row['selection']: (row['epoch'], row[SOURCE], row[TARGET])
        for row in rows
    }
    assert found == dict(
        source=(2, 1, 0.25), last=(4, 0.75, 0.75), oracle=(3, 0.75, 0.75)
    )
    for row in rows:
        assert row['state'] == 'finished'
        assert row['reason'] == ''
        assert row['sources'] == 'human+animal'
        assert run.identity.items() <= row.items()
        assert 0 < row['seconds'] < 60
        assert 50 < row['peak_memory_mb'] < 1e5
        assert len(row['dataset_version']) == 12
        assert row['code_version']
        assert row['target/acc/cartoon/video/mean1'] >= 0
    assert read_result(tmp_path / 'run') == rows
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_ended_runs_do_not_run_again(config, tmp_path):
    run, folder = make_run(config), tmp_path / 'run'
    assert read_result(folder) is None
    rows = execute(run, str(folder), keep_checkpoints=True)
    assert len(list(folder.glob('*.pth'))) == 2
    (folder / 'rows.json').write_text('["as before"]')
    assert execute(run, str(folder), False) == ['as before']
    forget_result(folder)
    again = execute(run, str(folder), False)
    for row in (*rows, *again):
        row.pop('seconds'), row.pop('peak_memory_mb')
    assert again == rows


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        ('crash', 'RuntimeError: the toy crashed, as it was told to'),
        (
            'diverge',
            'FloatingPointError: training diverged: loss is nan in epoch 3, '
            'iteration 3',
        ),
    ],
)
def test_failure(config, tmp_path, fault, reason):
    run = make_run(config, fault=fault)
    (row,) = execute(run, str(tmp_path / 'run'), keep_checkpoints=True)
    assert row['state'] == 'failed'
    assert row['selection'] == ''
    assert row['reason'] == reason
    assert run.identity.items() <= row.items()
    assert not any(key.startswith('target/') for key in row)
    assert read_result(tmp_path / 'run') == [row]
    assert 'Traceback' in (tmp_path / 'run/error.txt').read_text()
    # A repeated run starts from scratch.
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_interrupted_run_is_resumed(config, tmp_path):
    """The third iteration fails; then training resumes there."""
    folder = tmp_path / 'run'
    cut = make_run(config, fault='crash')
    cfg = cut.load_config()
    cfg.work_dir = str(folder)
    cfg.custom_hooks.append(dict(type='TargetHistoryHook'))
    with pytest.raises(RuntimeError):
        Runner.from_cfg(cfg).train()
    history = json.loads((folder / 'target_history.json').read_text())
    assert list(history) == ['1', '2']
    for record in history.values():
        record['seconds'] += 1000
    history['3'] = dict(history['2'], target={TARGET[7:]: 1.0})
    (folder / 'target_history.json').write_text(json.dumps(history))
    rows = execute(make_run(config), str(folder), keep_checkpoints=False)
    assert [row[TARGET] for row in rows] == [0.25, 0.75, 0.75]
    assert [row['epoch'] for row in rows] == [2, 4, 3]
    assert all(row['seconds'] > 1000 for row in rows)


def test_second_process_waits_and_returns_the_same(config, tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    results = []
    with FileLock(folder / 'lock', is_singleton=False):
        thread = threading.Thread(
            target=lambda: results.append(
                execute(make_run(config), str(folder), False)
            )
        )
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
        (folder / 'rows.json').write_text('["of the other"]')
    thread.join(10)
    assert results == [['of the other']]


def version_of(**changes):
    cfg = Config(counting_toy.settings())
    cfg.merge_from_dict(changes)
    return dataset_version(cfg)


def test_dataset_version_depends_on_the_samples():
    assert version_of() == version_of()
    rows = counting_toy.SOURCE[::-1]
    versions = {
        version_of(),
        version_of(**{'train_dataloader.dataset.rows': rows}),
        version_of(**{'val_dataloader.dataset.rows': rows}),
        version_of(**{'test_dataloader.dataset.rows': rows[1:]}),
        version_of(**{'test_dataloader.dataset.domains': ['animal']}),
    }
    assert len(versions) == 5


def test_dataset_version_depends_on_the_files(tiny_mini_hac, tmp_path):
    cfg = read_leaf('erm')
    cfg.merge_from_dict(tiny_mini_hac)
    root = Path(cfg.test_dataloader.dataset.data_root)
    expected = dataset_version(cfg)
    copy = tmp_path / 'copy'
    subprocess.run(['cp', '-r', root, copy], check=True)
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].dataset.data_root = str(copy)
    assert dataset_version(cfg) == expected
    clip = next(copy.glob('cartoon/videos/*.mp4'))
    clip.write_bytes(clip.read_bytes() + b'0')
    assert dataset_version(cfg) != expected


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with a package like this one, not yet under git."""
    package = tmp_path / 'mmgmp'
    package.mkdir()
    for path in (package / 'a.py', tmp_path / 'other.py'):
        path.write_text('1')
    monkeypatch.setattr(execution, 'PACKAGE', package)
    yield tmp_path


def git(folder, *arguments):
    identity = ('-c', 'user.name=a', '-c', 'user.email=a@b.c')
    subprocess.run(
        ['git', '-C', folder, *identity, *arguments],
        check=True,
        capture_output=True,
    )


def test_code_version(repository):
    assert code_version() == __version__
    git(repository, 'init')
    git(repository, 'add', '.')
    git(repository, 'commit', '-m', 'first')
    version = code_version()
    assert version.startswith(f'{__version__}+')
    commit = version.removeprefix(f'{__version__}+')
    assert len(commit) >= 7
    assert not set(commit) - set('0123456789abcdef')
    (repository / 'other.py').write_text('2')
    (repository / 'mmgmp/new.py').write_text('2')
    assert code_version() == version
    (repository / 'mmgmp/a.py').write_text('2')
    assert code_version() == f'{version}.dirty'


def test_code_version_without_git(monkeypatch):
    monkeypatch.setenv('PATH', '')
    assert code_version() == __version__
