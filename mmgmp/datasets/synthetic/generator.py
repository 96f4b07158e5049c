# Copyright (c) mmgmp authors.
import csv
import functools
import json
import os
from dataclasses import asdict
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from mmengine.utils import track_progress_rich

from mmgmp.utils.csv_cells import guard_row

from .clip import Clip, plan_clip, render_clip
from .publication import (
    clean_up,
    exclusive,
    is_empty,
    publish,
    unfinished_folder,
)
from .spec import CLASSES, DOMAINS, SPLITS, MiniHACSpec

MARKER = 'mini_hac.json'


def write_video(path: str | Path, frames: np.ndarray, fps: int) -> None:
    """Write RGB frames (T, H, W, 3) uint8 as H.264 yuv420p with PyAV."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            'libx264',
            rate=fps,
            # In short training runs, decoding takes much of the time.
            options=dict(
                preset='veryfast', crf='23', tune='fastdecode', threads='1'
            ),
        )
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = 'yuv420p'
        for frame in frames:
            image = av.VideoFrame.from_ndarray(frame, format='rgb24')
            container.mux(stream.encode(image))
        container.mux(stream.encode())


def _write_clip(clip: Clip, spec: MiniHACSpec, root: Path) -> None:
    frames, wave = render_clip(spec, clip)
    folder = root / clip.domain
    write_video(folder / 'videos' / f'{clip.stem}.mp4', frames, spec.fps)
    # libsndfile by itself ignores a umask that admits other writers.
    with open(folder / 'audio' / f'{clip.stem}.wav', 'wb') as file:
        soundfile.write(
            file, wave, spec.sample_rate, subtype='PCM_16', format='WAV'
        )


def is_complete(root: str | Path, spec: MiniHACSpec) -> bool:
    """Check whether ``root`` contains the complete data set of ``spec``.

    Raises:
        ValueError: If ``root`` contains a data set of another spec.
        FileExistsError: If ``root`` contains anything else.
    """
    place = _place(root)
    if not place.exists() or (place.is_dir() and is_empty(place)):
        return False
    marker = place / MARKER
    if not marker.is_file():
        raise FileExistsError(
            f'{root} exists and is not a MiniHAC data set (it has no '
            f'{MARKER}): choose another folder or remove it'
        )
    try:
        found = json.loads(marker.read_text(encoding='utf-8'))
        found = dict(spec={**found['spec']}, fingerprint=found['fingerprint'])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{marker} is not the file of a MiniHAC data set ({error!r}): '
            'choose another folder or remove it'
        ) from error
    if found['fingerprint'] != spec.fingerprint():
        wanted = asdict(spec)
        other = {
            k: (found['spec'].get(k), v)
            for k, v in wanted.items()
            if found['spec'].get(k) != v
        }
        raise ValueError(
            f'{root} holds a MiniHAC data set of another spec or generator '
            f'version; (found, wanted) differ in {other}: choose another '
            'folder or remove it'
        )
    return True


def generate_mini_hac(
    root: str | Path,
    spec: MiniHACSpec | None = None,
    workers: int | None = None,
) -> Path:
    """Write a MiniHAC data set in the layout of HAC, unless it exists.

    The files are written to a hidden folder in ``root`` if that is an empty
    folder, otherwise beside it, and moved at the end: an interrupted run
    leaves no data under ``root``. What a killed run left is removed. Several
    processes may call this function at once. The files depend only on
    ``spec``, not on ``workers``, and their permissions on the umask.

    Args:
        root: Folder of the data set, absent or empty.
        spec: The data set. Defaults to ``MiniHACSpec()``.
        workers: Number of processes. Defaults to the number of usable cores.

    Returns:
        ``root``.

    Raises:
        ValueError: If ``workers`` is not positive, ``root`` holds a data set
            of another spec, or it cannot be written.
        FileExistsError: If ``root`` holds anything else.
    """
    root = Path(root)
    spec = spec or MiniHACSpec()
    if workers is None:
        workers = len(os.sched_getaffinity(0))
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    place = _place(root)
    complete = functools.partial(is_complete, root, spec)
    clean_up(place, MARKER, complete)
    with exclusive(place):
        if complete():
            return root
    clips = [
        plan_clip(spec, domain, split, label, index)
        for domain in DOMAINS
        for split in SPLITS
        for label in range(len(CLASSES))
        for index in range(spec.num_clips(split))
    ]
    with unfinished_folder(place) as folder:
        _write_tree(folder, spec, clips, workers)
        publish(folder, place, MARKER, complete)
    return root


def _place(root: str | Path) -> Path:
    """Follow the links in a path, which may point to a missing folder."""
    return Path(os.path.realpath(root))


def _write_tree(
    root: Path, spec: MiniHACSpec, clips: list[Clip], workers: int
) -> None:
    for domain in DOMAINS:
        (root / domain / 'videos').mkdir(parents=True)
        (root / domain / 'audio').mkdir()
    (root / 'HAC_Splits').mkdir()
    write = functools.partial(_write_clip, spec=spec, root=root)
    threads = cv2.getNumThreads()
    # A forked worker must not touch the thread pool of its parent.
    cv2.setNumThreads(1)
    try:
        track_progress_rich(
            write, clips, nproc=workers, chunksize=4, description='MiniHAC'
        )
    finally:
        cv2.setNumThreads(threads)
    for domain in DOMAINS:
        for split in SPLITS:
            name = f'HAC_{split}_only_{domain}.csv'
            path = root / 'HAC_Splits' / name
            with open(path, 'w', newline='', encoding='utf-8') as f:
                csv.writer(f, lineterminator='\n').writerows(
                    guard_row((f'{c.stem}.mp4', c.label))
                    for c in clips
                    if (c.domain, c.split) == (domain, split)
                )
    content = dict(fingerprint=spec.fingerprint(), spec=asdict(spec))
    (root / MARKER).write_text(json.dumps(content, indent=2) + '\n')
