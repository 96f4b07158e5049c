# Copyright (c) mmgmp authors.
"""A folder of one's own clips, in several containers."""

from pathlib import Path

import numpy as np

from mmgmp.datasets.clips.index import assign_splits, find_clips
from mmgmp.datasets.clips.setting import format_setting
from mmgmp.datasets.clips.table import format_clips

from .media import moving_frames, tone, write_video

DOMAINS = ('home', 'studio a', 'studio-b')
CLASSES = ('clap', 'walk')


def write_clips(root: Path, clips: int = 3, num_frames: int = 10) -> Path:
    """Write clips to ``root/<domain>/<class>/``, at 10 or 5 fps.

    Args:
        root: Folder of the tree.
        clips: Clips of each domain and class.
        num_frames: Frames of each clip.

    Returns:
        ``root``.
    """
    number = 0
    for domain, suffix in zip(DOMAINS, ('.mp4', '.MKV', '.mov')):
        for label in CLASSES:
            for index in range(clips):
                # Any depth, and names with blanks.
                folder = root / domain / label / ('x/y' if index else '')
                folder.mkdir(parents=True, exist_ok=True)
                number += 1
                fps = 5 if suffix == '.mov' else 10
                write_video(
                    folder / f'{label} {index}{suffix}',
                    np.roll(moving_frames(num_frames), number, axis=2),
                    fps,
                    audio=tone(num_frames / fps, hertz=200 + 9 * number)[None],
                )
    return root


def index_clips(root: Path, encoders: str = 'small') -> Path:
    """Write the table and the setting of :func:`write_clips`.

    Returns:
        The setting, beside ``root``.
    """
    clips = assign_splits(find_clips(root)[0], 0.3, seed=0)
    table = root / 'clips.csv'
    table.write_text(format_clips(clips))
    setting = root.parent / f'{encoders}.py'
    setting.write_text(format_setting(table, 'mine', encoders, clips))
    return setting
