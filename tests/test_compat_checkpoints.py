# Copyright (c) mmgmp authors.
"""Checkpoints of MMEngine are read, and no code in them runs."""

import datetime
import os
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path, PurePosixPath, PureWindowsPath
from pickle import UnpicklingError

import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint

from mmgmp.compat.checkpoints import CHECKPOINT_GLOBALS
from tests.test_compat import toy_runner


@pytest.fixture(scope='module')
def checkpoint_file(tmp_path_factory) -> Path:
    work_dir = tmp_path_factory.mktemp('toy')
    toy_runner(work_dir, epochs=1).train()
    return work_dir / 'epoch_1.pth'


@pytest.fixture
def no_globals():
    """An empty allow-list during a test."""
    saved = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(saved)


class Payload:
    """Runs ``function(*args)`` when it is unpickled without restriction."""

    def __init__(self, function, *args):
        self.reduced = function, args

    def __reduce__(self):
        return self.reduced


def test_runner_checkpoint_can_be_read(checkpoint_file):
    checkpoint = CheckpointLoader.load_checkpoint(str(checkpoint_file))
    loss = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(loss, HistoryBuffer)
    assert loss.statistics('mean') == pytest.approx(np.mean(loss.data[0]))
    assert checkpoint['random_state']['numpy'][1].dtype == np.uint32


def test_best_checkpoint_can_be_read(checkpoint_file):
    (best,) = checkpoint_file.parent.glob('best_score_*.pth')
    checkpoint = torch.load(best, weights_only=True)
    assert checkpoint['message_hub']['runtime_info']['best_score'] == 0.5


def test_run_can_be_resumed(checkpoint_file):
    runner = toy_runner(
        checkpoint_file.parent,
        epochs=2,
        resume=True,
        load_from=str(checkpoint_file),
    )
    runner.train()
    assert runner.iter == 4


# Everything that runs of MMEngine, or their hooks, may store.
PLAIN = dict(
    scalars=[np.dtype(code).type(1) for code in '?bBhHiIlLefdgFDG'],
    texts=[np.str_('a'), np.bytes_(b'a')],
    times=[np.datetime64('2020-01-02'), np.timedelta64(3, 's')],
    arrays=[np.arange(3, dtype=code) for code in ('f2', 'i8', '>i4')],
    logs=OrderedDict(
        loss=HistoryBuffer(np.array([0.5, 0.25]), np.array([1, 1]))
    ),
    tables=[
        defaultdict(factory, {'a': factory()})
        for factory in (int, float, str, list, dict)
    ],
    dates=[
        datetime.date(2020, 1, 2),
        datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.timezone.utc),
        datetime.timedelta(days=1),
    ],
    paths=[
        Path('a/b.pth'),
        PurePosixPath('a/b.pth'),
        PureWindowsPath('a/b.pth'),
    ],
    device=torch.device('cpu'),
    config=Config(dict(model=dict(type='A', depth=18), paths=['a'])),
)


