# Copyright (c) mmgmp authors.
"""Which checkpoint a run goes on from, and in which folder."""

import json

import pytest
import torch

from mmgmp.benchmark import attempt
from mmgmp.benchmark.attempt import (
    choose_folder,
    find_start,
    remove_checkpoints,
)


def save(folder, name, weight=1.0, **info):
    torch.save(
        dict(
            meta=dict(iter=3),
            state_dict=dict(weight=torch.tensor(weight)),
            optimizer={},
            message_hub=dict(runtime_info=dict(outdated_ckpts=[], **info)),
        ),
        folder / name,
    )


def test_last_one(tmp_path):
    assert find_start(tmp_path) == (None, '')
    for epoch in (2, 10, 9):
        save(tmp_path, f'epoch_{epoch}.pth')
    torch.save(dict(state_dict={}), tmp_path / 'best_acc_epoch_11.pth')
    # A path of another machine does not matter.
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/epoch_2.pth')
    assert find_start(tmp_path) == (tmp_path / 'epoch_10.pth', '')


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ('damage', 'reason'),
    [
        (cut, 'is not a complete checkpoint'),
        (lambda path: path.write_bytes(b''), 'is not a complete checkpoint'),
        (lambda path: torch.save({}, path), 'is not a complete checkpoint'),
        (
            lambda path: save(path.parent, path.name, torch.nan),
            'has weights that are not finite',
        ),
        (
            lambda path: save(path.parent, path.name, -torch.inf),
            'has weights that are not finite',
        ),
        (
            lambda path: save(path.parent, path.name, best_ckpt='gone.pth'),
            'lacks its best checkpoint gone.pth',
        ),
        (
            lambda path: save(path.parent, path.name, last_validated_iter=3),
            'lacks its validations in target_history.json',
        ),
    ],
)
def test_damaged_last_one(tmp_path, damage, reason):
    save(tmp_path, 'epoch_3.pth')
    save(tmp_path, 'epoch_4.pth')
    damage(tmp_path / 'epoch_4.pth')
    data = (tmp_path / 'epoch_4.pth').read_bytes()
    assert find_start(tmp_path) == (
        tmp_path / 'epoch_3.pth',
        f'epoch_4.pth {reason}: went on from epoch_3.pth',
    )
    assert (tmp_path / 'epoch_4.pth.unusable').read_bytes() == data
    # It is said once.
    assert find_start(tmp_path) == (tmp_path / 'epoch_3.pth', '')


def test_damaged_best_one(tmp_path):
    best = tmp_path / 'best_acc_epoch_1.pth'
    best.write_bytes(b'half')
    save(tmp_path, 'epoch_2.pth', best_ckpt=str(best))
    assert find_start(tmp_path) == (
        None,
        'epoch_2.pth has a damaged best checkpoint best_acc_epoch_1.pth: '
        'started anew',
    )
    assert not best.exists()
    assert len(list(tmp_path.glob('*.unusable'))) == 2
    remove_checkpoints(tmp_path)
    assert not list(tmp_path.iterdir())


def test_history_of_the_validations(tmp_path):
    save(tmp_path, 'epoch_2.pth', last_validated_iter=6)
    (tmp_path / 'target_history.json').write_text(json.dumps({'6': {}}))
    assert find_start(tmp_path).checkpoint == tmp_path / 'epoch_2.pth'


def test_error_of_the_system(tmp_path, monkeypatch):
    """A disk that does not answer says nothing about the checkpoint."""
    save(tmp_path, 'epoch_2.pth')

    def load(*args, **kwargs):
        raise OSError(5, 'Input/output error')

    monkeypatch.setattr(attempt.torch, 'load', load)
    with pytest.raises(OSError, match='Input/output'):
        find_start(tmp_path)
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_folder_of_a_version(tmp_path):
    for version in ('a', 'b', 'a', 'c', 'b'):
        folder = choose_folder(tmp_path, version)
        name = '' if version == 'a' else f'version_{version}'
        assert folder == tmp_path / name
    (tmp_path / 'attempt.json').write_text('{"ver')
    assert choose_folder(tmp_path, 'a') == tmp_path / 'version_a'


def test_stock_checkpoint_before_its_validation(tmp_path):
    """A stock hook would not repeat the validation after iteration 3."""
    save(tmp_path, 'epoch_3.pth')
    stock = torch.load(tmp_path / 'epoch_3.pth')
    stock['message_hub']['runtime_info'].clear()
    torch.save(stock, tmp_path / 'epoch_3.pth')
    history = tmp_path / 'target_history.json'
    history.write_text(json.dumps({'3': {}}))
    assert find_start(tmp_path).checkpoint == tmp_path / 'epoch_3.pth'
    history.write_text(json.dumps({'2': {}}))
    assert find_start(tmp_path) == (
        None,
        'epoch_3.pth lacks its validations in target_history.json: started '
        'anew',
    )


def test_files_of_the_user(tmp_path):
    names = ('mine.pth', 'best.pth', 'epoch_1_copy.pth', 'notes.pth.unusable')
    for name in names:
        (tmp_path / name).write_text('mine')
    for name in (
        'epoch_3.pth',
        'best_acc_epoch_2.pth',
        'epoch_1.pth.unusable',
    ):
        (tmp_path / name).write_text('of the run')
    assert find_start(tmp_path).checkpoint is None
    remove_checkpoints(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*names}
