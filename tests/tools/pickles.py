# Copyright (c) mmgmp authors.
"""Pickles that name classes and functions without importing them."""

import io
import pickle
from typing import Any

import numpy as np


class Global:
    """A class or a function, known only by its name."""

    def __init__(self, module: str, name: str) -> None:
        self.names = module, name


class Object:
    """An object that is described by the call that creates it.

    Args:
        function: Function or class that creates the object.
        args: Arguments of the function.
        state: State that the object is given afterwards, if not None.
        opcode: ``pickle.REDUCE``, a call, or ``pickle.NEWOBJ``.
    """

    def __init__(
        self,
        function: Global,
        args: tuple = (),
        state: Any = None,
        opcode: bytes = pickle.REDUCE,
    ) -> None:
        self.function, self.args = function, args
        self.state, self.opcode = state, opcode


class _Pickler(pickle._Pickler):
    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        if not isinstance(obj, (Global, Object)) or id(obj) in self.memo:
            super().save(obj, save_persistent_id)
        elif isinstance(obj, Global):
            for name in obj.names:
                self.save(name)
            self.write(pickle.STACK_GLOBAL)
            self.memoize(obj)
        else:
            self.save(obj.function)
            self.save(obj.args)
            self.write(obj.opcode)
            self.memoize(obj)
            if obj.state is not None:
                self.save(obj.state)
                self.write(pickle.BUILD)


def dumps(obj: Any) -> bytes:
    """Pickle an object that contains such names and objects."""
    file = io.BytesIO()
    _Pickler(file, protocol=4).dump(obj)
    return file.getvalue()


def pickled_frame(rows: list[dict]) -> bytes:
    """Pickle of a frame as pandas 0.25 wrote it, without pandas.

    Args:
        rows: Column name -> value, integers and strings.
    """
    return dumps(frame(rows))


def frame(rows: list[dict]) -> Object:
    """Frame as pandas 0.25 pickled it: blocks of integers and of objects."""
    kinds = [
        [name for name, value in rows[0].items() if isinstance(value, kind)]
        for kind in (int, str)
    ]
    blocks = [array([[row[n] for row in rows] for n in k]) for k in kinds]
    span = Object(
        Global('pandas.core.indexes.base', '_new_Index'),
        (
            Global('pandas.core.indexes.range', 'RangeIndex'),
            dict(name=None, start=0, stop=len(rows), step=1),
        ),
    )
    names = [*rows[0]]
    axes = [index(names), span]
    places = [array([names.index(name) for name in kind]) for kind in kinds]
    newer = dict(
        axes=axes,
        blocks=[
            dict(values=block, mgr_locs=place)
            for block, place in zip(blocks, places)
        ],
    )
    manager = Object(
        Global('pandas.core.internals.managers', 'BlockManager'),
        (),
        (axes, blocks, [index(kind) for kind in kinds], {'0.14.1': newer}),
        pickle.NEWOBJ,
    )
    return Object(
        Global('pandas.core.frame', 'DataFrame'),
        (),
        dict(_data=manager, _typ='dataframe', _metadata=[]),
        pickle.NEWOBJ,
    )


def index(names: list[str]) -> Object:
    """Index of names."""
    return Object(
        Global('pandas.core.indexes.base', '_new_Index'),
        (
            Global('pandas.core.indexes.base', 'Index'),
            dict(data=array(names), name=None),
        ),
    )


def array(values: list) -> Object:
    """Array of integers or strings as NumPy 1 pickled it."""
    values = np.array(values)
    if np.issubdtype(values.dtype, np.integer):
        code, order, flags = 'i8', '<', 0
        content = values.astype('<i8').tobytes()
    else:
        code, order, flags = 'O8', '|', 63
        content = values.ravel().tolist()
    dtype = Object(
        Global('numpy', 'dtype'),
        (code, 0, 1),
        (3, order, None, None, None, -1, -1, flags),
    )
    return Object(
        Global('numpy.core.multiarray', '_reconstruct'),
        (Global('numpy', 'ndarray'), (0,), b'b'),
        (1, values.shape, dtype, False, content),
    )
