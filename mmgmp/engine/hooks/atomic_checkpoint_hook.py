# Copyright (c) mmgmp authors.
import os.path as osp
from collections.abc import Iterable

from mmaction.registry import HOOKS
from mmengine.dist import is_main_process, master_only
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

# Entries of the message hub, which is part of a checkpoint: iteration of the
# last validation; paths of checkpoints that this one replaces.
VALIDATED = 'last_validated_iter'
OUTDATED = 'outdated_ckpts'


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """Write checkpoints that survive a kill, with unchanged model selection.

    Differences from :class:`mmengine.hooks.CheckpointHook`:

    * Files, including ``last_checkpoint``, are written atomically
      (:class:`~mmgmp.utils.AtomicLocalBackend`), unless the checkpoints go to
      another storage or ``backend_args`` is set.
    * An outdated checkpoint, including the previous best one, is removed only
      after its replacement exists. If a kill prevents the removal, the
      resumed run does it.
    * A checkpoint is saved before the validation of its epoch. If a kill
      prevents that validation, the resumed run does it first, so the best
      checkpoint and schedulers that depend on a metric are the same.

    The arguments are those of :class:`mmengine.hooks.CheckpointHook`.
    """

    backend_args: dict | None
    last_ckpt: str | None

    def before_train(self, runner: Runner) -> None:
        """Complete the work of a run that was killed.

        Args:
            runner: Runner of the training.
        """
        backend = get_file_backend(self.out_dir or runner.work_dir)
        if (
            self.backend_args is None
            and self.file_client_args is None
            and type(backend) is LocalBackend
        ):
            self.backend_args = dict(backend='atomic_local')
        super().before_train(runner)
        self._candidates: list[str] = []
        self._warn_of_lost_gradients(runner)
        if runner.iter == 0:
            return
        info = runner.message_hub.runtime_info
        self._remove(runner, info.get(OUTDATED, ()))
        # Without it, the stock hook would save the state after a validation
        # only if this run has already saved a checkpoint.
        self.last_ckpt = self.last_ckpt or info.get('last_ckpt')
        hooks = [h for h in runner.hooks if isinstance(h, CheckpointHook)]
        if (
            self is hooks[-1]  # all of them are ready now
            and runner.val_loop is not None
            and info.get(VALIDATED) != runner.iter
            and _validates_now(runner.train_loop)
        ):
            runner.logger.info(
                f'Validating iteration {runner.iter}, because the interrupted '
                'run did not complete or record this validation'
            )
            runner.val_loop.run()

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint.

        Args:
            runner: Runner of the training.
            metrics: Results of the validation.
        """
        runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict
    ) -> None:
        """Save, update ``last_checkpoint``, then remove outdated files."""
        hub = runner.message_hub
        if self.max_keep_ckpts > 0:
            kept = self.keep_ckpt_ids
            if step not in kept:
                if len(kept) == self.max_keep_ckpts:
                    self._candidates.append(self._path(kept.popleft()))
                kept.append(step)
            hub.update_info('keep_ckpt_ids', list(kept))
        self.last_ckpt = self._path(step)
        hub.update_info('last_ckpt', self.last_ckpt)
        hub.update_info(OUTDATED, self._outdated(runner, self._candidates))
        runner.save_checkpoint(
            self.out_dir,
            self.filename_tmpl.format(step),
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            AtomicLocalBackend().put_text(
                self.last_ckpt, osp.join(runner.work_dir, 'last_checkpoint')
            )
        self._remove(runner, self._candidates)
        self._candidates = []

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint, then remove the previous best one."""
        if not self.save_best:
            return
        previous = self._best_paths(runner)
        # The stock hook removes the paths that it knows before it saves.
        self._set_best_paths(dict.fromkeys(previous))
        self._candidates += filter(None, previous.values())
        super()._save_best_checkpoint(runner, metrics)
        self._set_best_paths(self._best_paths(runner))
        self._remove(runner, self._candidates)
        self._candidates = []

    def _best_paths(self, runner: Runner) -> dict[str, str | None]:
        """Return the path of the best checkpoint for each metric."""
        info = runner.message_hub.runtime_info
        if len(self.key_indicators) == 1:
            return {self.key_indicators[0]: info.get('best_ckpt')}
        return {
            key: info.get(f'best_ckpt_{key}') for key in self.key_indicators
        }

    def _set_best_paths(self, paths: dict[str, str | None]) -> None:
        if len(paths) == 1:
            (self.best_ckpt_path,) = paths.values()
        else:
            self.best_ckpt_path_dict = paths

    def _path(self, step: int) -> str:
        return self.file_backend.join_path(
            self.out_dir, self.filename_tmpl.format(step)
        )

    def _outdated(self, runner: Runner, paths: Iterable[str]) -> list[str]:
        """Select the checkpoints that are not the best."""
        best = self._best_paths(runner).values() if self.save_best else ()
        return [path for path in paths if path not in best]

    @master_only
    def _remove(self, runner: Runner, paths: Iterable[str]) -> None:
        """Remove the checkpoints that are not the best."""
        for path in self._outdated(runner, paths):
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):  # DeepSpeed
                self.file_backend.rmtree(path)

    def _warn_of_lost_gradients(self, runner: Runner) -> None:
        """Warn if checkpoints may interrupt a gradient accumulation."""
        counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if self.by_epoch:
            period, name = len(runner.train_dataloader), 'iterations per epoch'
        else:
            period, name = self.interval, '`interval` of the checkpoints'
        if period % counts:
            runner.logger.warning(
                f'`accumulative_counts` {counts} of `optim_wrapper` does not '
                f'divide the {name}, {period}: a checkpoint in the middle of '
                'an accumulation lacks the accumulated gradients, so resuming '
                'from it is not exact. Set `accumulative_counts` to a '
                'divisor, or change the batch size or the interval'
            )


def _validates_now(loop: BaseLoop) -> bool:
    """Check whether a loop of MMEngine validates at this iteration."""
    if isinstance(loop, IterBasedTrainLoop):
        step, last = loop.iter, loop.max_iters
    elif isinstance(
        loop, EpochBasedTrainLoop
    ) and loop.iter == loop.epoch * len(loop.dataloader):
        step, last = loop.epoch, loop.max_epochs
    else:
        return False
    loop._decide_current_val_interval()
    return step >= loop.val_begin and (
        step % loop.val_interval == 0 or step == last
    )
