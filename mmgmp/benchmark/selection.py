# Copyright (c) mmgmp authors.
"""Rules that select the checkpoint of a run from its validations."""

from mmgmp.evaluation.functional.prediction_scores import MAIN_METRIC

# Column of the accuracy by which methods are compared.
TARGET_METRIC = f'target/{MAIN_METRIC}'
# Scores of TargetScoreMetric, which need no target labels.
SCORES = ('iw', 'dev', 'entropy', 'im', 'snd', 'bnm')
CLASSES_USED = 'score/classes_used'
# Fraction of the classes that a checkpoint must predict on the target.
MIN_CLASSES_USED = 0.5

# Selection rule -> its name in tables.
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


def select(history: dict[str, dict], selected: int) -> dict[str, int]:
    """Apply each selection rule.

    Args:
        history: Record of :class:`TargetHistoryHook` with at least one
            validation.
        selected: Iteration of the checkpoint that is best on the source
            domains.

    Returns:
        Rule -> iteration: 'source' (the validation on the source domains),
        'last' (the end of training) and 'oracle' (the first one with the
        highest target accuracy). A run with :class:`TargetScoreMetric` also
        has each of its scores: the first iteration with the highest score
        among those that predict at least half of the classes on the target,
        or among all if none does.
    """
    iterations = sorted(map(int, history))

    def value(iteration: int, part: str, metric: str) -> float:
        return history[str(iteration)][part][metric]

    chosen = dict(
        source=selected,
        last=iterations[-1],
        oracle=max(iterations, key=lambda i: value(i, 'target', MAIN_METRIC)),
    )
    if CLASSES_USED not in history[str(iterations[0])]['source']:
        return chosen
    diverse = [
        i
        for i in iterations
        if value(i, 'source', CLASSES_USED) >= MIN_CLASSES_USED
    ]
    for score in SCORES:
        chosen[score] = max(
            diverse or iterations,
            key=lambda i: value(i, 'source', f'score/{score}'),
        )
    return chosen


def select_rows(history: dict[str, dict], selected: int) -> list[dict]:
    """Make one row for each selection rule.

    Args:
        history: See :func:`select`.
        selected: See :func:`select`.

    Returns:
        Rows with ``selection`` (the rule), ``epoch``, and the metrics as
        ``source/<metric>`` and ``target/<metric>``.
    """
    rows = []
    for rule, iteration in select(history, selected).items():
        record = history[str(iteration)]
        metrics = {
            f'{part}/{name}': value
            for part in ('source', 'target')
            for name, value in record[part].items()
        }
        rows.append(dict(selection=rule, epoch=record['epoch'], **metrics))
    return rows
