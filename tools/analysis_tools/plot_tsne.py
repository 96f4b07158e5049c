# Copyright (c) mmgmp authors.
"""Draw the fused features of trained models by t-SNE (GMP, Fig. 3)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmgmp.utils import (
    add_config_options,
    add_setting_arguments,
    one_line_errors,
    setting_of,
)
from mmgmp.utils.setting import read_config

if TYPE_CHECKING:
    from mmgmp.apis import DomainFeatures


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'runs',
        nargs='+',
        metavar='CONFIG CHECKPOINT',
        help='config of a run and its checkpoint; each pair has its own row',
    )
    parser.add_argument(
        '--labels',
        nargs='+',
        help='one per row; the default is the names of the configs',
    )
    parser.add_argument(
        '--out', default='tsne.png', help='file to write: .png or .pdf'
    )
    parser.add_argument(
        '--split',
        choices=['source', 'target', 'source+target'],
        default='source+target',
        help='clips of the source domains (val_dataloader), of the target '
        '(test_dataloader) or of both (default)',
    )
    parser.add_argument(
        '--perplexity',
        type=float,
        default=30,
        help='effective number of neighbours of each clip, below the number '
        'of clips; usual values are 5 to 50 (default: 30)',
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='random state (default: 0)'
    )
    parser.add_argument(
        '--device', help='such as cpu or cuda:0 (default: best available)'
    )
    add_config_options(parser)
    add_setting_arguments(parser)
    return parser.parse_args()


def label_rows(
    configs: Sequence[str], labels: Sequence[str] | None
) -> list[str]:
    """Label each row.

    Args:
        configs: Paths of the configs.
        labels: Label of each row. None means the names of the configs.

    Raises:
        ValueError: The numbers of labels and rows differ, or two rows have the
            same label.
    """
    if labels is None:
        labels = [Path(config).stem for config in configs]
    if len(labels) != len(configs):
        raise ValueError(
            f'`--labels` has {len(labels)} labels {list(labels)} for '
            f'{len(configs)} rows: give one for each'
        )
    if len(set(labels)) < len(labels):
        raise ValueError(
            f'two rows have the same label in {list(labels)}: give different '
            'ones with `--labels`'
        )
    return list(labels)


def extract_rows(args: argparse.Namespace) -> list[DomainFeatures]:
    """Extract the features of each config and checkpoint.

    Raises:
        ValueError: Two configs evaluate different clips; see also
            :func:`extract_features`.
    """
    from mmgmp.apis import extract_features
    from mmgmp.utils import override

    rows: list[DomainFeatures] = []
    for config, checkpoint in zip(args.runs[::2], args.runs[1::2]):
        cfg = read_config(config, setting_of(args))
        override(cfg, args.cfg_options)
        rows.append(extract_features(cfg, checkpoint, args.split, args.device))
        if (
            not np.array_equal(rows[-1].labels, rows[0].labels)
            or rows[-1].domains != rows[0].domains
        ):
            raise ValueError(
                f'{config} evaluates other clips than {args.runs[0]}: draw '
                'only models with the same dataset and target together'
            )
    return rows


def main() -> None:
    """Extract the features, embed them and write the figure."""
    args = parse_args()

    from mmgmp.visualization import embed_tsne, plot_embedding
    from mmgmp.visualization.style import check_out

    with one_line_errors():
        check_out(args.out)
        if len(args.runs) % 2:
            raise ValueError(
                'pass a CHECKPOINT after each CONFIG, got '
                f'{len(args.runs)} files: {args.runs}'
            )
        labels = label_rows(args.runs[::2], args.labels)
        for config in args.runs[::2]:
            if not Path(config).is_file():
                raise FileNotFoundError(f'config {config} does not exist')
        rows = extract_rows(args)
        embeddings = {
            label: embed_tsne(row.features, args.perplexity, args.seed)
            for label, row in zip(labels, rows, strict=True)
        }
        first = rows[0]
        plot_embedding(
            embeddings,
            first.labels,
            first.classes,
            first.domains,
            args.out,
            first.unseen,
        )
    print(f'wrote {args.out}')


if __name__ == '__main__':
    main()
