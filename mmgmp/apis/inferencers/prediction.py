# Copyright (c) mmgmp authors.
from collections.abc import Sequence

from mmaction.structures import ActionDataSample

UNIMODAL = '_unimodal'


def to_dict(
    sample: ActionDataSample, classes: Sequence[str], topk: int
) -> dict:
    """Give the scores of a file by class name, in plain Python types.

    Args:
        sample: Prediction with ``pred_score`` (branch -> (K,)), ``filename``
            and ``missing``.
        classes: The K class names.
        topk: Number of classes that are given, the best of ``fused``.

    Returns:
        ``filename``, ``missing`` (modality -> reason) and ``classes``, best
        first: dicts of ``name``, ``label`` (class index) and ``scores``
        (branch -> score in [0, 1]).
    """
    scores = {b: score.tolist() for b, score in sample.pred_score.items()}
    order = sorted(range(len(classes)), key=lambda k: -scores['fused'][k])
    return dict(
        filename=sample.filename,
        missing=dict(sample.missing),
        classes=[
            dict(
                name=classes[k],
                label=k,
                scores={branch: score[k] for branch, score in scores.items()},
            )
            for k in order[:topk]
        ],
    )


def format_prediction(prediction: dict) -> str:
    """Draw a prediction as a table, in percent.

    Args:
        prediction: What :func:`to_dict` gives.

    Returns:
        Lines: the file, the reason for each missing modality, and a row for
        each class with the fused score and that of each modality alone.
    """
    rows = prediction['classes']
    branches = [b for b in rows[0]['scores'] if not b.endswith(UNIMODAL)]
    width = max(len(name) for name in ['score (%)', *names(rows)])
    lines = [prediction['filename']]
    lines += [f'no {m}: {why}' for m, why in prediction['missing'].items()]
    lines.append(
        'score (%)'.ljust(width) + ''.join(f'{b:>8}' for b in branches)
    )
    for row in rows:
        values = [f'{100 * row["scores"][b]:8.1f}' for b in branches]
        lines.append(row['name'].ljust(width) + ''.join(values))
    return '\n'.join(lines)


def names(rows: Sequence[dict]) -> list[str]:
    """Class names of the rows of a prediction."""
    return [row['name'] for row in rows]


def captions(sample: ActionDataSample, classes: Sequence[str]) -> list[str]:
    """Best class of all modalities together and of each alone, to be drawn.

    Args:
        sample: See :func:`to_dict`.
        classes: The K class names.

    Returns:
        A short line for each, and one for each missing modality.
    """
    lines = []
    for branch, score in sample.pred_score.items():
        if not branch.endswith(UNIMODAL):
            best = int(score.argmax())
            percent = 100 * float(score[best])
            lines.append(f'{branch}: {classes[best]} {percent:.0f}%')
    return lines + [f'no {modality}' for modality in sample.missing]