def rename_globals(path: Path, out: Path, **names: str) -> Path:
    """Copy a checkpoint with other names of modules in its pickle."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, 'w') as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry.endswith('data.pkl'):
                for before, after in names.items():
                    before = before.replace('__', '.')
                    content = content.replace(
                        f'c{before}\n'.encode(), f'c{after}\n'.encode()
                    )
            new.writestr(entry, content)
    return out


@pytest.fixture(scope='module')
def plain_files(tmp_path_factory) -> list[Path]:
    """Files of this NumPy and Python, and as older and newer ones write."""
    folder = tmp_path_factory.mktemp('plain')
    torch.save(PLAIN, folder / 'a.pth')
    windows = folder / 'windows.pth'
    # The class of a path of the other system cannot be built here.
    with zipfile.ZipFile(folder / 'a.pth') as old:
        pickled = old.read('a/data.pkl')
        with zipfile.ZipFile(windows, 'w') as new:
            for entry in old.namelist():
                new.writestr(
                    entry,
                    pickled.replace(b'PureWindowsPath', b'WindowsPath')
                    if entry.endswith('data.pkl')
                    else old.read(entry),
                )
    files = [folder / 'a.pth', windows]
    # Only Python 3.13 stores paths under another name.
    stored = Path.__module__
    other = 'pathlib' if stored == 'pathlib._local' else 'pathlib._local'
    for path in list(files):
        files.append(
            rename_globals(
                path,
                path.with_suffix('.old'),
                numpy___core__multiarray='numpy.core.multiarray',
                **{stored.replace('.', '__'): other},
            )
        )
    return files


def test_plain_data_can_be_read(plain_files):
    for path in plain_files:
        found = torch.load(path)
        for key in ('scalars', 'texts', 'times', 'tables', 'dates'):
            assert found[key] == PLAIN[key]
            types = [type(value) for value in found[key]]
            assert key == 'tables' or types == [*map(type, PLAIN[key])]
        for array, expected in zip(found['arrays'], PLAIN['arrays']):
            np.testing.assert_array_equal(array, expected)
        assert [path.name for path in found['paths']] == ['b.pth'] * 3
        assert found['logs']['loss'].mean() == 0.375
        assert found['device'] == torch.device('cpu')
        assert found['config'].settings == PLAIN['config'].to_dict()
        assert isinstance(found['config'].settings, ConfigDict)


@pytest.mark.parametrize(
    'entry',
    CHECKPOINT_GLOBALS,
    ids=lambda entry: entry[1] if type(entry) is tuple else entry.__name__,
)
def test_upstream_still_needs(entry, checkpoint_file, plain_files, no_globals):
    """Every entry of the allow-list is needed."""
    others = [other for other in CHECKPOINT_GLOBALS if other != entry]
    torch.serialization.add_safe_globals(others)
    with pytest.raises(UnpicklingError):
        for path in [checkpoint_file, *plain_files]:
            torch.load(path)


@pytest.mark.parametrize(
    'payload',
    [
        Payload(defaultdict, os.getcwd),
        Payload(eval, '1'),
        Payload(np.load, 'a.npy', None, True),
        Payload(Config.fromfile, 'a.py'),
        Payload(getattr, Config, 'fromstring'),
    ],
    ids=['factory', 'eval', 'load', 'fromfile', 'getattr'],
)
def test_other_calls_are_refused(payload, tmp_path):
    torch.save({'meta': payload}, tmp_path / 'bad.pth')
    with pytest.raises(UnpicklingError, match='do not trust it') as info:
        CheckpointLoader.load_checkpoint(str(tmp_path / 'bad.pth'))
    assert 'weights_only' not in str(info.value)


def test_config_in_a_checkpoint_opens_no_file(tmp_path):
    payload = Payload(Config, {}, None, str(tmp_path / 'secret'))
    torch.save({'meta': payload}, tmp_path / 'bad.pth')
    (tmp_path / 'secret').write_text('secret')
    with pytest.raises(ValueError, match='was not read'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'bad.pth'))


def test_foreign_object_is_refused(tmp_path):
    target = tmp_path / 'made_by_the_checkpoint'
    torch.save({'meta': Payload(os.mkdir, str(target))}, tmp_path / 'bad.pth')
    with pytest.raises(UnpicklingError, match='bad.pth.*mkdir') as info:
        CheckpointLoader.load_checkpoint(str(tmp_path / 'bad.pth'))
    assert not target.exists()
    assert 'weights_only' not in str(info.value)
    assert '\n' not in str(info.value)


def test_variable_of_pytorch_does_not_trust_files(monkeypatch, tmp_path):
    target = tmp_path / 'made_by_the_checkpoint'
    bad = tmp_path / 'bad.pth'
    torch.save({'meta': Payload(os.mkdir, str(target))}, bad)
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '1')
    with pytest.raises(UnpicklingError):
        CheckpointLoader.load_checkpoint(str(bad))
    assert not target.exists()
    mmengine_checkpoint.torch.load(bad)  # upstream still does
    assert target.exists()


@pytest.mark.parametrize(
    'args',
    [(HistoryBuffer, 'register_statistics'), (np.ndarray, 'max')],
    ids=str,
)
def test_foreign_attribute_is_refused(args, tmp_path):
    torch.save({'meta': Payload(getattr, *args)}, tmp_path / 'bad.pth')
    with pytest.raises(UnpicklingError, match='do not trust the file'):
        torch.load(tmp_path / 'bad.pth')


def test_downloaded_weights_are_restricted(tmp_path):
    target = tmp_path / 'made_by_the_checkpoint'
    bad = tmp_path / 'bad.pth'
    torch.save({'meta': Payload(os.mkdir, str(target))}, bad)
    with pytest.raises(UnpicklingError, match='^checkpoint file:.*mkdir'):
        mmengine_checkpoint.load_from_http(bad.as_uri(), None, str(tmp_path))
    assert not target.exists()


def test_upstream_still_trusts_downloads(tmp_path):
    target = tmp_path / 'made_by_the_checkpoint'
    bad = tmp_path / 'bad.pth'
    torch.save({'meta': Payload(os.mkdir, str(target))}, bad)
    upstream = mmengine_checkpoint.load_url.__wrapped__
    upstream(bad.as_uri(), model_dir=str(tmp_path), progress=False)
    assert target.exists()
