# Copyright (c) mmgmp authors.
"""Convert the pickled split files of EPIC-Kitchens to CSV files.

A file such as ``D1_train.pkl`` is converted to ``D1_train.csv`` with the same
columns, which ``EPICKitchensDataset`` reads.

Unpickling calls any function that a file names. Here, each name that a pickled
pandas frame may contain is replaced with a class that only stores its
arguments. All other names are rejected, so no code of the file, of pandas or
of NumPy runs. The columns are then read from the stored arguments.
"""

import argparse
import csv
import pickle
import sys
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from mmgmp.utils.csv_cells import guard_row

_INT64, _OBJECT = 'i8', 'O8'


class _Record:
    """Arguments and state of a pickled object."""

    args: tuple

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args, self.state = args, None
        return self

    def __init__(self, *args) -> None:
        pass

    def __setstate__(self, state) -> None:
        self.state = state


class _Frame(_Record):
    pass


class _Manager(_Record):
    pass


class _Block(_Record):
    pass


class _Index(_Record):
    pass


class _Array(_Record):
    pass


class _Buffer(_Record):
    pass


class _DType(_Record):
    pass


class _Slice(_Record):
    pass


class _Name(_Record):
    """A class that occurs only as an argument."""


_T = TypeVar('_T', bound=_Record)
# Names in frames of integers and strings that pandas 0.20 to 2 wrote. The
# published files need the names of the first eight lines.
ADMITTED: dict[str, type[_Record]] = {
    'pandas.core.frame.DataFrame': _Frame,
    'pandas.core.internals.managers.BlockManager': _Manager,
    'pandas.core.indexes.base._new_Index': _Index,
    'pandas.core.indexes.base.Index': _Name,
    'pandas.core.indexes.range.RangeIndex': _Name,
    'numpy.core.multiarray._reconstruct': _Array,
    'numpy.ndarray': _Name,
    'numpy.dtype': _DType,
    'numpy._core.multiarray._reconstruct': _Array,
    'pandas.core.internals.BlockManager': _Manager,
    'pandas._libs.internals._unpickle_block': _Block,
    'pandas.core.indexes.numeric.Int64Index': _Name,
    'numpy.core.numeric._frombuffer': _Buffer,
    'numpy._core.numeric._frombuffer': _Buffer,
    'builtins.slice': _Slice,
}


class ForbiddenGlobalError(ValueError):
    """A pickle contains a name that a table does not need."""


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__(file)
        self.path = path

    def find_class(self, module: str, name: str) -> type:
        full_name = f'{module}.{name}'
        if full_name not in ADMITTED:
            raise ForbiddenGlobalError(
                f'{self.path} was not read: it contains the name '
                f'{full_name!r}, which a table of integers and strings does '
                'not need. The file is damaged, malicious, or not a published '
                'split file'
            )
        return ADMITTED[full_name]


def read_pickled_frame(path: str | Path) -> dict[str, list]:
    """Read a pickled pandas frame of integers and strings.

    Args:
        path: File that ``DataFrame.to_pickle`` of pandas 0.20 to 2 wrote,
            uncompressed, with protocol 3 or later.

    Returns:
        Column name -> values (int or str), in the order of the columns.

    Raises:
        FileNotFoundError: If the file is missing.
        ForbiddenGlobalError: If the pickle contains a name that such a frame
            does not need. No code has been run then.
        ValueError: If the file is not such a frame for another reason.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'annotation file {path} is missing')
    with open(path, 'rb') as file:
        try:
            return _columns(_Unpickler(file, path).load())
        except ForbiddenGlobalError:
            raise
        # A broken stream of opcodes can raise any error.
        except Exception as error:
            raise ValueError(
                f'{path} is not a pickled pandas frame of integers and '
                f'strings: {error!r}'
            ) from error


def _columns(frame: object) -> dict[str, list]:
    state = _expect(frame, _Frame).state
    manager = _expect(state.get('_mgr') or state.get('_data'), _Manager)
    if manager.args:  # pandas 1.3 and later
        blocks, axes = manager.args
        names = _labels(axes[0])
        located = [_located(block, names) for block in blocks]
    else:
        axes, values, items = manager.state[:3]
        names = _labels(axes[0])
        located = [(_labels(i), v) for i, v in zip(items, values)]
    columns: dict[str, list] = {}
    for block_names, values in located:
        columns.update(zip(block_names, _array(values).tolist(), strict=True))
    if len({*map(len, columns.values())}) != 1 or set(columns) != set(names):
        raise ValueError(f'columns {names}, but values of {list(columns)}')
    return {name: columns[name] for name in names}


def _located(block: object, names: list) -> tuple[list, object]:
    """Read the names and values of a block with column positions."""
    values, place = _expect(block, _Block).args[:2]
    if isinstance(place, _Slice):
        return names[slice(*place.args)], values
    return [names[i] for i in _array(place)], values


def _labels(index: object) -> list:
    return _array(_expect(index, _Index).args[1]['data']).tolist()


def _array(record: object) -> np.ndarray:
    """Read an array of integers or of Python objects."""
    if isinstance(record, _Buffer):
        content, dtype, shape, order = record.args
        fortran = order == 'F'
    else:
        state = _expect(record, _Array).state
        _, shape, dtype, fortran, content = state
    dtype = _expect(dtype, _DType)
    code = dtype.args[0]
    if code == _OBJECT:
        array = np.empty(len(content), object)
        array[:] = content
        if not all(isinstance(value, (str, int)) for value in content):
            raise ValueError('a column has other than strings and integers')
        # Elements are listed row by row, whatever the order in memory.
        return array.reshape(shape)
    if code != _INT64:
        raise ValueError(f'a column has dtype {code!r}')
    order = '>' if dtype.state[1] == '>' else '<'
    array = np.frombuffer(content, np.dtype(f'{order}{_INT64}'))
    return array.reshape(shape, order='F' if fortran else 'C')


def _expect(value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise ValueError(
            f'expected {kind.__name__}, found {type(value).__name__}'
        )
    return value


def write_csv(path: Path, columns: dict[str, list]) -> None:
    """Write columns of equal length as a CSV file with a header.

    Text that a spreadsheet would run as a formula is quoted, see
    :func:`~mmgmp.utils.csv_cells.guard_cell`.
    """
    with open(path, 'w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file, lineterminator='\n')
        writer.writerow(columns)
        writer.writerows(map(guard_row, zip(*columns.values())))


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Convert the pickled split files of EPIC-Kitchens to CSV '
        'files, without running any code that they contain.'
    )
    parser.add_argument(
        'folder', type=Path, help='MM-SADA_Domain_Adaptation_Splits'
    )
    parser.add_argument(
        '--out', type=Path, help='folder for the CSV files (default: the same)'
    )
    return parser.parse_args()


def main() -> None:
    """Convert the files of a folder."""
    args = parse_args()
    out = args.out or args.folder
    paths = sorted(args.folder.glob('D[123]_*.pkl'))
    if not paths:
        sys.exit(f'{args.folder} has no file such as D1_train.pkl')
    out.mkdir(parents=True, exist_ok=True)
    for path in paths:
        try:
            columns = read_pickled_frame(path)
        except ValueError as error:
            sys.exit(str(error))
        target = out / f'{path.stem}.csv'
        write_csv(target, columns)
        print(f'{target}: {len(next(iter(columns.values())))} rows')


if __name__ == '__main__':
    main()
