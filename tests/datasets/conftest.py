# Copyright (c) mmgmp authors.
import shutil

import pytest

from tests.utils.media import write_hac

ROWS = {
    ('train', 'human'): [('a.mp4', 0), ('b b .mp4', 6)],
    ('test', 'human'): [('c.mp4', 1)],
    ('train', 'cartoon'): [('d.mp4', 2), ('e.mp4', 2), ('f.mp4', 2)],
    ('test', 'cartoon'): [('drinking_54 .mp4', 3), ('h.mp4', 4)],
}


@pytest.fixture(scope='session')
def clean(tmp_path_factory):
    """A small tree in the layout of HAC."""
    return write_hac(tmp_path_factory.mktemp('hac'), ROWS, num_frames=12)


@pytest.fixture
def root(clean, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(clean, tmp_path / 'hac')
