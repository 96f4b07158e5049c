# Copyright (c) mmgmp authors.
"""Find the classes that a config names, and what they do with arguments."""

import dis
import inspect
from collections.abc import Iterator

from mmaction import registry

from mmgmp.registry import WEIGHTINGS

REGISTRIES = (
    registry.MODELS,
    registry.DATASETS,
    registry.TRANSFORMS,
    registry.DATA_SAMPLERS,
    registry.HOOKS,
    registry.LOOPS,
    registry.LOG_PROCESSORS,
    registry.METRICS,
    registry.OPTIM_WRAPPERS,
    registry.OPTIMIZERS,
    WEIGHTINGS,
    registry.PARAM_SCHEDULERS,
    registry.VISUALIZERS,
    registry.VISBACKENDS,
)


def walk(path: str, node: object) -> Iterator[tuple[str, object]]:
    """Yield everything inside a config, with its key.

    Args:
        path: Key of ``node``.
        node: A value of the config.
    """
    yield path, node
    items: Iterator = iter(())
    if isinstance(node, dict):
        items = iter(node.items())
    elif isinstance(node, (list, tuple)):
        items = iter(enumerate(node))
    for key, child in items:
        yield from walk(f'{path}.{key}' if path else str(key), child)


def find_types(type_: object) -> list:
    """Find the classes or functions that a ``type`` of a config names.

    Args:
        type_: Name, with or without a scope, or the class itself.

    Returns:
        What the registries have under that name, usually one.
    """
    if not isinstance(type_, str):
        return [type_]
    found = [known.get(type_) for known in REGISTRIES]
    return list(dict.fromkeys(x for x in found if x is not None))


def ignores_argument(cls: object, name: str) -> bool:
    """Whether a class takes an argument in a ``**kwargs`` that it never uses.

    Args:
        cls: The class.
        name: Name of the argument.
    """
    for base in inspect.getmro(cls) if inspect.isclass(cls) else ():
        init = vars(base).get('__init__')
        if init is None:
            continue
        if not inspect.isfunction(init):
            return False
        parameters = inspect.signature(init).parameters.values()
        if name in [parameter.name for parameter in parameters]:
            return False
        rest = [p.name for p in parameters if p.kind is p.VAR_KEYWORD]
        if not rest:
            return False
        used = {
            variable
            for instruction in dis.get_instructions(init)
            if instruction.opname.startswith('LOAD')
            for variable in (
                instruction.argval
                if isinstance(instruction.argval, tuple)
                else (instruction.argval,)
            )
        }
        if rest[0] not in used:
            return True
    return False
