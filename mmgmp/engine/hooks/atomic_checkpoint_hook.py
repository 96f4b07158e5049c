# Copyright (c) mmgmp authors.
import os.path as osp
from collections.abc import Iterable
from contextlib import ExitStack

from mmaction.registry import HOOKS
from mmengine.dist import is_main_process, master_only
from mmengine.fileio import LocalBackend, get_file_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop

from mmgmp.utils.atomic_local_backend import (
    AtomicLocalBackend,
    remove_partial_files,
)
from mmgmp.utils.work_dir import LAST, claim_work_dir, latest_checkpoint

from ..resumed_paths import OUTDATED, take_over
from .loaded_checkpoint_hook import LoadedCheckpointHook

# Entry of the message hub, which is part of a checkpoint: iteration of the
# last validation.
VALIDATED = 'last_validated_iter'


@HOOKS.register_module()
class AtomicCheckpointHook(LoadedCheckpointHook, CheckpointHook):
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
    * A work dir may be moved or copied, and belongs to one training: another
      one is refused. A run that resumes from a checkpoint in another folder
      copies the best checkpoint from there, and changes no file there.
    * Loaded checkpoints are checked, see :class:`LoadedCheckpointHook`.

    The arguments are those of :class:`mmengine.hooks.CheckpointHook`.
    """

    backend_args: dict | None
    last_ckpt: str | None
    _claim: ExitStack | None = None
    _is_new = True

    def before_run(self, runner: Runner) -> None:
        """Find the latest checkpoint, and reserve the work dir.

        Args:
            runner: Runner of the training, validation or test.

        Raises:
            ValueError: The work dir has another training.
            FileNotFoundError: The latest checkpoint is gone.
        """
        if (
            not isinstance(runner._train_loop, BaseLoop)
            or not self._is_new
            or not self._is_local(runner)
        ):
            return
        folder = self._folder(runner)
        if runner._resume and runner._load_from is None:
            runner._load_from = latest_checkpoint(runner.work_dir, folder)
            runner._resume = runner._load_from is not None
        source = runner._load_from if runner._resume else None
        self._claim = claim_work_dir(runner.work_dir, source, folder)
        if is_main_process():
            remove_partial_files(folder)

    def after_run(self, runner: Runner) -> None:
        """Release the work dir.

        Args:
            runner: Runner of the training, validation or test.
        """
        if self._claim is not None:
            self._claim.close()
            self._claim = None

    def before_train(self, runner: Runner) -> None:
        """Complete the work of a run that was killed.

        Args:
            runner: Runner of the training.
        """
        if self._is_local(runner):
            if self.backend_args is None and self.file_client_args is None:
                self.backend_args = dict(backend='atomic_local')
            if runner._resume and self._is_new:
                take_over(runner, self._folder(runner))
            self._is_new = False
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
                self.last_ckpt, osp.join(runner.work_dir, LAST)
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

    def _folder(self, runner: Runner) -> str:
        """Return the folder that the stock hook will choose."""
        if self.out_dir in (None, runner.work_dir):
            return runner.work_dir
        return osp.join(self.out_dir, osp.basename(runner.work_dir))

    def _is_local(self, runner: Runner) -> bool:
        backend = get_file_backend(self.out_dir or runner.work_dir)
        return type(backend) is LocalBackend

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
