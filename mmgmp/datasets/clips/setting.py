# Copyright (c) mmgmp authors.
"""What the setting of one's own clips takes from their table."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mmgmp.utils.setting import choose_domains

from .contents import class_names, domain_names
from .table import Clip, read_clips

LAST = 'last'


def choose_clips(
    table: str, target: str, sources: str
) -> tuple[dict, int, str, list[str]]:
    """Read what a setting needs from a table of clips.

    Args:
        table: Table of :class:`~mmgmp.datasets.ClipsDataset`.
        target: Name of the target, or ``'last'`` for the last domain.
        sources: See :func:`~mmgmp.utils.setting.choose_domains`.

    Returns:
        The config of the dataset, the number of classes, the target and the
        sources.

    Raises:
        FileNotFoundError: There is no table.
        ValueError: The table is wrong or has fewer than two domains, or a
            domain is unknown.
    """
    path = Path(table).expanduser().absolute()
    clips = read_clips(path)
    domains = domain_names(clips)
    if target == LAST and target not in domains:
        target = domains[-1]
    target, chosen = choose_domains(domains, target, sources)
    classes = class_names(clips)
    dataset = dict(
        type='ClipsDataset',
        ann_file=str(path),
        # A config that is dumped names the classes without the table.
        metainfo=dict(classes=list(classes)),
    )
    return dataset, len(classes), target, chosen


def class_weights(table: str, domains: Sequence[str]) -> list[float]:
    """Compute weights with which each class counts the same in a loss.

    Args:
        table: Table of :class:`~mmgmp.datasets.ClipsDataset`.
        domains: The training domains.

    Returns:
        For each class, the mean number of training clips of a class over the
        number of this class. A class without training clips has weight 0.

    Raises:
        FileNotFoundError: There is no table.
        ValueError: The table is wrong, or there are no training clips.
    """
    clips = read_clips(table)
    counts = Counter(clip.label for clip in _trained(clips, domains))
    counts.pop('', None)
    if not counts:
        raise ValueError(f'{table} has no training clips of {list(domains)}')
    mean = counts.total() / len(counts)
    return [
        mean / counts[name] if counts[name] else 0.0
        for name in class_names(clips)
    ]


def target_batch(dataset: dict, target: str, most: int) -> int:
    """Choose how many clips of an unlabelled target are in a batch.

    Args:
        dataset: Config of a dataset.
        target: The target.
        most: The number for large targets, and for other data sets.

    Returns:
        ``most``, or the number of training clips if there are fewer.
    """
    if dataset.get('type') != 'ClipsDataset':
        return most
    clips = read_clips(dataset['ann_file'])
    return min(most, max(1, len(_trained(clips, [target]))))


def _trained(clips: Sequence[Clip], domains: Sequence[str]) -> list[Clip]:
    return [c for c in clips if c.domain in domains and c.split == 'train']


def setting_name(root: Path) -> str:
    """Make a name for a setting from that of a folder."""
    name = re.sub(r'[^A-Za-z0-9_.-]+', '_', root.resolve().name).strip('._-')
    return name or 'clips'


def format_setting(
    table: Path, name: str, encoders: str, clips: Sequence[Clip]
) -> str:
    """Write the config of a setting.

    Args:
        table: Table of the clips.
        name: Name of the setting, which is in the name of the work dirs.
        encoders: See :func:`mmgmp.utils.own_clips.encoders`.
        clips: The clips, to count them.
    """
    counts = f'{len(clips)} clips, {len(class_names(clips))} classes'
    lines = [
        f'# {counts}, domains: {", ".join(domain_names(clips))}',
        "_base_ = __import__('mmgmp.utils.own_clips', fromlist=[''])"
        f'.encoders({encoders!r})',
        '',
        'from mmgmp.datasets.clips.setting import choose_clips',
        '',
        f'dataset = {name!r}',
        'clips, num_classes, target, sources = choose_clips(',
        f'    {str(table)!r},',
        "    '{{$MMGMP_TARGET:last}}',",
        "    '{{$MMGMP_SOURCES:others}}',",
        ')',
        'train_dataloader = dict(dataset=clips)',
        'val_dataloader = test_dataloader = train_dataloader',
    ]
    return '\n'.join(lines) + '\n'
