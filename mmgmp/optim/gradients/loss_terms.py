# Copyright (c) mmgmp authors.
"""Pure functions on the terms of a loss dict and the tasks they belong to."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from torch import Tensor


def reduce_term(value: Tensor | Sequence[Tensor]) -> Tensor:
    """Scalar of one entry of a loss dict, as mmengine's ``parse_losses``.

    Args:
        value: A tensor, whose mean is taken, or a list of tensors, whose
            means are added.
    """
    if isinstance(value, Tensor):
        return value.mean()
    return sum(term.mean() for term in value)


def mean_terms(
    losses: dict[str, Tensor | Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Scalar of each entry of a loss dict, off the graph."""
    return {key: reduce_term(value).detach() for key, value in losses.items()}


def assign_terms(
    terms: Iterable[str], tasks: dict[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Find the loss terms of each task.

    Args:
        terms: Keys of the loss terms.
        tasks: Task name -> globs of its loss terms, with ``*`` and ``?``.

    Returns:
        Task name -> keys, in the order of the globs.

    Raises:
        KeyError: A loss term that no task names, or a task without any term.
        ValueError: A loss term of two tasks.
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
                f'`tasks`={tasks}; write the globs so that it has one'
            )
    named = {key for keys in found.values() for key in keys}
    if unnamed := [term for term in terms if term not in named]:
        raise KeyError(
            f'the model returns the loss terms {unnamed}, which no task of '
            f'`tasks`={tasks} names; add each of them to the task whose '
            'gradient it belongs to'
        )
    if empty := [task for task, keys in found.items() if not keys]:
        raise KeyError(
            f'the tasks {empty} of `tasks`={tasks} name no loss term that the '
            f'model returns; it returns {terms}'
        )
    return found


def group_losses(
    losses: dict[str, Tensor | Sequence[Tensor]],
    tasks: dict[str, Sequence[str]],
) -> dict[str, Tensor]:
    """Sum the terms of a loss dict task by task.

    Terms are reduced as :meth:`mmengine.model.BaseModel.parse_losses` does,
    so that the tasks add up to the loss that the stock wrapper descends.

    Args:
        losses: Output of a model in ``mode='loss'``. Keys without ``loss`` in
            them are not losses and are passed over.
        tasks: Task name -> globs of its loss terms, see
            :func:`assign_terms`.

    Returns:
        Task name -> scalar loss, in the order of ``tasks``.
    """
    terms = {
        key: reduce_term(value)
        for key, value in losses.items()
        if 'loss' in key
    }
    return {
        task: sum((terms[key] for key in keys[1:]), terms[keys[0]])
        for task, keys in assign_terms(terms, tasks).items()
    }


def order_tasks(tasks: dict[str, Sequence[str]]) -> dict[str, list[str]]:
    """Order tasks by name, and ``semantic``, ``domain``, ``plain`` last.

    The order shows in rounding and in rules that draw one. It must not be
    that of a dict in a config, which MMEngine sorts when it writes it.

    Args:
        tasks: Task name -> globs of its loss terms.

    Returns:
        The same tasks and globs.
    """
    last = {task: i for i, task in enumerate(('semantic', 'domain', 'plain'))}
    names = sorted(tasks, key=lambda task: (last.get(task, -1), task))
    return {task: list(tasks[task]) for task in names}


def check_tasks(tasks: dict[str, Sequence[str]]) -> None:
    """Refuse tasks that cannot be those of any model.

    Args:
        tasks: Task name -> globs of its loss terms.

    Raises:
        TypeError: A task with one glob where a list of globs belongs.
        ValueError: No task, a task without globs, or a glob named twice.
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
            '`tasks` must map each task to at least one glob of loss terms '
            f'and name no glob twice, got {tasks}'
        )
