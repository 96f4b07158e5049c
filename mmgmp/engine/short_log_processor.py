# Copyright (c) mmgmp authors.
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from mmaction.registry import LOG_PROCESSORS
from mmengine.runner import LogProcessor, Runner

# Of the training: losses, accuracies, GMP's conflicts and ratios, the ratio
# of Boomda, and steps that were skipped.
SCALARS = (
    r'.*(loss|acc).*|grad_norm|skipped_steps|lr|time|data_time'
    r'|gmp/(rho|sigma|conflict)\..*|boomda/(ratio|kept)'
)
# Of DomainAccMetric: the fused accuracy in all, its mean over the classes, and
# by domain; the accuracy of each modality. Of other metrics: everything.
RESULTS = (
    r'(?!acc/[^/]+/).*|acc/all/fused/mean1'
    r'|acc/all/(?!.*_unimodal/)[^/]+/top1|acc/(?!worst/)[^/]+/fused/top1'
)


@LOG_PROCESSORS.register_module()
class ShortLogProcessor(LogProcessor):
    """Log processor whose lines hold only what one reads during training.

    The JSON log and all other backends get every scalar, as from
    :class:`mmengine.runner.LogProcessor`. In a line of the log, a training
    scalar is the mean over ``window_size`` iterations, so that the conflicts,
    which are 0 or 1, become a rate. Entries of ``custom_cfg`` are always shown
    as configured.

    Args:
        scalars: Regular expression of the training scalars in a line.
        results: Regular expression of the results of a validation or test in
            a line.
        inverse: Globs of ratios. If two scalars match, the second is about the
            inverse of the first, and only the first is in the line.
        **kwargs: Arguments of :class:`mmengine.runner.LogProcessor`.
    """

    def __init__(
        self,
        *,
        scalars: str = SCALARS,
        results: str = RESULTS,
        inverse: Sequence[str] = ('gmp/rho.*', 'gmp/sigma.*'),
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.scalars = re.compile(scalars)
        self.results = re.compile(results)
        self.inverse = tuple(inverse)
        self._in_line = False

    def get_log_after_iter(
        self, runner: Runner, batch_idx: int, mode: str
    ) -> tuple[dict, str]:
        """Collect all scalars, and format some of them as a line.

        Args:
            runner: The runner.
            batch_idx: Index of the batch.
            mode: ``'train'``, ``'val'`` or ``'test'``.

        Returns:
            The scalars, and the line.
        """
        tag, _ = super().get_log_after_iter(runner, batch_idx, mode)
        self._in_line = True
        try:
            _, line = super().get_log_after_iter(runner, batch_idx, mode)
        finally:
            self._in_line = False
        return tag, line

    def get_log_after_epoch(
        self,
        runner: Runner,
        batch_idx: int,
        mode: str,
        with_non_scalar: bool = False,
    ) -> tuple[dict, str]:
        """Collect all results, and format some of them as a line.

        Args:
            runner: The runner.
            batch_idx: Number of batches.
            mode: ``'val'`` or ``'test'``.
            with_non_scalar: Whether the results include other values than
                scalars.

        Returns:
            The results, and the line.
        """
        arguments = runner, batch_idx, mode, with_non_scalar
        tag, _ = super().get_log_after_epoch(*arguments)
        self._in_line = True
        try:
            _, line = super().get_log_after_epoch(*arguments)
        finally:
            self._in_line = False
        return tag, line

    def _collect_scalars(
        self,
        custom_cfg: list[dict],
        runner: Runner,
        mode: str,
        reserve_prefix: bool = False,
    ) -> dict:
        """Collect the scalars; for a line, only some of them."""
        tag = super()._collect_scalars(
            custom_cfg, runner, mode, reserve_prefix
        )
        if not self._in_line:
            return tag
        prefix = f'{mode}/'
        custom = {cfg.get('log_name', cfg['data_src']) for cfg in custom_cfg}
        shown = {}
        names = [key.removeprefix(prefix) for key in tag]
        left_out = self._second_of_two(names)
        pattern = self.scalars if mode == 'train' else self.results
        for (key, value), name in zip(tag.items(), names, strict=True):
            if name in custom:
                shown[key] = value
            elif pattern.fullmatch(name) and name not in left_out:
                if mode == 'train' and not name.endswith('lr'):
                    history = runner.message_hub.get_scalar(f'{prefix}{name}')
                    value = history.mean(self.window_size)
                shown[key] = value
        # The losses come first.
        first = [key for key in shown if 'loss' in key]
        return {key: shown[key] for key in dict.fromkeys([*first, *shown])}

    def _second_of_two(self, names: Sequence[str]) -> set[str]:
        """Find the scalars that another one almost determines."""
        matches = [
            [name for name in names if fnmatchcase(name, glob)]
            for glob in self.inverse
        ]
        return {found[1] for found in matches if len(found) == 2}
