# Copyright (c) mmgmp authors.
"""Small trees in the formats of HAC and EPIC-Kitchens."""

import csv
from itertools import product
from pathlib import Path
from typing import Any

import mmcv
import numpy as np

from tests.utils.media import moving_frames, tone, write_video, write_wav

EPIC_FOLDER = 'MM-SADA_Domain_Adaptation_Splits'
VERBS = ('take', 'put', 'open', 'close', 'wash', 'cut', 'mix', 'pour')
PARTICIPANTS = dict(D1='P08', D2='P01', D3='P22')
WAV_SECONDS = 4
HAC_DOMAINS = ('human', 'animal', 'cartoon')


def make_hac_twin(
    root: Path,
    clips: int = 2,
    num_frames: int = 24,
    size: tuple[int, int] = (32, 40),
    fps: int = 12,
    nested: bool = False,
) -> Path:
    """Write a twin of HAC with video, sound and optical flow.

    ``clips`` clips of each domain and split, with the classes 0, 1, ... in
    turn; one name has a space before its suffix, and the first training clip
    of 'human' is a row of its test file too.

    Args:
        root: Folder of the tree, made if absent.
        clips: Clips of each domain and split.
        num_frames: Frames of each video. Flow has one frame less, and its
            vertical component one more less, as in some published files.
        size: (H, W) of the frames.
        fps: Frames per second.
        nested: Whether the domains' folders are in ``HAC_Splits``.

    Returns:
        ``root``.
    """
    splits = root / 'HAC_Splits'
    splits.mkdir(parents=True, exist_ok=True)
    label = 0
    for domain in HAC_DOMAINS:
        media = (splits if nested else root) / domain
        for folder in ('videos', 'audio', 'flow'):
            (media / folder).mkdir(parents=True)
        rows = {}
        for split in ('train', 'test'):
            rows[split] = []
            for i in range(clips):
                space = ' ' if split == 'train' and i == 1 else ''
                stem = f'{domain}_{split}_{i}{space}'
                rows[split].append(f'{stem}.mp4,{label % 7}\n')
                frames = clip_frames(num_frames, size, label)
                write_video(media / 'videos' / f'{stem}.mp4', frames, fps)
                wave = tone(num_frames / fps, hertz=200 + 50 * label)
                write_wav(media / 'audio' / f'{stem}.wav', wave)
                _write_flow(
                    frames[1:], fps, media / 'flow' / f'{stem}_flow_', 'xy'
                )
                label += 1
        if domain == 'human':
            rows['test'].append(rows['train'][0])
        for split, lines in rows.items():
            table = splits / f'HAC_{split}_only_{domain}.csv'
            table.write_text(''.join(lines))
    return root


def make_epic_twin(
    root: Path,
    media: str = 'clips',
    actions: int = 2,
    num_frames: int = 40,
    size: tuple[int, int] = (32, 40),
) -> Path:
    """Write a twin of EPIC-Kitchens with video, sound and optical flow.

    One video for each domain and split, with ``actions`` actions of
    ``num_frames`` frames at 60 per second, the first of which begins at
    frame 31; the classes are 0, 1, ... in turn.

    Args:
        root: Folder of the tree, made if absent.
        media: 'clips' or 'frames'.
        actions: Actions of each domain and split, 5 at the most.
        num_frames: Frames of each action.
        size: (H, W) of the frames.

    Returns:
        ``root``.
    """
    (root / EPIC_FOLDER).mkdir(parents=True, exist_ok=True)
    number = 0
    for domain, split in product(PARTICIPANTS, ('train', 'test')):
        video = f'{PARTICIPANTS[domain]}_{1 if split == "train" else 11:02d}'
        rows = []
        for i in range(actions):
            start = 31 + (num_frames + 5) * i
            rows.append(
                epic_row(number, video, start, start + num_frames, number % 8)
            )
            number += 1
        write_rows(root / EPIC_FOLDER / f'{domain}_{split}.csv', rows)
        write = _write_frames if media == 'frames' else _write_clips
        write(root, Path(split, domain), domain, video, rows, size)
    return root


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a split file as ``convert_splits.py`` does."""
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, rows[0], lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


def epic_row(
    uid: int, video: str, start: int, stop: int, label: int
) -> dict[str, Any]:
    """Row of a split file; its times are those of the frames."""
    return dict(
        uid=uid,
        participant_id=video.partition('_')[0],
        video_id=video,
        narration=f'{VERBS[label]} cup, "the red one"',
        start_timestamp=f'00:00:{start / 60:05.2f}',
        stop_timestamp=f'00:00:{stop / 60:05.2f}',
        start_frame=start,
        stop_frame=stop,
        verb=VERBS[label],
        verb_class=label,
    )


def _write_frames(
    root: Path,
    part: Path,
    domain: str,
    video: str,
    rows: list[dict],
    size: tuple[int, int],
) -> None:
    folder, flow = root / 'rgb' / part / video, root / 'flow' / part / video
    for path in (folder, flow / 'u', flow / 'v'):
        path.mkdir(parents=True)
    write_wav(folder.parent / f'{video}.wav', sweep())
    for row in rows:
        first, last = row['start_frame'], row['stop_frame']
        frames = clip_frames(last - first, size, row['uid'])
        for i, frame in enumerate(frames):
            mmcv.imwrite(frame[..., ::-1], str(folder / frame_name(first + i)))
        first = -(-first // 2)
        for i, frame in enumerate(frames[: len(frames) // 2]):
            for c, name in enumerate('uv'):
                path = flow / name / frame_name(first + i)
                mmcv.imwrite(frame[..., c], str(path))


def _write_clips(
    root: Path,
    part: Path,
    domain: str,
    video: str,
    rows: list[dict],
    size: tuple[int, int],
) -> None:
    root = root / EPIC_FOLDER
    for name in ('video', 'flow', 'audio'):
        (root / name / part).mkdir(parents=True)
    write_wav(root / 'audio' / part / f'{video}.wav', sweep())
    for row in rows:
        first, last, label = (
            row[k] for k in ('start_frame', 'stop_frame', 'verb_class')
        )
        frames = clip_frames(last - first, size, row['uid'])
        name = f'{domain}_{video}_{first}_{last}_{label}.mp4'
        write_video(root / 'video' / part / name, frames, 60)
        begin, length = -(-first // 2), (last - first) // 2
        stem = f'{domain}_{video}_{begin}_{begin + length}_{label}_'
        _write_flow(frames[:length], 30, root / 'flow' / part / stem, 'uv')


def _write_flow(
    frames: np.ndarray, fps: int, stem: Path, components: str
) -> None:
    """Write two grey videos; the second one is shorter by a frame."""
    for c, name in enumerate(components):
        grey = np.repeat(frames[: len(frames) - c, ..., c, None], 3, axis=-1)
        write_video(stem.with_name(f'{stem.name}{name}.mp4'), grey, fps)


def clip_frames(
    num_frames: int, size: tuple[int, int], number: int
) -> np.ndarray:
    """Frames of a clip before it was compressed, (T, H, W, 3) uint8."""
    return np.roll(moving_frames(num_frames, *size), number, axis=2)


def frame_name(number: int) -> str:
    """File name of a frame."""
    return f'frame_{number:010d}.jpg'


def sweep() -> np.ndarray:
    """Sound of a whole video, different at each moment: (S,) at 16 kHz."""
    time = np.arange(WAV_SECONDS * 16000) / 16000
    return 0.5 * np.sin(2 * np.pi * (200 + 300 * time) * time)
