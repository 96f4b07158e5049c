# Copyright (c) mmgmp authors.
import argparse
from collections.abc import Sequence
from pathlib import Path

from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint

from .command_line import (
    add_setting_arguments,
    one_line_errors,
    read_setting,
)
from .encoder_weights import ConversionReport, Rule, convert, read_state_dict


def convert_checkpoint(
    source: str | Path,
    cfg: Config,
    modality: str,
    key: str,
    rules: Sequence[Rule],
    out: str | Path | None = None,
) -> tuple[Path, ConversionReport]:
    """Make the ``pretrained`` file of an encoder from a published checkpoint.

    Args:
        source: The published checkpoint.
        cfg: Config with a model that has the encoder.
        modality: Modality of the encoder.
        key: Entry of the checkpoint that holds the tensors.
        rules: How its names become those of the encoder.
        out: File to write. None is the file that the config names.

    Returns:
        The file, which holds the encoder's state under ``state_dict``, and
        what became of each tensor.

    Raises:
        FileNotFoundError: No such checkpoint.
        UnpicklingError: The checkpoint asks for more than weights need.
        ValueError: The config has no such encoder, or names no file for it,
            or the checkpoint fits in part; then nothing is written.
    """
    config = cfg.filename
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    backbone = cfg.model.backbone
    if modality not in backbone.encoders:
        raise ValueError(
            f'{config} has no encoder for {modality!r}, it has '
            f'{list(backbone.encoders)}; --modalities chooses them'
        )
    out = out or (backbone.get('pretrained') or {}).get(modality)
    if out is None:
        raise ValueError(
            f'{config} names no file for the {modality} encoder in '
            '`model.backbone.pretrained`: say which one to write'
        )
    tensors = read_state_dict(source, key)
    encoders = {modality: backbone.encoders[modality]}
    built = MODELS.build(dict(type='MultimodalBackbone', encoders=encoders))
    state = getattr(built, modality).state_dict()
    shapes = {name: tensor.shape for name, tensor in state.items()}
    converted, report = convert(tensors, shapes, rules)
    report.require_complete(f'{source} as the {modality} encoder of {config}')
    save_checkpoint(
        dict(
            state_dict=converted,
            meta=dict(source=Path(source).name, modality=modality),
        ),
        str(out),
        backend_args=dict(backend='atomic_local'),
    )
    return Path(out), report


def run_converter(
    description: str,
    modalities: Sequence[str],
    key: str,
    rules: Sequence[Rule],
) -> None:
    """Convert as the command line says, and print the report.

    Args:
        description: What the tool does.
        modalities: What the encoder may be for; the first is the default.
        key: Entry of the checkpoint that holds the tensors.
        rules: How its names become those of the encoder.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('checkpoint', help='published checkpoint')
    parser.add_argument('config', help='config whose encoder gets it')
    if len(modalities) > 1:
        parser.add_argument(
            '--modality',
            choices=modalities,
            default=modalities[0],
            help=f'which encoder (default: {modalities[0]})',
        )
    parser.add_argument(
        '--out',
        help='file to write (default: the one that the config names)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help="settings in place of the config's, as key=value",
    )
    add_setting_arguments(parser)
    args = parser.parse_args()
    with one_line_errors():
        cfg = read_setting(args)
        cfg.merge_from_dict(args.cfg_options or {})
        out, report = convert_checkpoint(
            args.checkpoint,
            cfg,
            getattr(args, 'modality', modalities[0]),
            key,
            rules,
            args.out,
        )
    print(f'{report}\nwrote {out}')
