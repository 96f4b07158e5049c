# Copyright (c) mmgmp authors.
"""What a comparison is made from, and its checks."""

from collections.abc import Mapping, Sequence
from numbers import Real

# Rule by which the epoch of a run was chosen -> its name in print.
SELECTIONS = dict(
    source='selected by source validation',
    last='last epoch',
    oracle='oracle: selected on the target, not a fair result',
    iw='selected by importance-weighted source validation',
    dev='selected by deep embedded validation',
    entropy='selected by the entropy on the unlabelled target',
    im='selected by information maximization on the unlabelled target',
    snd='selected by soft neighborhood density on the unlabelled target',
    bnm='selected by the batch nuclear norm on the unlabelled target',
)

# Target -> seed -> score, a fraction.
Runs = Mapping[str, Mapping[int, float]]


def distinct(name: str, values: Sequence) -> tuple:
    """Values as a tuple.

    Raises:
        TypeError: A string stands for a list of them.
        ValueError: There is none, or one twice.
    """
    if isinstance(values, str):
        raise TypeError(f'`{name}` must be a list, got {values!r}')
    if not values or len(set(values)) < len(values):
        raise ValueError(
            f'`{name}` must hold different values, at least one, got {values}'
        )
    return tuple(values)


def check_scores(
    scores: Mapping[str, Runs],
    targets: tuple[str, ...],
    seeds: tuple[int, ...],
    baseline: str | None,
    selection: str,
    failures: Mapping[str, Sequence[tuple[str, int, str]]],
    chance: float | None,
) -> None:
    """Refuse scores that cannot be compared.

    The arguments are those of :func:`mmgmp.benchmark.comparison.compare`.

    Raises:
        TypeError: A score is not a number.
        ValueError: There is no method, a label, target, seed or selection is
            unknown, a name is not one line, a score is not within 0 and 1, or
            a run has two results.
    """
    if not scores:
        raise ValueError('`scores` must hold at least one method, got none')
    for name in (*scores, *targets):
        if not isinstance(name, str) or len(name.splitlines()) != 1:
            raise ValueError(
                'names of methods and targets must be one line of text, got '
                f'{name!r}'
            )
    if selection not in SELECTIONS:
        raise ValueError(
            f'`selection` must be one of {[*SELECTIONS]}, got {selection!r}'
        )
    unknown = [x for x in (baseline, *failures) if x not in (*scores, None)]
    if unknown:
        raise ValueError(
            f'`baseline` or `failures` name {unknown}, which are not among '
            f'the methods of `scores`, {[*scores]}'
        )
    if chance is not None:
        _check_score('`chance`', chance)
    for label, runs in scores.items():
        found = [(t, s) for t in runs for s in runs[t]]
        for target, seed in found:
            run = f'{label!r}, target {target!r}, seed {seed!r}'
            _check_score(f'the score of {run}', runs[target][seed])
        for failure in failures.get(label, ()):
            if len(failure) != 3 or not failure[2]:
                raise ValueError(
                    f'`failures` of {label!r} must be (target, seed, reason) '
                    f'with a reason, got {failure!r}'
                )
            found.append(tuple(failure[:2]))
        for run in found:
            if run[0] not in targets or run[1] not in seeds:
                raise ValueError(
                    f'{label!r} has a run of target and seed {run}, which is '
                    f'not expected: targets {targets}, seeds {seeds}'
                )
            if found.count(run) > 1:
                raise ValueError(
                    f'{label!r} has more than one result of target and seed '
                    f'{run}: give its score or one failure'
                )


def _check_score(name: str, score: float) -> None:
    if isinstance(score, bool) or not isinstance(score, Real):
        raise TypeError(f'{name} must be a number, got {score!r}')
    if not 0 <= score <= 1:
        raise ValueError(
            f'{name} must be a fraction from 0 to 1, got {score}: divide '
            'percent by 100, and list a run without a score as a failure'
        )
