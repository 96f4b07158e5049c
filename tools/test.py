# Copyright (c) mmgmp authors.
from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.config import Config

from mmgmp.compat import init_cpu_distributed
from mmgmp.utils import (
    add_run_arguments,
    check_checkpoint,
    load_config,
    one_line_errors,
)

if TYPE_CHECKING:
    from mmengine.runner import Runner


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Test a checkpoint on the target of its config'
    )
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--dump',
        help='file (.pkl) for the predictions; their summary is written '
        'beside it, with the ending _summary.json',
    )
    args = parser.parse_args()
    if args.dump is not None and not args.dump.endswith(('.pkl', '.pickle')):
        parser.error(f'--dump must be a .pkl file, got {args.dump}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the command-line arguments of testing to the config."""
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.dump is not None:
        evaluators = cfg.test_evaluator
        if isinstance(evaluators, dict):
            evaluators = [evaluators]
        dump = dict(type='DumpResults', out_file_path=args.dump)
        cfg.test_evaluator = [*evaluators, dump]


def dumped_summary(dump: str) -> Path:
    """Name the summary beside the dumped predictions."""
    from mmgmp.utils.work_dir import SUMMARY

    path = Path(dump)
    return path.with_name(f'{path.stem}_{SUMMARY}')


def check_dump(dump: str) -> None:
    """Check that the predictions and their summary are new files.

    Raises:
        ValueError: One exists, or their folder cannot be written.
    """
    from mmgmp.apis.file_checks import check_folder

    for path in (Path(dump), dumped_summary(dump)):
        if os.path.lexists(path):
            raise ValueError(
                f'--dump writes {path}, which exists: remove it, or choose '
                'another name'
            )
    check_folder('--dump', Path(dump).parent)


def report(runner: Runner, checkpoint: str, dump: str | None) -> None:
    """Print the results, and write them beside the log and the dump."""
    from mmengine.dist import is_main_process

    from mmgmp.apis.summary import (
        draw_target,
        format_summary,
        format_target,
        summarize_test,
        write_summary,
    )
    from mmgmp.utils.work_dir import SUMMARY

    summary = summarize_test(runner.test_loop, checkpoint)
    if not summary or not is_main_process():
        return
    folder = Path(runner.log_dir)
    write_summary(summary, folder / SUMMARY)
    if dump is not None:
        write_summary(summary, dumped_summary(dump))
    print(f'{format_summary(summary)}\n\n{format_target(summary)}')
    draw_target(summary, folder)


def main() -> None:
    """Run the tool."""
    args = parse_args()

    # These import PyTorch, which `--help` does without.
    from mmaction.registry import RUNNERS
    from mmengine.runner import Runner

    from mmgmp.apis.config_checks import check_config
    from mmgmp.engine.hooks.loaded_checkpoint_hook import LoadedCheckpointHook

    with one_line_errors():
        if args.dump is not None:
            check_dump(args.dump)
        cfg = load_config(args)
        check_checkpoint(args.checkpoint)
        # Without the name of its file, the config does not replace that of a
        # training in the same work dir.
        cfg = Config(cfg.to_dict(), env_variables=cfg.env_variables)
        merge_args(cfg, args)
        check_config(cfg, ('test',))
        init_cpu_distributed(cfg, args.launcher)
        if 'runner_type' in cfg:
            runner = RUNNERS.build(cfg)
        else:
            runner = Runner.from_cfg(cfg)
        if not any(isinstance(h, LoadedCheckpointHook) for h in runner.hooks):
            runner.register_hook(LoadedCheckpointHook())
        runner.test()
        report(runner, args.checkpoint, args.dump)


if __name__ == '__main__':
    main()
