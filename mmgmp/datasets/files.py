# Copyright (c) mmgmp authors.
"""Find the files of a data set with few queries to the file system."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


class Folders:
    """Names in folders, each of which is listed once.

    On network file systems, this is much faster than a query for each file.
    """

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def names(self, folder: str) -> set[str]:
        """List a folder; one that does not exist has no names."""
        if folder not in self._names:
            present = os.path.isdir(folder)
            self._names[folder] = {*os.listdir(folder)} if present else set()
        return self._names[folder]

    def find(self, folder: Path, name: str) -> str:
        """Get the path of a file below a folder.

        Letters such as ``é`` have two Unicode forms (NFC and NFD), and copying
        between systems may change the form of a file name. If there is no
        file of this name, one whose name has the other form is taken.

        Args:
            folder: Folder.
            name: Name of the file, with its folders below ``folder``.
        """
        path = folder
        for part in PurePosixPath(name).parts:
            if not part.isascii():
                names = self.names(str(path))
                if part not in names:
                    same = [n for n in names if nfc(n) == nfc(part)]
                    part = same[0] if same else part
            path = path / part
        return str(path)


def nfc(text: str) -> str:
    """Normalize text to the Unicode form NFC."""
    return unicodedata.normalize('NFC', text)


def missing_files(paths: Iterable[str]) -> list[str]:
    """Find the files and folders that do not exist, each once, in order."""
    folders = Folders()
    return [
        path
        for path in dict.fromkeys(paths)
        if os.path.basename(path) not in folders.names(os.path.dirname(path))
    ]
