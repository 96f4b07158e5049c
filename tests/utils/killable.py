# Copyright (c) mmgmp authors.
"""Trainings in separate processes, which can be killed at any time."""

import multiprocessing
import os
import signal
import time
from multiprocessing import forkserver
from pathlib import Path

import mmengine.config.config
import mmengine.runner.runner
import torch
from mmengine.config import Config
from mmengine.runner import Runner, ValLoop

from mmgmp.apis import train_and_test
from tests.utils import toy_run

ROOT = Path(__file__).parents[2]
CONTEXT = multiprocessing.get_context('forkserver')
EVENTS = [(os, 'replace'), (os, 'remove'), (ValLoop, 'run')]


def start(target, *args):
    """Fork a process from one that has already imported this module."""
    CONTEXT.set_forkserver_preload([__name__])
    path = os.environ.get('PYTHONPATH')
    os.environ['PYTHONPATH'] = str(ROOT)
    try:
        forkserver.ensure_running()
    finally:
        if path is None:
            del os.environ['PYTHONPATH']
        else:
            os.environ['PYTHONPATH'] = path
    process = CONTEXT.Process(target=target, args=args)
    process.start()
    return process


def wait(process, timeout=120):
    """Wait for the end; return True if SIGKILL caused it."""
    process.join(timeout)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def kill_within(process, started, seconds):
    """Kill a training after some time; return True if it was running."""
    while not started.exists() and process.is_alive():
        time.sleep(0.01)
    process.join(seconds)
    process.kill()
    started.unlink(missing_ok=True)
    return wait(process)


def read(path):
    """The parts of a checkpoint that must not depend on kills."""
    checkpoint = torch.load(path, weights_only=False)
    meta = checkpoint['meta']
    info = checkpoint['message_hub']['runtime_info']
    parts = {
        key: checkpoint.get(key)
        for key in ('state_dict', 'optimizer', 'param_schedulers')
    }
    for key in ('epoch', 'iter', 'seed'):
        parts[key] = meta[key]
    for key in info.keys() & {'best_score', 'keep_ckpt_ids'}:
        parts[key] = info[key]
    return parts


def results(work_dir):
    """Name -> content of all checkpoints that a training left."""
    assert not list(work_dir.glob('.*.tmp'))
    return {path.name: read(path) for path in work_dir.glob('*.pth')}


def equal(first, second):
    """Whether nested tensors are bitwise equal."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(
            equal(first[key], second[key]) for key in first
        )
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


def _prepare():
    """Skip what takes most of the time of a short run."""
    torch.set_num_threads(1)
    mmengine.config.config.FormatCode = lambda text, **_: (text, True)
    mmengine.runner.runner.collect_env = dict


def train_config(cfg, started):
    """Train, select and test; touch a file when training starts."""
    _prepare()
    loop_run = Runner.train

    def train(runner):
        started.touch()
        return loop_run(runner)

    Runner.train = train
    train_and_test(Config(cfg))


def train_toy(work_dir, options, last_event=None, count=None):
    """Train the toy, and kill the process at an event of :data:`EVENTS`."""
    _prepare()
    events = []

    def watch(owner, name):
        original = getattr(owner, name)

        def call(*args, **kwargs):
            events.append(name)
            if len(events) == last_event:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(owner, name, call)

    cfg = toy_run.toy_cfg(work_dir, **options)
    cfg.resume = True
    runner = toy_run.toy_runner(cfg)
    for event in [*EVENTS, (type(runner.model), 'train_step')]:
        watch(*event)
    runner.train()
    hook = next(h for h in runner.hooks if hasattr(h, 'best_ckpt_path'))
    Path(work_dir, 'selected').write_text(Path(hook.best_ckpt_path).name)
    if count is not None:
        count.value = len(events)
