# Copyright (c) mmgmp authors.
from mmaction.registry import RUNNERS
from mmengine.config import Config
from mmengine.runner import Runner

from .config_checks import check_config
from .run_checks import check_run


def train(cfg: Config) -> Runner:
    """Train, after all checks that can be made before.

    Args:
        cfg: Config of the training.

    Returns:
        The runner after the training.

    Raises:
        ValueError: See :func:`check_config` and :func:`check_run`.
        FileNotFoundError: See :func:`check_config`.
    """
    check_config(cfg, ('train', 'val'))
    if 'runner_type' in cfg:
        runner = RUNNERS.build(cfg)
    else:
        runner = Runner.from_cfg(cfg)
    check_run(runner)
    runner.train()
    return runner
