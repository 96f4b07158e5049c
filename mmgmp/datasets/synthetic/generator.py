# Copyright (c) mmgmp authors.
import csv
import functools
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile
from mmengine.utils import track_progress_rich

from .audio import AUDIO_STYLES, render_audio, sound_source
from .motion import motion_track
from .spec import CLASSES, DOMAINS, SPLITS, MiniHACSpec
from .video import VIDEO_STYLES, blend_styles, render_video

MARKER = 'mini_hac.json'
WEAK_MOTION = 0.15
WEAK_SOUND = 0.15


@dataclass(frozen=True)
class Clip:
    """What is drawn for a clip before any of it is rendered.

    Args:
        domain (str): Name of the domain.
        split (str): ``'train'`` or ``'test'``.
        label (int): Class index.
        index (int): Number of the clip in its class, domain and split.
        num_frames (int): Number of video frames.
        video_weak (bool): Whether the motion is faint.
        audio_weak (bool): Whether the sound is buried.
        video_cue (int): Number of the background tint.
        audio_cue (int): Number of the hum.
    """

    domain: str
    split: str
    label: int
    index: int
    num_frames: int
    video_weak: bool
    audio_weak: bool
    video_cue: int
    audio_cue: int

    @property
    def stem(self) -> str:
        """File name without its suffix; one has a space, as in HAC."""
        number = self.index + 1
        gap = (self.domain, CLASSES[self.label], self.split,
               number) == ('cartoon', 'drinking', 'train', 5)
        return (f'{CLASSES[self.label]}_{self.split}_{number:02d}'
                f'{" " if gap else ""}')


def cue_of(domain: str, label: int) -> int:
    """Cue that goes with a class in a domain.

    The assignments of the domains are cyclic shifts of one another, so no
    class has the same cue in two domains.
    """
    shift = 2 * DOMAINS.index(domain)
    return (label + shift) % len(CLASSES)


def _streams(spec: MiniHACSpec, domain: str, split: str, label: int,
             index: int) -> list:
    """Independent generators for the plan, the video and the audio."""
    key = (spec.seed, DOMAINS.index(domain), SPLITS.index(split), label,
           index)
    return [
        np.random.default_rng(s) for s in np.random.SeedSequence(key).spawn(3)
    ]


def plan_clip(spec: MiniHACSpec, domain: str, split: str, label: int,
              index: int) -> Clip:
    """Draw length, weak modalities and cues of one clip.

    Args:
        spec (MiniHACSpec): The data set.
        domain (str): Name of the domain.
        split (str): ``'train'`` or ``'test'``.
        label (int): Class index.
        index (int): Number of the clip in its class, domain and split.

    Returns:
        Clip: The same for the same arguments.
    """
    rng = _streams(spec, domain, split, label, index)[0]
    follow = rng.uniform(size=2) < (spec.video_cue, spec.audio_cue)
    weak = rng.uniform(size=2) < (spec.video_weak, spec.audio_weak)
    other = rng.integers(len(CLASSES), size=2)
    cues = np.where(follow, cue_of(domain, label), other)
    seconds = rng.uniform(spec.min_seconds, spec.max_seconds)
    return Clip(domain, split, label, index, round(seconds * spec.fps),
                bool(weak[0]), bool(weak[1]), int(cues[0]), int(cues[1]))


