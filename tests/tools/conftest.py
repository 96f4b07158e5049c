# Copyright (c) mmgmp authors.
import runpy
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from mmengine.logging import MMLogger

from tests.benchmark.toy_plan import write_config


@pytest.fixture(autouse=True)
def new_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget loggers that write to the captured output of earlier tests."""
    monkeypatch.setattr(MMLogger, '_instance_dict', OrderedDict())


@pytest.fixture
def run_tool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """Run a tool as a script in this process."""

    def run(tool: Path, *args):
        # Python adds the folder of a script to the module search path.
        monkeypatch.syspath_prepend(str(tool.parent))
        monkeypatch.setattr(sys, 'argv', [tool.name, *map(str, args)])
        return runpy.run_path(str(tool), run_name='__main__')

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working directory of tools/benchmark.py."""
    configs = Path(__file__).parents[2] / 'configs'
    (tmp_path / 'configs').symlink_to(configs)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_plan(folder):
    def write_plan(seeds=(0, 1), **models):
        config = write_config(folder)
        methods = {
            label: dict(
                config=config,
                overrides={f'model.{k}': v for k, v in model.items()},
            )
            for label, model in models.items()
        }
        plan = dict(
            results='rows.csv',
            targets=dict(cartoon={}),
            seeds=list(seeds),
            baseline=next(iter(models)),
            methods=methods,
        )
        path = folder / 'plan.yml'
        path.write_text(yaml.safe_dump(plan, sort_keys=False))
        return str(path)

    return write_plan
