# Copyright (c) mmgmp authors.
"""Files are written completely, and no other file is touched."""

import errno
import os

import pytest

from mmgmp.utils import AtomicLocalBackend
from mmgmp.utils.atomic_local_backend import remove_partial_files


def test_full_disk_is_named_and_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / 'epoch_1.pth'
    AtomicLocalBackend().put(b'old', path)

    def fill(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', fill)
    with pytest.raises(OSError, match=r'No space left .*epoch_1\.pth'):
        AtomicLocalBackend().put(b'new', path)
    assert path.read_bytes() == b'old'
    assert [p.name for p in tmp_path.iterdir()] == ['epoch_1.pth']


@pytest.mark.parametrize('name', ['epoch_1.pth', 'epoch_1.pth.tmp'])
def test_links_are_not_followed(name, tmp_path):
    precious = tmp_path / 'precious'
    precious.write_bytes(b'mine')
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / name).symlink_to(precious)
    path = tmp_path / 'run/epoch_1.pth'
    AtomicLocalBackend().put(b'new', path)
    assert precious.read_bytes() == b'mine'
    assert path.read_bytes() == b'new'
    assert not path.is_symlink()


def test_file_that_looks_temporary_is_kept(tmp_path):
    other = tmp_path / 'epoch_1.pth.tmp'
    other.write_bytes(b'mine')
    AtomicLocalBackend().put(b'new', tmp_path / 'epoch_1.pth')
    remove_partial_files(tmp_path)
    assert other.read_bytes() == b'mine'


def test_rights_are_those_of_a_new_file(tmp_path):
    (tmp_path / 'usual').touch()
    AtomicLocalBackend().put(b'new', tmp_path / 'file')
    modes = [(tmp_path / n).stat().st_mode for n in ('usual', 'file')]
    assert modes[0] == modes[1]
