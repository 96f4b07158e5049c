# Copyright (c) mmgmp authors.
"""Predict the action in video files with an audio track."""

import argparse
import contextlib
import json
import logging
import sys
from collections.abc import Iterator

from mmengine.logging import MMLogger

from mmgmp.utils import (
    add_config_options,
    add_setting_arguments,
    one_line_errors,
    read_setting,
)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('files', nargs='+', help='mp4 or other media files')
    parser.add_argument(
        '--json', action='store_true', help='print JSON instead of tables'
    )
    parser.add_argument(
        '--out-dir',
        help='folder for copies of the videos with the top classes drawn on '
        'them',
    )
    parser.add_argument(
        '--topk', type=int, default=5, help='classes per file (default: 5)'
    )
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument(
        '--device', help='such as cpu or cuda:0 (default: best available)'
    )
    add_config_options(parser)
    add_setting_arguments(parser)
    return parser.parse_args()


def predict(args: argparse.Namespace) -> dict:
    """Predict the files.

    Returns:
        ``predictions``, ``visualization`` and ``errors`` (corrupt file ->
        message).
    """
    # These import PyTorch, which `--help` does without.
    from mmgmp.apis import AudioVideoInferencer
    from mmgmp.utils import override

    cfg = read_setting(args)
    override(cfg, args.cfg_options)
    inferencer = AudioVideoInferencer(
        cfg, args.checkpoint, args.device, sys.stderr.isatty()
    )
    errors = {}
    result = inferencer(
        args.files,
        batch_size=args.batch_size,
        topk=args.topk,
        out_dir=args.out_dir,
        on_corrupt=lambda path, error: errors.update({path: str(error)}),
    )
    return dict(result, errors=errors)


@contextlib.contextmanager
def only_results_on_stdout() -> Iterator[None]:
    """Send logs and progress to stderr."""
    # Handlers keep the stream that they were created with.
    moved = [
        (handler, handler.setStream(sys.stderr))
        for handler in MMLogger.get_current_instance().handlers
        if type(handler) is logging.StreamHandler
    ]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        for handler, stream in moved:
            if stream is not None:
                handler.setStream(stream)


def main() -> None:
    """Predict the files and print the results."""
    args = parse_args()
    with one_line_errors(), only_results_on_stdout():
        result = predict(args)
    if args.json:
        print(json.dumps(result, indent=2))
    else:
        from mmgmp.apis import format_prediction

        tables = map(format_prediction, result['predictions'])
        print('\n\n'.join(tables))
    for message in result['errors'].values():
        print(f'error: {message}', file=sys.stderr)
    sys.exit(1 if result['errors'] else 0)


if __name__ == '__main__':
    main()
