# Copyright (c) mmgmp authors.
"""Rules that choose the checkpoint of a run, from its validations."""

from mmgmp.evaluation import MAIN_METRIC

# Scores of TargetScoreMetric, which need no labels of the target.
SCORES = ('iw', 'dev', 'entropy', 'im', 'snd', 'bnm')
CLASSES_USED = 'score/classes_used'
# Share of the classes that a checkpoint must predict for the target.
LEAST_CLASSES = 0.5


def select(history: dict[str, dict], selected: int) -> dict[str, int]:
    """Apply each rule of selection.

    Args:
        history: Record of :class:`TargetHistoryHook`, of at least one
            validation.
        selected: Iterations after which the weights were saved that are best
            on the source domains.

    Returns:
        Rule -> iterations: 'source' (the validation of the source domains),
        'last' (the end of training), 'oracle' (the first with the highest
        accuracy on the target) and, of a run with
        :class:`TargetScoreMetric`, each of its scores (the first with the
        highest, among those that predict at least half of the classes for the
        target, if there are any).
    """
    iterations = sorted(map(int, history))

    def value(iteration: int, part: str, metric: str) -> float:
        return history[str(iteration)][part][metric]

    chosen = dict(
        source=selected,
        last=iterations[-1],
        oracle=max(iterations, key=lambda i: value(i, 'target', MAIN_METRIC)),
    )
    metrics = history[str(iterations[0])]['source']
    if CLASSES_USED not in metrics:
        return chosen
    diverse = [
        i
        for i in iterations
        if value(i, 'source', CLASSES_USED) >= LEAST_CLASSES
    ]
    for score in SCORES:
        chosen[score] = max(
            diverse or iterations,
            key=lambda i: value(i, 'source', f'score/{score}'),
        )
    return chosen
