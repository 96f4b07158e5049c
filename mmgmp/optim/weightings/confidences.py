# Copyright (c) mmgmp authors.
import math
from collections.abc import Collection

BALANCED_TASKS = ('semantic', 'domain')


def discrepancy_ratio(confidences: dict[str, float]) -> dict[str, float]:
    """Compute the discrepancy ratio of each modality.

    The ratio is the confidence of the modality divided by the mean of the
    others, eq. 8 of `GMP <https://arxiv.org/abs/2603.14175>`_ for two
    modalities: ``rho_m = sum_i q_i^m / sum_i q_i^mbar``. The domain ratio
    ``sigma_m`` of eq. 9 is the inverse: the mean of the others divided by the
    confidence.

    Args:
        confidences: Modality -> mean (or sum) over the same samples of the
            probability of the label according to the modality alone.

    Returns:
        Modality -> ratio; 1 for a single modality.

    Example:
        >>> discrepancy_ratio(dict(video=0.75, audio=0.25))['video']
        3.0
    """
    if len(confidences) == 1:
        return dict.fromkeys(confidences, 1.0)
    # Probabilities that underflow to 0 give a large ratio, not an error.
    floor = 1e-12
    ratios = {}
    for modality, value in confidences.items():
        others = [v for m, v in confidences.items() if m != modality]
        mean = sum(others) / len(others)
        ratios[modality] = max(value, floor) / max(mean, floor)
    return ratios


class Confidences:
    """Keys of the confidences of each task in the loss dict.

    Args:
        keys: Task -> modality -> key, for tasks whose keys are not
            ``<task>_confidence.<m>``.

    Raises:
        ValueError: A task is neither ``semantic`` nor ``domain``.
    """

    def __init__(self, keys: dict[str, dict[str, str]]) -> None:
        if unknown := sorted({*keys} - {*BALANCED_TASKS}):
            raise ValueError(
                f'`confidences` has the tasks {unknown}, but only those of '
                f'{list(BALANCED_TASKS)} are modulated'
            )
        self.keys = keys

    def of_task(
        self,
        task: str,
        modalities: Collection[str],
        statistics: Collection[str],
    ) -> dict[str, str]:
        """Find the modalities that are compared in a task.

        Args:
            task: ``semantic`` or ``domain``.
            modalities: Names of the modalities whose gradients are weighted.
            statistics: Keys of the loss dict. Other modalities that have a
                confidence there are compared too.

        Returns:
            Modality -> key of its confidence.
        """
        if task in self.keys:
            return self.keys[task]
        prefix = f'{task}_confidence.'
        others = sorted(
            key.removeprefix(prefix)
            for key in statistics
            if key.startswith(prefix)
        )
        return {m: prefix + m for m in dict.fromkeys([*modalities, *others])}

    def absent(
        self,
        task: str,
        modalities: Collection[str],
        statistics: Collection[str],
    ) -> list[str]:
        """Find the confidences of a task that the model does not return.

        Args:
            task: ``semantic`` or ``domain``.
            modalities: Names of the modalities whose gradients are weighted.
            statistics: Keys of the loss dict.

        Returns:
            Their keys.
        """
        keys = self.of_task(task, modalities, statistics).values()
        return [key for key in keys if key not in statistics]

    def ratios(
        self,
        task: str,
        modalities: Collection[str],
        statistics: dict[str, float],
    ) -> dict[str, float]:
        """Compute the discrepancy ratio of each modality in one task.

        Args:
            task: ``semantic`` or ``domain``.
            modalities: Names of the modalities whose gradients are weighted.
            statistics: Key of the loss dict -> mean over the batch. Other
                modalities that have a confidence there are compared too.

        Returns:
            Modality -> ratio; 1 if all default keys of the task are absent.

        Raises:
            KeyError: Only some of the default keys are absent, or a key from
                ``keys`` is absent.
        """
        keys = self.of_task(task, modalities, statistics)
        absent = self.absent(task, modalities, statistics)
        if not absent:
            return discrepancy_ratio(
                {
                    m: math.exp(-statistics[key])
                    if 'loss' in key
                    else statistics[key]
                    for m, key in keys.items()
                }
            )
        if len(absent) < len(keys) or task in self.keys:
            raise KeyError(
                f'the model returns {sorted(statistics)} but not {absent}, '
                f'the {task} confidences: return all of them, or name others '
                'in `confidences`'
            )
        return dict.fromkeys(modalities, 1.0)
