# Copyright (c) mmgmp authors.
import json
import time
from pathlib import Path

from mmaction.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.seeding import generator_states, set_generator_states


@HOOKS.register_module()
class TargetHistoryHook(Hook):
    """Test on the target after each validation, for logging only.

    A benchmark uses the results to compare selection rules: the last weights,
    the best on the source domains, and the best on the target (the oracle).
    Training does not use the results, and the hook restores the random
    generators, so the weights equal those of a run without the hook.

    ``<work_dir>/target_history.json`` maps the number of completed iterations
    to ``epoch`` (completed epochs), ``source`` and ``target`` (metrics of
    validation and test) and ``seconds`` (wall time of training so far,
    including earlier interrupted attempts). A resumed run extends the file.
    """

    # After EMAHook, which has restored the trained weights by then and swaps
    # them again for the test. Before AtomicCheckpointHook, which stores that
    # the validation is complete: a kill during the test repeats both.
    priority = 80
    filename = 'target_history.json'

    def __init__(self) -> None:
        self.history: dict[str, dict] | None = None
        self._has_ended = False

    def before_train(self, runner: Runner) -> None:
        """Read the history of an interrupted run.

        Args:
            runner: Runner of the training.

        Raises:
            ValueError: The history is damaged.
        """
        self._has_ended = False
        path = Path(runner.work_dir, self.filename)
        try:
            recorded = json.loads(path.read_text()) if path.is_file() else {}
            self.history = {
                iteration: record
                for iteration, record in recorded.items()
                if int(iteration) <= runner.iter
            }
            before = [record['seconds'] for record in self.history.values()]
        except (ValueError, AttributeError, KeyError, TypeError):
            raise ValueError(
                f'{path} is damaged: restore it, or move it away and start '
                'the training anew'
            ) from None
        self._start = time.perf_counter() - max(before, default=0)

    def after_train(self, runner: Runner) -> None:
        """Stop recording, because later validations are not part of training.

        Args:
            runner: Runner of the training.
        """
        self._has_ended = True
        self.history = None

    def after_val_epoch(
        self, runner: Runner, metrics: dict | None = None
    ) -> None:
        """Test, and write the history.

        Args:
            runner: Runner of the training.
            metrics: Results of the validation.
        """
        if self._has_ended or not isinstance(runner._train_loop, BaseLoop):
            return
        assert self.history is not None
        states = generator_states()
        target = runner.test_loop.run()
        set_generator_states(states)
        self.history[str(runner.iter)] = dict(
            epoch=runner.epoch,
            source=metrics,
            target=target,
            seconds=round(time.perf_counter() - self._start, 2),
        )
        if is_main_process():
            AtomicLocalBackend().put_text(
                json.dumps(self.history, indent=1, default=float),
                Path(runner.work_dir, self.filename),
            )
