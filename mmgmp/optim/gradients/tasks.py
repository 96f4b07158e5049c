# Copyright (c) mmgmp authors.
"""Tasks, and the keys of their loss terms."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn

# Task name -> globs of its loss terms.
Tasks = Mapping[str, Sequence[str]]


def assign_terms(
    terms: Iterable[str], tasks: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Find the loss terms of each task.

    Args:
        terms: Keys of the loss terms.
        tasks: Task name -> globs of its loss terms, with ``*`` and ``?``.

    Returns:
        Task name -> keys, in the order of the globs.

    Raises:
        KeyError: A loss term has no task, or a task has no loss term.
        ValueError: A loss term has two tasks.

    Example:
        >>> tasks = dict(semantic=['loss_cls*'], domain=['loss_domain'])
        >>> assign_terms(['loss_cls', 'loss_domain', 'loss_cls.a'], tasks)
        {'semantic': ['loss_cls', 'loss_cls.a'], 'domain': ['loss_domain']}
    """
    terms = list(terms)
    found = {
        task: list(
            dict.fromkeys(
                term
                for glob in globs
                for term in terms
                if fnmatchcase(term, glob.replace('[', '[[]'))
            )
        )
        for task, globs in tasks.items()
    }
    for term in terms:
        owners = [task for task, keys in found.items() if term in keys]
        if len(owners) > 1:
            raise ValueError(
                f'the loss term {term!r} belongs to the tasks {owners} of '
                f'`tasks`={tasks}; change the globs so that only one matches'
            )
    named = {key for keys in found.values() for key in keys}
    if unnamed := [term for term in terms if term not in named]:
        raise KeyError(
            f'the model returns the loss terms {unnamed}, which are not in '
            f'`tasks`={tasks}; add each of them to a task'
        )
    if empty := [task for task, keys in found.items() if not keys]:
        raise KeyError(
            f'the globs of {empty} in `tasks`={tasks} match no loss term of '
            f'the model, which returns {terms}'
        )
    return found


def find_tasks(
    tasks: Tasks | None, module: nn.Module, default: Tasks | None = None
) -> Tasks:
    """Take the tasks of a model if none are given.

    Args:
        tasks: Task name -> globs, or None.
        module: The model, which may have an attribute ``loss_tasks``.
        default: Tasks of a model without this attribute.

    Raises:
        ValueError: There are no tasks.
    """
    if tasks is None:
        tasks = getattr(module, 'loss_tasks', default)
    if not tasks:
        raise ValueError(
            '`tasks` must name the loss terms of each task, such as '
            "dict(semantic=['loss_cls'], domain=['loss_domain']), because "
            f'{type(module).__name__} does not name them in an attribute '
            '`loss_tasks`'
        )
    return tasks


def order_tasks(tasks: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Order tasks by name, with ``semantic``, ``domain``, ``plain`` last.

    The order affects rounding, and rules that draw a random order. It must not
    depend on the order in a config, because MMEngine sorts a dict when it
    writes it.

    Args:
        tasks: Task name -> globs of its loss terms.

    Returns:
        The same tasks and globs.

    Example:
        >>> list(order_tasks(dict(domain=['b'], semantic=['a'], fused=['c'])))
        ['fused', 'semantic', 'domain']
    """
    last = {task: i for i, task in enumerate(('semantic', 'domain', 'plain'))}
    names = sorted(tasks, key=lambda task: (last.get(task, -1), task))
    return {task: list(tasks[task]) for task in names}


def check_tasks(tasks: Mapping[str, Sequence[str]]) -> None:
    """Check tasks without a model.

    Args:
        tasks: Task name -> globs of its loss terms.

    Raises:
        TypeError: A task has a string instead of a list of globs.
        ValueError: There are no tasks, a task has no globs, or a glob occurs
            twice.
    """
    for task, globs in tasks.items():
        if isinstance(globs, str):
            raise TypeError(
                f'`tasks` must map each task to a list of globs, got '
                f'{globs!r} for {task!r}; write [{globs!r}]'
            )
    names = [glob for globs in tasks.values() for glob in globs]
    if not tasks or not all(tasks.values()) or len({*names}) < len(names):
        raise ValueError(
            '`tasks` must map each task to at least one glob of loss terms, '
            f'and each glob may occur only once, got {tasks}'
        )
