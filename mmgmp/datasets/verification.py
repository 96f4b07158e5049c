# Copyright (c) mmgmp authors.
"""Check of a downloaded data set against its split files."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .epic_kitchens import FRAME_TEMPLATE, EPICKitchensDataset
from .frame_folder import frame_paths, read_frame
from .hac import HACDataset
from .media import (
    CorruptMediaError,
    naming,
    open_container,
    read_audio,
    read_audio_track,
    video_stream,
)
from .published_counts import EPIC_KITCHENS, HAC, Counts
from .video_reader import VideoReader

VERIFIED = dict(
    hac=(HACDataset, HAC), epic_kitchens=(EPICKitchensDataset, EPIC_KITCHENS)
)
# Seconds of sound that are read to see whether a file can be.
_BEGIN = (0.0, 0.01)
_FRAME_NAME = re.compile(
    re.escape(FRAME_TEMPLATE).replace(r'\{:010d\}', r'\d{10}')
)


class Fault(NamedTuple):
    """What is wrong, of kind 'missing', 'unreadable', 'surplus' or 'rows'."""

    kind: str
    path: str
    message: str


class MediaFile(NamedTuple):
    """A file of a sample.

    Attributes:
        path: Where it must be.
        kind: 'video', 'audio' or 'image'.
        stand_in: Video whose audio track does as well, if any.
    """

    path: str
    kind: str
    stand_in: str | None = None


def read_splits(
    name: str, data_root: str, modalities: Sequence[str], **kwargs
) -> tuple[dict[tuple[str, str], list[dict]], list[Fault]]:
    """Read the rows of all split files of a data set.

    Args:
        name: 'hac' or 'epic_kitchens'.
        data_root: Folder of the data set.
        modalities: Of 'video', 'audio' and 'flow'.
        **kwargs: Further arguments of the data set.

    Returns:
        (domain, split) -> items as before the pipeline, of the splits that
        can be read, and the faults of the others.
    """
    dataset_type = VERIFIED[name][0]
    items, faults = {}, []
    for domain in dataset_type.DOMAINS:
        for split in Counts._fields:
            try:
                dataset = dataset_type(
                    data_root,
                    [domain],
                    split,
                    modalities=modalities,
                    on_corrupt='skip',
                    serialize_data=False,
                    **kwargs,
                )
            except FileNotFoundError as error:
                faults.append(Fault('missing', data_root, str(error)))
            except ValueError as error:
                faults.append(Fault('unreadable', data_root, str(error)))
            else:
                items[domain, split] = [
                    dataset.get_data_info(i) for i in range(len(dataset))
                ]
    # Both splits of a domain lack the same folder.
    return items, list(dict.fromkeys(faults))


def count_classes(items: Iterable[dict], num_classes: int) -> tuple[int, ...]:
    """Rows of each class."""
    counter = Counter(item['label'] for item in items)
    return tuple(counter[label] for label in range(num_classes))


def count_faults(
    rows: dict[tuple[str, str], tuple[int, ...]], published: dict[str, Counts]
) -> list[Fault]:
    """Compare rows of each class, by (domain, split), with the published."""
    faults = []
    for (domain, split), found in rows.items():
        expected = getattr(published[domain], split)
        if found != expected:
            message = (
                f'the {split} split of {domain} has {sum(found)} rows, by '
                f'class {found}; published are {sum(expected)}, {expected}'
            )
            faults.append(Fault('rows', f'{domain} {split}', message))
    return faults


def media_files(item: dict, modalities: Sequence[str]) -> Iterator[MediaFile]:
    """Yield the files of an item."""
    if 'video' in modalities:
        if 'frame_dir' in item:
            for path in frame_paths(item):
                yield MediaFile(path, 'image')
        else:
            yield MediaFile(item['filename'], 'video')
    if 'audio' in modalities:
        # A window of a whole video has no stand-in.
        track = None if 'audio_start' in item else item['filename']
        yield MediaFile(item['audio_path'], 'audio', track)
    for path in item.get('flow_paths', ()):
        yield MediaFile(path, 'video')
    if 'flow_dir' in item:
        for component in 'uv':
            frames = dict(
                frame_dir=os.path.join(item['flow_dir'], component),
                filename_tmpl=item['filename_tmpl'],
                start_index=item['flow_start_index'],
                total_frames=item['flow_total_frames'],
            )
            for path in frame_paths(frames):
                yield MediaFile(path, 'image')


def check_file(file: MediaFile, decode: bool = False) -> Fault | None:
    """Look whether a file is there and can be read.

    Args:
        file: The file.
        decode: Whether to decode all of it, instead of its header.
    """
    if not os.path.exists(file.path):
        message = f'{file.path} is missing'
        if file.stand_in is None or not os.path.exists(file.stand_in):
            return Fault('missing', file.path, message)
        try:
            read_audio_track(file.stand_in, *(() if decode else _BEGIN))
        except CorruptMediaError as error:
            return Fault('missing', file.path, f'{message}, and {error}')
        return None
    try:
        _CHECKS[file.kind](file.path, decode)
    except (CorruptMediaError, OSError) as error:
        return Fault('unreadable', file.path, str(error))
    return None


def surplus_faults(paths: Iterable[str]) -> list[Fault]:
    """Find what lies beside the files of a data set and is none of them.

    Args:
        paths: All files of the data set. Hidden files, and the frames of a
            video between its actions, are no surplus.
    """
    expected, folders = {*paths}, set()
    for path in paths:
        folders.add(os.path.dirname(path))
    known = {str(p) for f in folders for p in (Path(f), *Path(f).parents)}
    faults = []
    for folder in sorted(filter(os.path.isdir, folders)):
        frames = any(map(_FRAME_NAME.fullmatch, os.listdir(folder)))
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if (
                path not in expected | known
                and not name.startswith('.')
                and not (frames and _FRAME_NAME.fullmatch(name))
            ):
                message = f'{path} belongs to no row of the split files'
                faults.append(Fault('surplus', path, message))
    return faults


def _check_video(path: str, decode: bool) -> None:
    if not decode:
        with open_container(path) as container, naming(path):
            video_stream(container, path)
        return
    reader = VideoReader(path)
    length = len(reader)
    reader.close()
    with open_container(path) as container, naming(path):
        frames = container.decode(video_stream(container, path))
        corrupt = [frame.is_corrupt for frame in frames]
    if any(corrupt) or len(corrupt) < length:
        raise CorruptMediaError(
            f'media file {path} is damaged: {len(corrupt)} of {length} frames '
            f'can be decoded, {sum(corrupt)} of them with errors'
        )


def _check_audio(path: str, decode: bool) -> None:
    read_audio(path, *(() if decode else _BEGIN))


def _check_image(path: str, decode: bool) -> None:
    if decode:
        read_frame(path)
        return
    with open(path, 'rb') as file:
        if file.read(3) != b'\xff\xd8\xff':
            raise CorruptMediaError(f'media file {path} is no JPEG image')


_CHECKS = dict(video=_check_video, audio=_check_audio, image=_check_image)
