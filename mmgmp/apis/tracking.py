# Copyright (c) mmgmp authors.
"""Trackers, such as TensorBoard and W&B, beside the local log."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.visualization import Visualizer

from mmgmp.dependencies import check_extra

# Backend -> its module in the extra `tracking`.
TRACKERS = dict(TensorboardVisBackend='tensorboard', WandbVisBackend='wandb')


def check_trackers(cfg: Config) -> None:
    """Check that the packages of the visualization backends are installed.

    MMEngine imports them after it has built the model.

    Args:
        cfg: Config of a run.

    Raises:
        ImportError: A package is missing. The message has the command that
            installs it.
    """
    backends = (cfg.get('visualizer') or {}).get('vis_backends') or []
    for backend in backends:
        type_ = backend.get('type')
        name = type_ if isinstance(type_, str) else type_.__name__
        name = name.rpartition('.')[2]
        if name in TRACKERS:
            check_extra(name, 'tracking', [TRACKERS[name]])


@contextmanager
def kept_open(visualizer: Visualizer) -> Iterator[None]:
    """Close a visualizer at the end of the block, not earlier.

    MMEngine closes it at the end of each training, validation and test. W&B
    then refuses the results of the test that follows.

    Args:
        visualizer: Visualizer of a runner.
    """
    visualizer.close = lambda: None
    try:
        yield
    finally:
        del visualizer.close
        visualizer.close()
