# Copyright (c) mmgmp authors.
"""If a rank dies, the others end instead of waiting."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch.distributed as dist
from mmengine.model import MMDistributedDataParallel

from tests.optim.test_gmp_optim_wrapper import make_wrapper
from tests.optim.toy import ToyModel, make_batch
from tests.utils.killable import start
from tests.utils.leaves import read_leaf

ROOT = Path(__file__).parents[2]
LIMIT = 60  # seconds

DYING_HOOK = """
import os
import signal

import pytest
from mmaction.registry import HOOKS
from mmengine.hooks import Hook


@HOOKS.register_module()
class DyingHook(Hook):
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if os.environ['RANK'] == '1' and runner.iter == 1:
            open(os.environ['DEATH_FILE'], 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
"""


def free_port():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]


def run_rank(rank, folder):
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/init', rank=rank, world_size=2
    )
    model = ToyModel()
    ddp = MMDistributedDataParallel(model, broadcast_buffers=False)
    wrapper = make_wrapper(model)
    wrapper.initialize_count_status(ddp, 0, 10)
    for step in range(10):
        if rank == 1 and step == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        ddp.train_step(make_batch(step), wrapper)


def test_without_a_launcher_the_other_rank_raises(tmp_path):
    ranks = [start(run_rank, rank, str(tmp_path)) for rank in range(2)]
    ranks[1].join(LIMIT)
    ranks[0].join(LIMIT)
    codes = [process.exitcode for process in ranks]
    for process in ranks:
        process.kill()
    # 1 is an uncaught exception; None would be a waiting rank.
    assert codes == [1, -signal.SIGKILL]


@pytest.mark.slow
def test_on_two_nodes_both_launchers_exit_with_an_error(
    tiny_mini_hac, tmp_path
):
    (tmp_path / 'dying_hook.py').write_text(DYING_HOOK)
    death = tmp_path / 'death'
    cfg = read_leaf('gmp')
    cfg.merge_from_dict(tiny_mini_hac)
    cfg.custom_imports.imports = ['mmgmp', 'dying_hook']
    cfg.custom_hooks.append(dict(type='DyingHook'))
    cfg.train_dataloader.batch_size = 7
    cfg.work_dir = str(tmp_path / 'run')
    config = tmp_path / 'config.py'
    cfg.dump(config)
    env = {
        **os.environ,
        'PYTHON': sys.executable,
        'PYTHONPATH': str(tmp_path),
        'OMP_NUM_THREADS': '1',
        'NNODES': '2',
        'PORT': str(free_port()),
        'DEATH_FILE': str(death),
    }
    logs = [tmp_path / f'node{rank}.log' for rank in range(2)]
    nodes = []
    for rank, log in enumerate(logs):
        with log.open('w') as file:
            nodes.append(
                subprocess.Popen(
                    [ROOT / 'tools/dist_train.sh', config, '1'],
                    env={**env, 'NODE_RANK': str(rank)},
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
    try:
        codes = [node.wait(180) for node in nodes]
        ended = time.time()
    finally:
        for node in nodes:
            if node.poll() is None:
                os.killpg(node.pid, signal.SIGKILL)
    output = '\n'.join(log.read_text()[-3000:] for log in logs)
    assert death.is_file(), output
    assert ended - death.stat().st_mtime < LIMIT
    assert all(codes), output
