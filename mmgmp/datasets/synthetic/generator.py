# Copyright (c) mmgmp authors.
import csv
import functools
import json
import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from mmengine.utils import track_progress_rich

from .clip import Clip, plan_clip, render_clip
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
    soundfile.write(
        folder / 'audio' / f'{clip.stem}.wav',
        wave,
        spec.sample_rate,
        subtype='PCM_16',
    )


def is_complete(root: str | Path, spec: MiniHACSpec) -> bool:
    """Check whether ``root`` contains the complete data set of ``spec``.

    Raises:
        ValueError: If ``root`` contains a data set of another spec.
        FileExistsError: If ``root`` contains anything else.
    """
    root = Path(root)
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    marker = root / MARKER
    if not marker.is_file():
        raise FileExistsError(
            f'{root} exists and is not a MiniHAC data set (it has no '
            f'{MARKER}): choose another folder or remove it'
        )
    found = json.loads(marker.read_text())
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

    The files are written to a temporary folder beside ``root``, which is
    renamed at the end: an interrupted run leaves nothing under ``root``. The
    files depend only on ``spec``, not on ``workers``.

    Args:
        root: Folder of the data set, absent or empty.
        spec: The data set. Defaults to ``MiniHACSpec()``.
        workers: Number of processes. Defaults to the number of usable cores.

    Returns:
        ``root``.

    Raises:
        ValueError: If ``workers`` is not positive or ``root`` holds a data set
            of another spec.
        FileExistsError: If ``root`` holds anything else.
    """
    root = Path(root)
    spec = spec or MiniHACSpec()
    if workers is None:
        workers = len(os.sched_getaffinity(0))
    if workers < 1:
        raise ValueError(f'workers must be at least 1, got {workers}')
    if is_complete(root, spec):
        return root
    clips = [
        plan_clip(spec, domain, split, label, index)
        for domain in DOMAINS
        for split in SPLITS
        for label in range(len(CLASSES))
        for index in range(spec.num_clips(split))
    ]
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(
        tempfile.mkdtemp(prefix=f'.{root.name}.partial-', dir=root.parent)
    )
    try:
        _write_tree(partial, spec, clips, workers)
        partial.chmod(0o755)
        try:
            partial.rename(root)
        except OSError:
            # Another process may have finished the same data set meanwhile.
            if not is_complete(root, spec):
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


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
            with open(root / 'HAC_Splits' / name, 'w', newline='') as f:
                csv.writer(f, lineterminator='\n').writerows(
                    (f'{c.stem}.mp4', c.label)
                    for c in clips
                    if (c.domain, c.split) == (domain, split)
                )
    content = dict(fingerprint=spec.fingerprint(), spec=asdict(spec))
    (root / MARKER).write_text(json.dumps(content, indent=2) + '\n')
