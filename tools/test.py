# Copyright (c) mmgmp authors.
import argparse

from mmaction.registry import RUNNERS
from mmengine.config import Config
from mmengine.runner import Runner

from mmgmp.apis.config_checks import check_config
from mmgmp.compat import init_cpu_distributed
from mmgmp.engine.hooks.loaded_checkpoint_hook import LoadedCheckpointHook
from mmgmp.utils import (
    add_run_arguments,
    check_checkpoint,
    load_config,
    one_line_errors,
)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Test a checkpoint on the target of its config'
    )
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--dump', help='file (.pkl) for the predictions')
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


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with one_line_errors():
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


if __name__ == '__main__':
    main()
