# Copyright (c) mmgmp authors.
"""Tell mistakes of the user from bugs, and report the former in one line."""

import dis
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from types import FrameType, TracebackType

from mmengine.registry import Registry

from .suggestion import suggest as suggest_similar

PACKAGE = Path(__file__).parents[1]
MISTAKES = (
    ValueError,
    TypeError,
    KeyError,
    AssertionError,
    ImportError,
    OSError,
    SyntaxError,
    FloatingPointError,
    UnpicklingError,
)
# What Python says about wrong arguments of a call.
WRONG_ARGUMENTS = re.compile(
    r'\(\) (got|missing|takes) .*argument|argument after \*\*'
)
# Their constructors fail on a wrong value in a config, with any exception.
LIBRARIES = ('mmaction', 'mmcv', 'mmengine', 'mmpretrain', 'torch')
RAISE = dis.opmap['RAISE_VARARGS']
UNKNOWN_TYPE = re.compile(r'(\S+) is not in the (.+?) registry\.')
# Classes and arguments that clones from before the first release have.
RENAMED = {
    'LoadVideo': "it is now dict(type='OpenVideo', in_memory=True)",
    'SelectFrames': 'it is now DecodeFrames',
    'AmpGMPOptimWrapper': 'use GMPOptimWrapper with amp=True',
    'eval_order': 'ReleasedConcatFusion has it',
    'train_discriminator': 'False is now ReleasedUnimodalDomainAdversarial',
    'random_init': 'ReleasedMultimodalBackbone has it',
}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Report a mistake of the user in one line on stderr.

    The exit status is then 2. Other exceptions keep their traceback, see
    :func:`is_mistake`.
    """
    try:
        yield
    except Exception as error:
        if not is_mistake(error):
            raise
        tool = Path(sys.argv[0]).name
        print(f'{tool}: error: {describe(error)}', file=sys.stderr)
        sys.exit(2)


def is_mistake(error: BaseException) -> bool:
    """Decide whether an exception reports a mistake of the user.

    A check finds a mistake, and reports it by a ``raise``. If the interpreter
    raises an exception, as for ``None + 1``, it is a bug, except for wrong
    arguments in a config, also if a constructor of OpenMMLab or PyTorch fails
    on them. In a loop of training or evaluation, only the checks of mmgmp
    count, because the code of a user's model may raise anything.

    Args:
        error: An exception that was raised.
    """
    return _is_checked(error) or _failed_class(error) is not None


def _is_checked(error: BaseException) -> bool:
    """Whether a check found the mistake, so that the text explains it."""
    entries = traceback_entries(error)
    if not entries:
        return False
    frame, instruction = entries[-1].tb_frame, entries[-1].tb_lasti
    raised = frame.f_code.co_code[instruction] == RAISE
    if not isinstance(error, MISTAKES):
        return raised and _is_builder(frame)
    ours = is_ours(frame) or type(error).__module__.startswith('mmgmp.')
    if any(_is_loop(entry.tb_frame) for entry in entries) and not ours:
        return False
    if isinstance(error, AssertionError):
        return bool(str(error)) and not ours
    if isinstance(error, TypeError) and WRONG_ARGUMENTS.search(str(error)):
        return frame.f_code.co_name == '__init__' or _is_builder(frame)
    if isinstance(error, (ValueError, TypeError, KeyError)):
        return raised or isinstance(error, UnicodeError)
    return True


def _failed_class(error: BaseException) -> type | None:
    """Find the class of a library whose constructor failed on a config.

    Returns:
        None if something else failed, or code of another origin.
    """
    entries = traceback_entries(error)
    calls = [
        index
        for index, entry in enumerate(entries)
        if entry.tb_frame.f_code.co_name == 'build_from_cfg'
    ]
    if not calls or any(_is_loop(entry.tb_frame) for entry in entries):
        return None
    builder, *constructor = entries[calls[-1] :]
    cls = builder.tb_frame.f_locals.get('obj_cls')
    if constructor and all(map(_of_library, constructor)):
        return cls if inspect.isclass(cls) else None
    return None


def _of_library(entry: TracebackType) -> bool:
    name = entry.tb_frame.f_globals.get('__name__', '')
    return name.partition('.')[0] in LIBRARIES


def traceback_entries(error: BaseException) -> list[TracebackType]:
    """List the traceback of an exception, from the outermost call."""
    entries = []
    entry = error.__traceback__
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    return entries


def is_ours(frame: FrameType) -> bool:
    """Whether a frame runs code of this package."""
    return PACKAGE in Path(frame.f_code.co_filename).parents


def _is_loop(frame: FrameType) -> bool:
    in_file = frame.f_code.co_filename.endswith('mmengine/runner/loops.py')
    return in_file and frame.f_code.co_name != '__init__'


def _is_builder(frame: FrameType) -> bool:
    return frame.f_code.co_filename.endswith(
        ('mmengine/registry/build_functions.py', 'mmengine/runner/runner.py')
    )


def describe(error: BaseException) -> str:
    """Format a mistake in one line, with what could be meant.

    Args:
        error: An exception that was raised.
    """
    text = str(error)
    if isinstance(error, KeyError) and len(error.args) == 1:
        text = str(error.args[0])  # `str` puts it in quotes
    if 'Original Traceback' in text:  # of a worker of a dataloader
        text = text.strip().splitlines()[-1].partition(': ')[2]
    builders = [
        entry.tb_frame.f_locals
        for entry in traceback_entries(error)
        if entry.tb_frame.f_code.co_name == 'build_from_cfg'
    ]
    if builders and (match := UNKNOWN_TYPE.search(text)):
        name, registry = match.groups()
        known = registered_types(builders[-1]['registry'])
        text = f'there is no type {name!r} in the registry {registry}'
        text += suggest(name.rpartition('.')[2], known)
    elif not _is_checked(error) and (cls := _failed_class(error)):
        text = f'cannot build {cls.__name__}: {type(error).__name__}: {text}'
    elif builders and isinstance(error, TypeError):
        text = _name_class(text, builders[-1].get('obj_cls'))
    return ' '.join(text.split()) or type(error).__name__


def _name_class(text: str, cls: object) -> str:
    """Add the class that a config names, and arguments that it takes."""
    called = text.partition('.')[0]
    names = (
        [c.__name__ for c in inspect.getmro(cls)]
        if inspect.isclass(cls)
        else []
    )
    # Other calls in a constructor, as of DataLoader in that of a loop.
    if called in names or '(' not in text:
        if match := re.search(r"unexpected keyword argument '(\w+)'", text):
            text += suggest(match[1], accepted_arguments(cls))
        if called != names[0]:
            text = f'{names[0]}: {text}'
    return text


def suggest(name: str, known: Iterable[str]) -> str:
    """Format a hint for a name that does not exist, or an empty string.

    Args:
        name: The name.
        known: Names that exist.
    """
    if name in RENAMED:
        return f': {RENAMED[name]}'
    return suggest_similar(name, known)


def accepted_arguments(cls: object) -> list[str]:
    """List the named arguments of a class, with those of its bases."""
    names: dict[str, None] = {}
    for base in inspect.getmro(cls) if inspect.isclass(cls) else ():
        if inspect.isfunction(init := vars(base).get('__init__')):
            names.update(dict.fromkeys(inspect.signature(init).parameters))
    return [name for name in names if name not in ('self', 'args', 'kwargs')]


def registered_types(registry: Registry | None) -> list[str]:
    """List the types of a registry and of those that it inherits from.

    Args:
        registry: The registry.
    """
    names: list[str] = []
    while registry is not None:
        registry.import_from_location()
        names += registry.module_dict
        registry = registry.parent
    return names
