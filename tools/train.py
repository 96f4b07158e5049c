# Copyright (c) mmgmp authors.
import argparse

from mmengine.config import Config

from mmgmp.compat import init_cpu_distributed
from mmgmp.utils import (
    add_run_arguments,
    check_checkpoint,
    load_config,
    one_line_errors,
)
from mmgmp.utils.mistakes import registered_types, suggest


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a recognizer')
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from a checkpoint (default: the latest one in the work '
        'dir)',
    )
    parser.add_argument(
        '--test',
        action='store_true',
        help='after training, test the selected checkpoint once on the '
        'target and write summary.json and confusion_target.png',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='train without validation'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate with the batch size',
    )
    parser.add_argument('--seed', type=int, help='overrides the config')
    args = parser.parse_args()
    if args.seed is not None and not 0 <= args.seed < 2**32:
        parser.error(f'--seed must be from 0 to 2**32 - 1, got {args.seed}')
    if args.test and args.no_validate:
        parser.error('--test needs validation, which --no-validate disables')
    return args


def use_mixed_precision(optim_wrapper: dict) -> None:
    """Enable mixed precision in the config of an optim wrapper, in place.

    Args:
        optim_wrapper: Config of an optim wrapper, whose ``type`` is a name or
            a class.

    Raises:
        ValueError: The optim wrapper is unknown, it is not from mmgmp and has
            no registered Amp variant, or it is from MMEngine and there is no
            GPU.
    """
    from mmaction.registry import OPTIM_WRAPPERS
    from mmengine.device import get_device
    from mmengine.optim import AmpOptimWrapper

    from mmgmp.optim import ModalityOptimWrapper

    type_ = optim_wrapper.get('type', 'OptimWrapper')
    wrapper = OPTIM_WRAPPERS.get(type_) if isinstance(type_, str) else type_
    if wrapper is None:
        known = suggest(
            type_.rpartition('.')[2], registered_types(OPTIM_WRAPPERS)
        )
        raise ValueError(f'--amp: there is no optim wrapper {type_!r}{known}')
    name = getattr(wrapper, '__name__', str(type_))
    is_class = isinstance(wrapper, type)
    if is_class and issubclass(wrapper, ModalityOptimWrapper):
        optim_wrapper['amp'] = optim_wrapper.get('amp') or True
        return
    if not is_class or not issubclass(wrapper, AmpOptimWrapper):
        wrapper = OPTIM_WRAPPERS.get(f'Amp{name}')
        if wrapper is None:
            raise ValueError(
                f'--amp: the optim wrapper {name!r} has no mixed-precision '
                f"variant 'Amp{name}'; train without --amp"
            )
        optim_wrapper['type'] = f'Amp{name}'
    if issubclass(wrapper, AmpOptimWrapper) and get_device() == 'cpu':
        raise ValueError(
            "--amp: MMEngine's AmpOptimWrapper needs a GPU; on a CPU, use an "
            'optim wrapper of mmgmp, or train without --amp'
        )


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the command-line arguments of training to the config."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        if cfg.get('optim_wrapper') is None:
            raise ValueError('--amp: the config has no `optim_wrapper`')
        use_mixed_precision(cfg.optim_wrapper)
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
    if args.auto_scale_lr:
        if cfg.get('auto_scale_lr') is None:
            raise ValueError(
                '--auto-scale-lr: the config has no '
                '`auto_scale_lr=dict(base_batch_size=...)` to scale from'
            )
        cfg.auto_scale_lr.enable = True
    if args.seed is not None:
        cfg.setdefault('randomness', {})
        cfg.randomness.seed = args.seed


def main() -> None:
    """Run the tool."""
    args = parse_args()

    # These import PyTorch, which `--help` does without.
    from mmengine.dist import is_main_process

    from mmgmp.apis import format_summary, train, train_and_test
    from mmgmp.apis.summary import draw_target, format_target
    from mmgmp.utils.resume import claim_run

    with one_line_errors():
        cfg = load_config(args)
        if args.resume not in (None, 'auto'):
            check_checkpoint(args.resume)
        merge_args(cfg, args)
        init_cpu_distributed(cfg, args.launcher)
        if not args.test:
            with claim_run(cfg):
                train(cfg)
            return
        summary = train_and_test(cfg)
        if is_main_process():
            print(f'{format_summary(summary)}\n\n{format_target(summary)}')
            draw_target(summary, cfg.work_dir)


if __name__ == '__main__':
    main()
