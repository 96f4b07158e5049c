# Copyright (c) mmgmp authors.
"""Read a config file, with errors that name the file and the line."""

from pathlib import Path

from mmengine.config import Config

from .mistakes import is_ours, traceback_entries


def read_config_file(path: str | Path) -> Config:
    """Read a config file.

    Args:
        path: The file. Its code is run.

    Returns:
        The config.

    Raises:
        FileNotFoundError: The file, or one that it inherits from, does not
            exist.
        ValueError: The file cannot be read, or its code fails. The message
            names the file and the line.
    """
    if Path(path).is_dir():
        raise ValueError(f'config {path} is a folder: pass a file')
    if not Path(path).is_file():
        raise FileNotFoundError(f'config {path} does not exist')
    try:
        return Config.fromfile(path)
    except RecursionError as error:
        raise ValueError(_circle(error)) from None
    except SyntaxError as error:
        file = [str(path), *_files(error)][-1]
        raise ValueError(
            f'{file}, line {error.lineno}: {error.msg}'
        ) from error
    except Exception as error:
        # The code of the configs calls functions of mmgmp, whose errors name
        # the flag.
        if is_ours(traceback_entries(error)[-1].tb_frame):
            raise
        raise _reading_error(path, error) from error


def _reading_error(path: str | Path, error: Exception) -> Exception:
    """Say which file and line an exception comes from."""
    if isinstance(error.__cause__, ImportError):
        return ValueError(
            f'{path}: `custom_imports`: {error.__cause__}; install the '
            'module, or add its folder to PYTHONPATH'
        )
    text = error.args[0] if isinstance(error, KeyError) else error
    lines = [
        f'{entry.tb_frame.f_code.co_filename}, line {entry.tb_lineno}'
        for entry in traceback_entries(error)
        if entry.tb_frame.f_code.co_name == '<module>'
        and entry.tb_frame.f_globals.keys() & {'_base_', 'LazyObject'}
    ]
    if lines:
        return ValueError(f'{lines[-1]}: {type(error).__name__}: {text}')
    files = [str(path), *_files(error)]
    if isinstance(error, FileNotFoundError):
        # The last file is the missing one.
        return FileNotFoundError(f'`_base_` of {files[-2]}: {text}')
    return ValueError(f'{files[-1]}: {text}')


def _files(error: BaseException) -> list[str]:
    """List the config files that were being read, from the outermost."""
    files: list[str] = []
    for entry in traceback_entries(error):
        code = entry.tb_frame.f_code
        if code.co_filename.endswith('mmengine/config/config.py'):
            file = str(entry.tb_frame.f_locals.get('filename'))
            if code.co_name in ('_file2dict', '_parse_lazy_import'):
                files.append(file)
    return files


def _circle(error: RecursionError) -> str:
    """Describe configs that inherit from each other."""
    files = list(dict.fromkeys(_files(error)))[-4:]
    return (
        'configs inherit from each other in a circle by `_base_`: '
        f'{" -> ".join([*files, files[0]])}; if --dataset is the config of a '
        'method, pass that of a data set'
    )
