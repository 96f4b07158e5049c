# Copyright (c) mmgmp authors.
"""Check the files and folders that a config names."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mmaction.registry import DATASETS
from mmengine.config import Config

from mmgmp.datasets.mini_hac import MiniHACDataset
from mmgmp.utils.config_types import walk


def check_pretrained(cfg: Config) -> None:
    """Check that the files with pre-trained weights exist.

    Args:
        cfg: Config with a ``model``.

    Raises:
        FileNotFoundError: A file does not exist. URLs are not checked.
    """
    for path, node in walk('model', cfg.model):
        if not isinstance(node, dict):
            continue
        if node.get('type') == 'Pretrained':
            check_file(f'{path}.checkpoint', node.get('checkpoint'))
        files = node.get('pretrained')
        if not isinstance(files, dict):
            files = {'': files}
        for name, file in files.items():
            if isinstance(file, str) and not Path(file).suffix:
                continue  # a name that the model knows, such as 'ViT-B/16'
            check_file(f'{path}.pretrained.{name}'.strip('.'), file)


def check_file(key: str, file: object) -> None:
    """Check that a file exists.

    Args:
        key: Key of the file in the config.
        file: Path, or a URL or None, which are not checked.

    Raises:
        FileNotFoundError: There is no such file.
    """
    if not isinstance(file, str) or '://' in file:
        return
    if not Path(file).expanduser().is_file():
        raise FileNotFoundError(
            f'`{key}`: {file!r} does not exist or is not a file'
        )


def check_data_files(cfg: Config, part: str) -> None:
    """Check the folders and the annotation files of the datasets of a part.

    Args:
        cfg: The config.
        part: 'train', 'val' or 'test'.

    Raises:
        FileNotFoundError: A file or folder does not exist.
    """
    for path, dataset in _datasets(cfg, part):
        _check_data_files(path, dataset)


def _datasets(cfg: Config, part: str) -> Iterator[tuple[str, dict]]:
    """Yield the configs of the datasets of a part, without wrappers."""
    loader = cfg.get(f'{part}_dataloader')
    for path, node in walk(f'{part}_dataloader', loader):
        if path.endswith(('.pipeline', '.transforms')):
            continue
        if isinstance(node, dict) and {'data_root', 'ann_file'} & {*node}:
            yield path, node


def _check_data_files(path: str, dataset: dict) -> None:
    if dataset.get('backend_args') or dataset.get('file_client_args'):
        return  # the files may be anywhere
    root = dataset.get('data_root') or ''
    type_ = dataset.get('type')
    cls = DATASETS.get(type_) if isinstance(type_, str) else type_
    generated = inspect.isclass(cls) and issubclass(cls, MiniHACDataset)
    if not isinstance(root, (str, Path)) or generated or '://' in str(root):
        return
    if root and not Path(root).is_dir():
        raise FileNotFoundError(
            f'`{path}.data_root`: the folder {str(root)!r} does not exist'
        )
    file = dataset.get('ann_file')
    if not isinstance(file, str) or not file or '://' in file:
        return
    if not Path(root, file).exists():
        raise FileNotFoundError(
            f'`{path}.ann_file`: {str(Path(root, file))!r} does not exist'
        )


def check_folder(key: str, folder: str | Path) -> None:
    """Check that files can be written to a folder, which is created.

    Args:
        key: Name of the folder for the message.
        folder: The folder.

    Raises:
        ValueError: The folder cannot be created or written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b'0' * 4096)
            file.flush()
    except OSError as error:
        raise ValueError(
            f'`{key}`: the folder {str(folder)!r} cannot be written: '
            f'{error.strerror}; choose another one (--work-dir)'
        ) from error
