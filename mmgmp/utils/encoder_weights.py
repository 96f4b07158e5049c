# Copyright (c) mmgmp authors.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint
from torch import Tensor

from .checkpoints import read_checkpoint
from .encoder_rules import SAME_NAMES, Rule


@dataclass
class ConversionReport:
    """Result of the conversion for each tensor.

    Attributes:
        used: Name in the checkpoint -> name in the encoder.
        dropped: Name in the checkpoint -> reason.
        unknown: Names in the checkpoint that are not in the encoder.
        missing: Names in the encoder that are not in the checkpoint.
        misshaped: Name in the encoder -> shape in the checkpoint and in the
            encoder.
    """

    used: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    misshaped: dict[str, tuple] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all tensors except the dropped ones match one to one."""
        return not (self.unknown or self.missing or self.misshaped)

    def __str__(self) -> str:
        """Format one line per tensor, and the counts."""
        renamed = {s: t for s, t in self.used.items() if s != t}
        lines = [f'used     {s}' for s in self.used if s not in renamed]
        lines += [f'renamed  {s} -> {t}' for s, t in renamed.items()]
        lines += [f'dropped  {s}: {r}' for s, r in self.dropped.items()]
        return '\n'.join([*lines, *self._faults(), self.summary()])

    def _faults(self) -> list[str]:
        lines = [
            f'shape    {name}: {found} in the checkpoint, {wanted} in the '
            'encoder'
            for name, (found, wanted) in self.misshaped.items()
        ]
        lines += [f'missing  {name}' for name in self.missing]
        lines += [f'unknown  {name}' for name in self.unknown]
        return lines

    def summary(self) -> str:
        """Return the counts in one line."""
        renamed = sum(s != t for s, t in self.used.items())
        return (
            f'{len(self.used) - renamed} used, {renamed} renamed, '
            f'{len(self.dropped)} dropped, {len(self.misshaped)} of another '
            f'shape, {len(self.missing)} missing, {len(self.unknown)} unknown'
        )

    def require_complete(self, what: str) -> None:
        """Raise an error unless the checkpoint matches completely.

        Args:
            what: Description of the checkpoint and the encoder.

        Raises:
            ValueError: The checkpoint does not match; the message lists the
                names.
        """
        if not self.complete:
            faults = '\n'.join(self._faults())
            raise ValueError(
                f'{what}: the tensors do not match one to one '
                f'({self.summary()})\n{faults}'
            )


def convert(
    state_dict: Mapping[str, Tensor],
    target_shapes: Mapping[str, Sequence[int]],
    rules: Sequence[Rule] = SAME_NAMES,
) -> tuple[dict[str, Tensor], ConversionReport]:
    """Rename the tensors of a checkpoint to the names of an encoder.

    Args:
        state_dict: Name -> tensor of the checkpoint.
        target_shapes: Name -> shape, for the tensors of the encoder.
        rules: Conversion rules. The first rule with a matching prefix
            applies. A name without a matching rule is unknown.

    Returns:
        The renamed tensors, in the order of the encoder, and the report,
        which states whether they are complete.

    Example:
        >>> import torch
        >>> from mmgmp.utils.encoder_rules import MMACTION_RULES
        >>> tensors, report = convert(
        ...     {'backbone.w': torch.zeros(2), 'cls_head.b': torch.zeros(3)},
        ...     dict(w=(2,)), MMACTION_RULES)
        >>> tensors
        {'w': tensor([0., 0.])}
        >>> print(report)
        renamed  backbone.w -> w
        dropped  cls_head.b: classifier of the pre-training
        0 used, 1 renamed, 1 dropped, 0 of another shape, 0 missing, 0 unknown
    """
    report = ConversionReport()
    converted = {}
    for source, tensor in state_dict.items():
        rule = next((r for r in rules if source.startswith(r.prefix)), None)
        if rule is None:
            report.unknown.append(source)
            continue
        if rule.replacement is None:
            report.dropped[source] = rule.reason
            continue
        target = rule.replacement + source[len(rule.prefix) :]
        if target not in target_shapes or target in converted:
            report.unknown.append(source)
            continue
        found, wanted = tuple(tensor.shape), tuple(target_shapes[target])
        if found != wanted:
            report.misshaped[target] = (found, wanted)
            continue
        converted[target] = tensor
        report.used[source] = target
    report.missing = [
        name
        for name in target_shapes
        if name not in converted and name not in report.misshaped
    ]
    return {n: converted[n] for n in target_shapes if n in converted}, report


def read_state_dict(path: str | Path, key: str) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint without running code from the file.

    Args:
        path: File written by :func:`torch.save`.
        key: Entry of the checkpoint that contains the tensors.

    Returns:
        Name -> tensor, on the CPU.

    Raises:
        FileNotFoundError: The file is missing.
        pickle.UnpicklingError: The file contains a class or function that
            weights do not need; the message names it.
        ValueError: The file is damaged, or has no entry ``key`` with named
            tensors.
    """
    if not Path(path).exists():
        raise FileNotFoundError(
            f'checkpoint {path} is missing: see '
            'tools/model_converters/README.md for the download and conversion'
        )
    checkpoint = read_checkpoint(path)
    tensors = checkpoint.get(key)
    if not isinstance(tensors, dict) or not all(
        isinstance(tensor, Tensor) for tensor in tensors.values()
    ):
        found = sorted(map(str, checkpoint)) if tensors is None else key
        raise ValueError(
            f'{path} has no named tensors under the key {key!r}, found {found}'
        )
    return dict(tensors)


def convert_checkpoint(
    source: str | Path,
    cfg: Config,
    modality: str,
    key: str,
    rules: Sequence[Rule],
    out: str | Path | None = None,
) -> tuple[Path, ConversionReport]:
    """Convert a published checkpoint to the ``pretrained`` file of an encoder.

    Args:
        source: The published checkpoint.
        cfg: Config whose model has the encoder.
        modality: Modality of the encoder.
        key: Entry of the checkpoint that contains the tensors.
        rules: Conversion of the names in the checkpoint to those of the
            encoder.
        out: File to write. The default is the file in the config.

    Returns:
        The file, which has the encoder's state under ``state_dict``, and a
        report on each tensor.

    Raises:
        FileNotFoundError: The checkpoint is missing.
        pickle.UnpicklingError: The checkpoint contains more than weights.
        ValueError: The config has no such encoder or no file for it, or the
            checkpoint does not match completely. Then nothing is written.
    """
    config = cfg.filename
    init_default_scope(cfg.get('default_scope', 'mmaction'))
    backbone = cfg.model.backbone
    if modality not in backbone.encoders:
        raise ValueError(
            f'{config} has no encoder for {modality!r}, only for '
            f'{list(backbone.encoders)}; choose them with --modalities'
        )
    out = out or (backbone.get('pretrained') or {}).get(modality)
    if out is None:
        raise ValueError(
            f'{config} has no file for the {modality} encoder in '
            '`model.backbone.pretrained`: choose the file with --out'
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
