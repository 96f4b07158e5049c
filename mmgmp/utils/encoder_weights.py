# Copyright (c) mmgmp authors.
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import NamedTuple

import torch
from torch import Tensor


class Rule(NamedTuple):
    """What becomes of the tensors whose names begin with a prefix.

    Attributes:
        prefix: Beginning of the names.
        replacement: What stands in its place in the encoder; None drops the
            tensors.
        reason: Why they are dropped.
    """

    prefix: str
    replacement: str | None
    reason: str = ''


SAME_NAMES = (Rule('', ''),)
# The published VGGSound classifiers: a torchvision-like ResNet as `audnet`.
VGGSOUND_RULES = (
    Rule('audnet.fc.', None, 'classifier of VGGSound'),
    Rule('audnet.', ''),
)
# Recognizers of mmaction 0.x and 1.x, whose SlowFast and SlowOnly have the
# same names.
MMACTION_RULES = (
    Rule('cls_head.', None, 'classifier of the pre-training'),
    Rule('backbone.', ''),
)


@dataclass
class ConversionReport:
    """What became of every tensor of a checkpoint and of an encoder.

    Attributes:
        used: Name in the checkpoint -> name in the encoder.
        dropped: Name in the checkpoint -> reason.
        unknown: Names in the checkpoint that the encoder does not have.
        missing: Names in the encoder that the checkpoint does not have.
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
        """Whether the encoder got each tensor and none was left over."""
        return not (self.unknown or self.missing or self.misshaped)

    def __str__(self) -> str:
        """A line per tensor and the counts."""
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
        """The counts, in a line."""
        renamed = sum(s != t for s, t in self.used.items())
        return (
            f'{len(self.used) - renamed} used, {renamed} renamed, '
            f'{len(self.dropped)} dropped, {len(self.misshaped)} of another '
            f'shape, {len(self.missing)} missing, {len(self.unknown)} unknown'
        )

    def require_complete(self, what: str) -> None:
        """Refuse a checkpoint that fits in part.

        Args:
            what: What was to be loaded where, for the error.

        Raises:
            ValueError: Not complete; the message lists the names.
        """
        if not self.complete:
            faults = '\n'.join(self._faults())
            raise ValueError(
                f'{what}: the tensors do not fit one to one '
                f'({self.summary()})\n{faults}'
            )


def convert(
    state_dict: Mapping[str, Tensor],
    target_shapes: Mapping[str, Sequence[int]],
    rules: Sequence[Rule] = SAME_NAMES,
) -> tuple[dict[str, Tensor], ConversionReport]:
    """Give the tensors of a checkpoint the names that an encoder has.

    Args:
        state_dict: Name -> tensor of the checkpoint.
        target_shapes: Name -> shape of the encoder's state.
        rules: What to do with a name; the first rule whose prefix fits
            counts. A name that none fits is unknown.

    Returns:
        The renamed tensors, in the order of the encoder, and the report,
        which says whether they are complete.
    """
    report = ConversionReport()
    converted = {}
    for source, tensor in state_dict.items():
        rule = next((r for r in rules if source.startswith(r.prefix)), None)
        if rule is not None and rule.replacement is None:
            report.dropped[source] = rule.reason
            continue
        target = rule and rule.replacement + source[len(rule.prefix) :]
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
    """Read tensors of a checkpoint, and run nothing that is in the file.

    Args:
        path: File written by :func:`torch.save`.
        key: Entry of the checkpoint that holds the tensors.

    Returns:
        Name -> tensor, on the CPU.

    Raises:
        FileNotFoundError: No such file.
        UnpicklingError: The file asks for a class or function that weights
            do not need; the message names it.
        ValueError: A damaged file, or no entry ``key`` with named tensors.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'checkpoint {path} is missing: tools/model_converters/README.md '
            'says what to download and how to convert it'
        )
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except UnpicklingError as error:
        # Without PyTorch's advice to switch the check off.
        asked = re.search(r'GLOBAL (\S+)', str(error))
        raise UnpicklingError(
            f'{path} was not loaded, do not trust it: '
            + (
                f'it asks for {asked[1]}, which weights do not need'
                if asked
                else 'it is no file of tensors'
            )
        ) from None
    except (EOFError, RuntimeError) as error:
        raise ValueError(
            f'{path} is damaged, download or convert it again: {error}'
        ) from error
    tensors = checkpoint.get(key) if isinstance(checkpoint, dict) else None
    if not isinstance(tensors, dict) or not all(
        isinstance(tensor, Tensor) for tensor in tensors.values()
    ):
        found = sorted(map(str, checkpoint)) if tensors is None else key
        raise ValueError(
            f'{path} has no named tensors under the key {key!r}, found '
            f'{found if isinstance(checkpoint, dict) else type(checkpoint)}'
        )
    return dict(tensors)
