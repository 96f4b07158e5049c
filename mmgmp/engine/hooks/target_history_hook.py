# Copyright (c) mmgmp authors.
import json
import time
from pathlib import Path

from mmaction.registry import HOOKS
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmgmp.utils.atomic_local_backend import AtomicLocalBackend
from mmgmp.utils.seeding import generator_states, set_generator_states


@HOOKS.register_module()
class TargetHistoryHook(Hook):
    """Test on the target after each validation, for the record alone.

    A benchmark compares rules of selection by it: the last weights, those
    that are best on the source domains, and those that are best on the target
    (the oracle). Nothing in training sees the results, and the random
    generators are put back, so that the weights are those of a run without
    the hook.

    ``<work_dir>/target_history.json`` maps the number of finished iterations
    to ``epoch`` (finished epochs), ``source`` and ``target`` (the metrics of
    validation and test) and ``seconds`` (wall time of training up to then,
    with that of the interrupted attempts that the run was resumed from). A
    resumed run goes on with the file.
    """

    # After EMAHook, which has put the trained weights back by then and
    # exchanges them again for the test.
    priority = 'LOWEST'
    filename = 'target_history.json'

    def __init__(self) -> None:
        self._is_training = False

    def before_train(self, runner: Runner) -> None:
        """Read what an interrupted run has recorded.

        Args:
            runner: Runner of the training.
        """
        path = Path(runner.work_dir, self.filename)
        self._is_training = True
        recorded = json.loads(path.read_text()) if path.is_file() else {}
        self.history = {
            iteration: record
            for iteration, record in recorded.items()
            if int(iteration) <= runner.iter
        }
        before = (record['seconds'] for record in self.history.values())
        self._start = time.perf_counter() - max(before, default=0)

    def after_train(self, runner: Runner) -> None:
        """End the record: later validations are no part of the training.

        Args:
            runner: Runner of the training.
        """
        self._is_training = False

    def after_val_epoch(
        self, runner: Runner, metrics: dict | None = None
    ) -> None:
        """Test and write the record.

        Args:
            runner: Runner of the training.
            metrics: Results of the validation.
        """
        if not self._is_training:
            return
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
