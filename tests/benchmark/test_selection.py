# Copyright (c) mmgmp authors.
"""Each selection rule on a history of three validations."""

from mmgmp.benchmark.selection import (
    SCORES,
    SELECTIONS,
    select,
    select_rows,
)

ACCURACY = 'acc/all/fused/top1'


def history(**scores):
    """Validations after iterations 9, 10 and 11, which sort as numbers."""
    return {
        str(iteration): dict(
            source={f'score/{name}': row[i] for name, row in scores.items()},
            target={ACCURACY: target},
        )
        for i, (iteration, target) in enumerate(
            [(9, 0.5), (10, 0.7), (11, 0.7)]
        )
    }


def test_rules_without_scores():
    assert select(history(), selected=9) == dict(source=9, last=11, oracle=10)


def test_highest_score_is_chosen():
    scores = dict.fromkeys(SCORES, (1, 1, 2))
    scores.update(iw=(0.2, 0.3, 0.3), dev=(-0.1, -0.3, -0.2))
    chosen = select(history(classes_used=(1, 1, 1), **scores), selected=10)
    assert chosen['iw'] == 10 and chosen['dev'] == 9
    assert {chosen[name] for name in ('entropy', 'im', 'snd', 'bnm')} == {11}
    assert set(chosen) == set(SELECTIONS)


def test_collapsed_checkpoints_are_left_out():
    scores = dict.fromkeys(SCORES, (1, 2, 3))
    chosen = select(history(classes_used=(1, 0.5, 0.4), **scores), 9)
    assert {chosen[name] for name in SCORES} == {10}
    chosen = select(history(classes_used=(0.1, 0.2, 0.4), **scores), 9)
    assert {chosen[name] for name in SCORES} == {11}


def test_one_row_per_rule():
    def record(epoch, accuracy):
        metric = {'acc/all/fused/top1': accuracy}
        return dict(epoch=epoch, source=metric, target=metric)

    history = {'90': record(9, 0.5), '100': record(10, 0.4)}
    history['80'] = record(8, 0.5)
    rows = select_rows(history, 100)
    assert [(r['selection'], r['epoch']) for r in rows] == [
        ('source', 10),
        ('last', 10),
        ('oracle', 8),
    ]
    assert rows[2]['source/acc/all/fused/top1'] == 0.5