def render_clip(spec: MiniHACSpec,
                clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Render one clip.

    Args:
        spec (MiniHACSpec): The data set.
        clip (Clip): Result of :func:`plan_clip`.

    Returns:
        tuple[np.ndarray, np.ndarray]: RGB frames (T, size, size, 3) uint8
        and the waveform (S,) in [-1, 1] of the same duration.
    """
    _, video_rng, audio_rng = _streams(spec, clip.domain, clip.split,
                                       clip.label, clip.index)
    style = blend_styles(VIDEO_STYLES, clip.domain, spec.video_shift)
    pose = motion_track(clip.label, clip.num_frames, spec.fps,
                        WEAK_MOTION if clip.video_weak else 1.0, video_rng)
    frames = render_video(pose, style, clip.video_cue, spec.tint, spec.size,
                          video_rng)
    style = blend_styles(AUDIO_STYLES, clip.domain, spec.audio_shift)
    samples = round(clip.num_frames / spec.fps * spec.sample_rate)
    source = sound_source(clip.label, samples, spec.sample_rate, style,
                          audio_rng)
    wave = render_audio(source, style, clip.audio_cue, spec.hum,
                        WEAK_SOUND if clip.audio_weak else 1.0,
                        spec.sample_rate, audio_rng)
    return frames, wave


def write_video(path: str | Path, frames: np.ndarray,
                fps: int) -> None:
    """Write RGB frames (T, H, W, 3) uint8 as H.264 yuv420p by PyAV."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream(
            'libx264',
            rate=fps,
            options=dict(preset='veryfast', crf='18', threads='1'))
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
        subtype='PCM_16')


def is_complete(root: str | Path, spec: MiniHACSpec) -> bool:
    """Whether ``root`` holds a finished tree of ``spec``.

    Raises:
        ValueError: If ``root`` holds a tree of another spec.
        FileExistsError: If ``root`` holds anything else.
    """
    root = Path(root)
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    marker = root / MARKER
    if not marker.is_file():
        raise FileExistsError(
            f'{root} exists and is no MiniHAC tree (it has no {MARKER}): '
            'choose another folder or remove it')
    found = json.loads(marker.read_text())
    if found['fingerprint'] != spec.fingerprint():
        wanted = asdict(spec)
        other = {
            k: (found['spec'].get(k), v)
            for k, v in wanted.items() if found['spec'].get(k) != v
        }
        raise ValueError(
            f'{root} holds a MiniHAC tree of another spec or generator '
            f'version; (found, wanted) differ in {other}: choose another '
            'folder or remove it')
    return True


def generate_mini_hac(root: str | Path,
                      spec: MiniHACSpec | None = None,
                      workers: int | None = None) -> Path:
    """Write a MiniHAC tree in the layout of HAC, unless it is there.

    The tree is written under a temporary name beside ``root`` and renamed
    when it is finished: an interrupted run leaves nothing under ``root``.
    The files depend on ``spec`` alone, not on ``workers``.

    Args:
        root (str | Path): Folder of the tree, absent or empty.
        spec (MiniHACSpec, optional): The data set. Defaults to
            ``MiniHACSpec()``.
        workers (int, optional): Number of processes. Defaults to the
            number of usable cores.

    Returns:
        Path: ``root``.

    Raises:
        ValueError: If ``workers`` is not positive or ``root`` holds a tree
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
        plan_clip(spec, domain, split, label, index) for domain in DOMAINS
        for split in SPLITS for label in range(len(CLASSES))
        for index in range(spec.num_clips(split))
    ]
    root.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(
        tempfile.mkdtemp(prefix=f'.{root.name}.partial-', dir=root.parent))
    try:
        _write_tree(partial, spec, clips, workers)
        partial.chmod(0o755)
        try:
            partial.rename(root)
        except OSError:
            # Another process may have finished the same tree meanwhile.
            if not is_complete(root, spec):
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return root


def _write_tree(root: Path, spec: MiniHACSpec, clips: list[Clip],
                workers: int) -> None:
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
            write, clips, nproc=workers, chunksize=4, description='MiniHAC')
    finally:
        cv2.setNumThreads(threads)
    for domain in DOMAINS:
        for split in SPLITS:
            name = f'HAC_{split}_only_{domain}.csv'
            with open(root / 'HAC_Splits' / name, 'w', newline='') as f:
                csv.writer(f, lineterminator='\n').writerows(
                    (f'{c.stem}.mp4', c.label) for c in clips
                    if (c.domain, c.split) == (domain, split))
    content = dict(fingerprint=spec.fingerprint(), spec=asdict(spec))
    (root / MARKER).write_text(json.dumps(content, indent=2) + '\n')
