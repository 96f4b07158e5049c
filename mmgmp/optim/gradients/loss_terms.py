# Copyright (c) mmgmp authors.
"""Terms of a loss dict, and the tasks to which they belong."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from mmgmp.utils.collectives import average_scalars


def reduce_term(value: Tensor | Sequence[Tensor]) -> Tensor:
    """Reduce an entry of a loss dict as MMEngine's ``parse_losses`` does.

    Args:
        value: A tensor or a list of tensors.

    Returns:
        Mean of the tensor, or sum of the means of the list.
    """
    if isinstance(value, Tensor):
        return value.mean()
    return functools.reduce(torch.add, [term.mean() for term in value])


def mean_terms(
    losses: Mapping[str, Tensor | Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Reduce each entry of a loss dict to a scalar without a graph."""
    return {key: reduce_term(value).detach() for key, value in losses.items()}


class StatisticsMean:
    """Mean of named scalars over micro-batches and ranks."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, statistics: Mapping[str, Tensor]) -> None:
        """Add the statistics of one micro-batch.

        Args:
            statistics: Name -> scalar batch mean; the same names each time.
        """
        self._count += 1
        for name, value in statistics.items():
            self._sums[name] = self._sums.get(name, 0) + value

    def pop(self) -> dict[str, Tensor]:
        """Return the means since the last call, by name."""
        sums, count = self._sums, self._count
        self._sums, self._count = {}, 0
        average_scalars(sums)
        return {name: value / count for name, value in sums.items()}


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


def group_losses(
    losses: Mapping[str, Tensor | Sequence[Tensor]],
    tasks: Mapping[str, Sequence[str]],
) -> dict[str, Tensor]:
    """Sum the terms of a loss dict for each task.

    Terms are reduced as in :meth:`mmengine.model.BaseModel.parse_losses`, so
    the sum over tasks is the loss that the stock wrapper minimizes.

    Args:
        losses: Output of a model in ``mode='loss'``. Keys without ``loss``
            are ignored.
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
