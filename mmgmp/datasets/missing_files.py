# Copyright (c) mmgmp authors.
import os
from collections.abc import Iterable


def missing_files(paths: Iterable[str]) -> list[str]:
    """Files and folders that are not there, each once, in their order.

    Each folder is listed once, which on network file systems takes far less
    time than to ask for each file.
    """
    listed, missing = {}, []
    for path in dict.fromkeys(paths):
        folder, name = os.path.split(path)
        if folder not in listed:
            present = os.path.isdir(folder)
            listed[folder] = {*os.listdir(folder)} if present else set()
        if name not in listed[folder]:
            missing.append(path)
    return missing
