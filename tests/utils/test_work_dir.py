# Copyright (c) mmgmp authors.
"""One training at a time in a work dir, and the way back to it."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmgmp.utils.checkpoints import CheckpointError
from mmgmp.utils.work_dir import LOCK, claim_work_dir, latest_checkpoint

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from mmgmp.utils.work_dir import claim_work_dir
claim = claim_work_dir(sys.argv[1], None, sys.argv[1])
print('held', flush=True)
if sys.argv[2:]:
    # A worker that outlives the training, like those of a dataloader.
    import multiprocessing
    multiprocessing.get_context('fork').Process(
        target=time.sleep, args=(60,)
    ).start()
    print('forked', flush=True)
time.sleep(60)
"""


def claim(folder):
    return claim_work_dir(str(folder), None, str(folder))


def hold(folder, *args):
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD, str(folder), *args],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in ('held', *args):
        assert process.stdout.readline()
    return process


def test_second_training_is_refused_until_the_first_is_killed(tmp_path):
    process = hold(tmp_path, 'forked')
    try:
        with pytest.raises(CheckpointError, match='used by another training'):
            claim(tmp_path)
        with pytest.raises(CheckpointError, match=f'process {process.pid} on'):
            claim(tmp_path)
        process.kill()
        process.wait()
        with claim(tmp_path):
            pass
    finally:
        os.killpg(process.pid, 9)


def test_claim_ends_and_can_be_nested(tmp_path):
    def is_free():
        context = multiprocessing.get_context('fork')
        process = context.Process(target=claim, args=(tmp_path,))
        process.start()
        process.join()
        return process.exitcode == 0

    with claim(tmp_path):
        with claim(tmp_path):
            pass
        assert not is_free()
    assert is_free()


def test_claim_of_a_lost_runner_ends(tmp_path):
    held = claim(tmp_path)
    del held
    process = hold(tmp_path)
    process.kill()
    process.wait()


def test_link_as_a_lock_is_not_followed(tmp_path):
    precious = tmp_path / 'precious'
    precious.write_text('mine')
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / LOCK).symlink_to(precious)
    with pytest.raises(CheckpointError, match='cannot be written'):
        claim(tmp_path / 'run')
    assert precious.read_text() == 'mine'


def test_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(CheckpointError, match='cannot be written'):
        claim(tmp_path / 'file' / 'run')


@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('epoch_12.pth', 'pass --resume to continue it'),
        ('iter_300.pth', 'pass --resume to continue it'),
        ('last_checkpoint', 'pass --resume to continue it'),
        ('best_acc_all_fused_top1_epoch_2.pth', 'move the file away'),
        ('summary.json', 'move the file away'),
    ],
)
def test_results_are_not_replaced(name, advice, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(CheckpointError, match=f'has {name} of .*{advice}'):
        claim(tmp_path)


def test_other_files_do_not_matter(tmp_path):
    for name in ('lock', 'gmp.py', 'target_history.json', 'weights.pth'):
        (tmp_path / name).touch()
    with claim(tmp_path):
        pass


def test_only_the_first_rank_checks(tmp_path, monkeypatch):
    process = hold(tmp_path)
    monkeypatch.setenv('RANK', '1')
    (tmp_path / 'epoch_1.pth').touch()  # of the first rank
    with claim_work_dir(str(tmp_path), None, str(tmp_path), 'pytorch'):
        pass
    (tmp_path / 'epoch_1.pth').unlink()
    monkeypatch.setenv('RANK', '0')
    with pytest.raises(CheckpointError, match='used by another'):
        claim_work_dir(str(tmp_path), None, str(tmp_path), 'pytorch')
    process.kill()
    process.wait()


def test_latest_checkpoint(tmp_path):
    assert latest_checkpoint(tmp_path / 'none') is None
    for number in (2, 10, 9):
        (tmp_path / f'epoch_{number}.pth').touch()
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_10.pth')
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_9.pth')
    assert latest_checkpoint(tmp_path) == str(tmp_path / 'epoch_9.pth')
    (tmp_path / 'last_checkpoint').write_text('/gone/epoch_3.pth')
    with pytest.raises(FileNotFoundError, match=r'resume from .*epoch_10'):
        latest_checkpoint(tmp_path)
