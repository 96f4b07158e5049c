# Copyright (c) mmgmp authors.
"""Reading of pickled pandas frames without pandas, and without their code.

Unpickling calls whatever the file names. Here every name that a frame may
hold stands for a class that keeps its arguments and does nothing, and any
other name is refused: no code of the file, of pandas or of NumPy is run. The
columns are then read out of what was kept.
"""

import pickle
from pathlib import Path

import numpy as np

_INT64, _OBJECT = 'i8', 'O8'


class _Record:
    """What a pickle says of an object: arguments and state."""

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
    """A class that is only named, as an argument."""


# What frames of integers and strings hold that pandas 0.20 to 2 wrote. The
# published files need the names of the first eight lines.
ADMITTED = {
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


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, path: Path) -> None:
        super().__init__(file)
        self.path = path

    def find_class(self, module: str, name: str) -> type:
        full_name = f'{module}.{name}'
        if full_name not in ADMITTED:
            raise ForbiddenGlobalError(
                f'{self.path} was not read: it names {full_name!r}, which no '
                'pickled table of integers and strings holds. The file is '
                'damaged, malicious, or no published split file'
            )
        return ADMITTED[full_name]


class ForbiddenGlobalError(ValueError):
    """A pickle names something that tables do not hold."""


def read_pickled_frame(path: str | Path) -> dict[str, list]:
    """Read a pickled pandas frame of integers and strings.

    Args:
        path: File that ``DataFrame.to_pickle`` of pandas 0.20 to 2 wrote, not
            compressed, with protocol 3 or later.

    Returns:
        Column name -> values (int or str), in the order of the columns.

    Raises:
        FileNotFoundError: If there is no such file.
        ForbiddenGlobalError: If the pickle names anything that is not part of
            such a frame. Nothing has been run then.
        ValueError: If it is no such frame otherwise.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'annotation file {path} is missing')
    with open(path, 'rb') as file:
        try:
            return _columns(_Unpickler(file, path).load())
        except ForbiddenGlobalError:
            raise
        # A broken stream of opcodes fails in as many ways as there are.
        except Exception as error:
            raise ValueError(
                f'{path} is not a pickled pandas frame of integers and '
                f'strings: {error!r}'
            ) from error


def _columns(frame: _Frame) -> dict[str, list]:
    _expect(frame, _Frame)
    manager = frame.state.get('_mgr') or frame.state.get('_data')
    _expect(manager, _Manager)
    if manager.args:  # pandas 1.3 and later
        blocks, axes = manager.args
        names = _labels(axes[0])
        located = [_located(block, names) for block in blocks]
    else:
        axes, values, items = manager.state[:3]
        names = _labels(axes[0])
        located = [(_labels(i), v) for i, v in zip(items, values)]
    columns = {}
    for block_names, values in located:
        columns.update(zip(block_names, _array(values).tolist(), strict=True))
    if len({*map(len, columns.values())}) != 1 or set(columns) != set(names):
        raise ValueError(f'columns {names}, and values of {list(columns)}')
    return {name: columns[name] for name in names}


def _located(block: _Block, names: list) -> tuple[list, _Array]:
    """Names and values of a block that holds its place among the columns."""
    _expect(block, _Block)
    values, place = block.args[:2]
    if isinstance(place, _Slice):
        return names[slice(*place.args)], values
    return [names[i] for i in _array(place)], values


def _labels(index: _Index) -> list:
    _expect(index, _Index)
    return _array(index.args[1]['data']).tolist()


def _array(record: _Array | _Buffer) -> np.ndarray:
    """Array of integers or of Python objects."""
    if isinstance(record, _Buffer):
        content, dtype, shape, order = record.args
        fortran = order == 'F'
    else:
        _expect(record, _Array)
        _, shape, dtype, fortran, content = record.state
    _expect(dtype, _DType)
    code = dtype.args[0]
    if code == _OBJECT:
        array = np.empty(len(content), object)
        array[:] = content
        if not all(isinstance(value, (str, int)) for value in content):
            raise ValueError('a column holds other than strings and integers')
        # The elements are listed row by row, whatever the order in memory.
        return array.reshape(shape)
    if code != _INT64:
        raise ValueError(f'a column has dtype {code!r}')
    order = '>' if dtype.state[1] == '>' else '<'
    array = np.frombuffer(content, np.dtype(f'{order}{_INT64}'))
    return array.reshape(shape, order='F' if fortran else 'C')


def _expect(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise ValueError(
            f'found {type(value).__name__} in the place of {kind.__name__}'
        )
