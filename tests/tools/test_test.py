# Copyright (c) mmgmp authors.
"""The command line of tools/test.py."""

import json
from pathlib import Path

import mmengine
import pytest
import torch

from tests.utils.leaves import leaf_path
from tests.utils.prediction import save_model

TOOL = Path(__file__).parents[2] / 'tools/test.py'


@pytest.fixture
def test(run_tool, tiny_mini_hac, tmp_path, capsys):
    """Exit status and stderr of a call in this process."""
    options = [
        f'test_dataloader.dataset.data_root='
        f'{tiny_mini_hac["test_dataloader.dataset.data_root"]}',
        *(
            f'test_dataloader.dataset.spec.{key}={value}'
            for key, value in tiny_mini_hac[
                'test_dataloader.dataset.spec'
            ].items()
        ),
        'test_dataloader.dataset.indices=2',
    ]

    def run(method, checkpoint, *more):
        args = [leaf_path(method), checkpoint, '--work-dir', tmp_path / 'run']
        args += more
        try:
            run_tool(TOOL, *args, '--cfg-options', *options)
        except SystemExit as stopped:
            return stopped.code, capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


def test_checkpoint_of_the_same_model(test, tmp_path):
    save_model(tmp_path / 'model.pth')
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run/erm.py').write_text('# of the training')
    (tmp_path / 'run/summary.json').write_text('of the training')
    # The objectives of DANN are not needed.
    dump = tmp_path / 'of_test.pkl'
    assert test('erm', tmp_path / 'model.pth', '--dump', dump)[0] == 0
    assert (tmp_path / 'run/erm.py').read_text() == '# of the training'
    assert (tmp_path / 'run/summary.json').read_text() == 'of the training'
    (folder,) = tmp_path.glob('run/2*/')
    summary = json.loads((folder / 'summary.json').read_text())
    assert summary['evaluation']['target']['cartoon']['clips'] == 2
    assert summary['checkpoint'] == 'model.pth'
    beside = tmp_path / 'of_test_summary.json'
    assert json.loads(beside.read_text()) == summary
    assert (folder / 'confusion_target.png').is_file()
    assert len(mmengine.load(dump)) == 2


@pytest.mark.parametrize(
    ('file', 'dump', 'words'),
    [
        ('a_summary.json', 'a.pkl', 'a_summary.json, which exists'),
        ('a.pkl', 'a.pkl', 'a.pkl, which exists'),
        ('a', 'a/b.pkl', 'cannot be written'),
    ],
)
def test_dump_that_cannot_be_written(test, tmp_path, file, dump, words):
    (tmp_path / file).write_text('of the user')
    status, err = test('erm', 'model.pth', '--dump', tmp_path / dump)
    assert status == 2
    assert words in err
    assert err.count('\n') == 1
    assert (tmp_path / file).read_text() == 'of the user'


def test_checkpoint_of_another_model(test, tmp_path):
    save_model(tmp_path / 'model.pth')
    status, err = test('boomda', tmp_path / 'model.pth')
    assert status == 2
    assert err.count('\n') == 1
    assert 'test.py: error: checkpoint' in err
    assert '12 missing: neck' in err


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is damaged or not a checkpoint'),
        (b'<html>404</html>', 'is damaged or not a checkpoint'),
        ({}, 'has no weights under `state_dict`'),
        (None, 'is a folder: pass a file in it'),
    ],
)
def test_no_checkpoint(content, message, test, tmp_path):
    path = tmp_path / 'model.pth'
    if content is None:
        path.mkdir()
    elif isinstance(content, dict):
        torch.save(content, path)
    else:
        path.write_bytes(content)
    status, err = test('erm', path)
    assert status == 2
    assert message in err
    assert 'weights_only' not in err
    assert err.count('\n') == 1
