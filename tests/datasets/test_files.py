# Copyright (c) mmgmp authors.
"""Files are found by a name in either Unicode form."""

import unicodedata

import pytest

from mmgmp.datasets.files import Folders, missing_files

NAME = 'Bär/café 1.mp4'
NFC, NFD = (unicodedata.normalize(form, NAME) for form in ('NFC', 'NFD'))


@pytest.mark.parametrize('stored', [NFC, NFD])
@pytest.mark.parametrize('listed', [NFC, NFD])
def test_either_form(tmp_path, stored, listed):
    path = tmp_path / stored
    path.parent.mkdir()
    path.touch()
    assert Folders().find(tmp_path, listed) == str(path)


def test_exact_name_comes_first(tmp_path):
    for name in (NFC, NFD):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in (NFC, NFD):
        assert Folders().find(tmp_path, name) == str(tmp_path / name)


def test_missing_files(tmp_path):
    (tmp_path / 'a').touch()
    paths = [str(tmp_path / name) for name in ('b', 'a', 'x/a', 'b', NFC)]
    assert missing_files(paths) == [paths[0], paths[2], paths[4]]
    assert Folders().find(tmp_path, NFC) == paths[4]
