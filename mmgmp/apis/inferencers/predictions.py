# Copyright (c) mmgmp authors.
"""Convert a prediction to a dict, a table, or text drawn on the video."""

import os
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from mmaction.structures import ActionDataSample

from mmgmp.datasets import CorruptMediaError
from mmgmp.datasets.media.container import (
    open_container,
    video_stream,
)
from mmgmp.datasets.media.images import read_display_matrix, upright
from mmgmp.models.heads.multimodal_head import UNIMODAL_SUFFIX

FONT = cv2.FONT_HERSHEY_SIMPLEX
# Containers that support H.264. All other videos are written as Matroska,
# which can hold their audio codecs unchanged.
SUFFIXES = ('.mp4', '.m4v', '.mov', '.mkv')


def to_dict(
    sample: ActionDataSample, classes: Sequence[str], topk: int
) -> dict:
    """Convert a prediction to plain Python types, with class names.

    Args:
        sample: Prediction with ``pred_score`` (branch -> (K,)), ``filename``
            and ``missing``.
        classes: The K class names.
        topk: Number of classes to return, those with the best ``fused`` score.

    Returns:
        ``filename``, ``missing`` (modality -> reason) and ``classes``, best
        first: dicts of ``name``, ``label`` (class index) and ``scores``
        (branch -> score in [0, 1]).
    """
    scores = {b: score.tolist() for b, score in sample.pred_score.items()}
    order = sorted(range(len(classes)), key=lambda k: -scores['fused'][k])
    return dict(
        filename=sample.filename,
        missing=dict(sample.missing),
        classes=[
            dict(
                name=classes[k],
                label=k,
                scores={branch: score[k] for branch, score in scores.items()},
            )
            for k in order[:topk]
        ],
    )


def format_prediction(prediction: dict) -> str:
    """Format a prediction as a table, in percent.

    Args:
        prediction: Result of :func:`to_dict`.

    Returns:
        Lines: the file, the reason for each missing modality, and a row for
        each class with the fused score and the score of each modality alone.

    Example:
        >>> scores = dict(fused=0.75, video=0.5)
        >>> row = dict(name='running', label=0, scores=scores)
        >>> prediction = dict(filename='a.mp4', missing={}, classes=[row])
        >>> print(format_prediction(prediction))
        a.mp4
        score (%)   fused   video
        running      75.0    50.0
    """
    rows = prediction['classes']
    branches = [
        b for b in rows[0]['scores'] if not b.endswith(UNIMODAL_SUFFIX)
    ]
    width = max(map(len, ['score (%)', *(row['name'] for row in rows)]))
    # A file name need not be valid text.
    name = prediction['filename'].encode(errors='backslashreplace').decode()
    lines = [name]
    lines += [f'no {m}: {why}' for m, why in prediction['missing'].items()]
    lines.append(
        'score (%)'.ljust(width) + ''.join(f'{b:>8}' for b in branches)
    )
    for row in rows:
        values = [f'{100 * row["scores"][b]:8.1f}' for b in branches]
        lines.append(row['name'].ljust(width) + ''.join(values))
    return '\n'.join(lines)


def captions(sample: ActionDataSample, classes: Sequence[str]) -> list[str]:
    """Format the top class of all modalities together and of each alone.

    Args:
        sample: See :func:`to_dict`.
        classes: The K class names.

    Returns:
        One short line for each of these, and for each missing modality.
    """
    lines = []
    for branch, score in sample.pred_score.items():
        if not branch.endswith(UNIMODAL_SUFFIX):
            best = int(score.argmax())
            percent = 100 * float(score[best])
            lines.append(f'{branch}: {classes[best]} {percent:.0f}%')
    return lines + [f'no {modality}' for modality in sample.missing]


def drawn_path(path: str, out_dir: str) -> Path:
    """Choose the path of the copy of a video in ``out_dir``."""
    source = Path(path)
    suffix = source.suffix.lower()
    if suffix not in SUFFIXES:
        suffix = '.mkv'
    return Path(out_dir, source.stem + suffix)


def check_drawn_paths(paths: Sequence[str], out_dir: str) -> None:
    """Check that no copy overwrites an input, another copy or another file.

    Raises:
        ValueError: ``out_dir`` is not a folder, or a copy would overwrite a
            file or another copy.
    """
    if os.path.lexists(out_dir) and not Path(out_dir).is_dir():
        raise ValueError(f'`out_dir` {out_dir} is a file, not a folder')
    taken = {Path(path).resolve(): path for path in paths}
    for path in dict.fromkeys(paths):
        target = drawn_path(path, out_dir).resolve()
        if target in taken:
            raise ValueError(
                f'`out_dir` {out_dir}: the copy of {path} would overwrite '
                f'{taken[target]} or its copy; choose another folder, or pass '
                'the files one by one'
            )
        taken[target] = path
    for path in paths:
        if os.path.lexists(drawn := drawn_path(path, out_dir)):
            raise ValueError(
                f'`out_dir` {out_dir} already has {drawn.name}: remove it, or '
                'choose another folder'
            )


def draw_on_video(path: str, out_path: Path, lines: Sequence[str]) -> None:
    """Write a copy of a video with lines of text on each frame.

    The video is encoded upright as H.264. The frames keep their times, and
    the sound tracks are copied unchanged. A frame with an odd width or height
    loses its last column or row.

    Args:
        path: Media file.
        out_path: New file. It is removed again if an error occurs.
        lines: Text.

    Raises:
        CorruptMediaError: The file cannot be decoded to its end.
        OSError: ``out_path`` exists, also as a link, or cannot be written.
    """
    with open(out_path, 'xb') as file:
        try:
            with (
                open_container(path) as source,
                av.open(file, 'w') as target,
            ):
                _transcode(source, target, path, lines)
        except BaseException as error:
            out_path.unlink()
            # PyAV's own errors; some of them are errors of the system, too.
            if isinstance(error, av.FFmpegError):
                raise CorruptMediaError(
                    f'media file {path} cannot be drawn on: {error}'
                ) from error
            raise


def _transcode(source, target, path: str, lines: Sequence[str]) -> None:
    """Encode the main video stream with text, and copy the audio streams."""
    video, rate = video_stream(source, path)
    encoder = target.add_stream('libx264', rate=rate)
    # Set before the first packet, which writes the header.
    matrix = read_display_matrix(path)
    stored = np.empty((video.height, video.width, 1), np.uint8)
    shape = _even(upright(stored, matrix, path)).shape
    encoder.height, encoder.width = shape[:2]
    encoder.pix_fmt = 'yuv420p'
    encoder.codec_context.time_base = video.time_base
    copies = {
        stream.index: target.add_stream_from_template(stream)
        for stream in source.streams.audio
        if stream.codec_context is not None
    }
    for packet in source.demux(video, *source.streams.audio):
        if packet.stream_index == video.index:
            for frame in packet.decode():
                image = frame.to_ndarray(format='rgb24')
                image = _even(upright(image, matrix, path))
                drawn = av.VideoFrame.from_ndarray(draw_text(image, lines))
                drawn.pts, drawn.time_base = frame.pts, frame.time_base
                target.mux(encoder.encode(drawn))
        # The last packet of a stream is empty.
        elif packet.dts is not None and packet.stream_index in copies:
            packet.stream = copies[packet.stream_index]
            target.mux(packet)
    target.mux(encoder.encode())


def _even(image: np.ndarray) -> np.ndarray:
    """Copy an image with even height and width, which 4:2:0 needs."""
    height, width = (length // 2 * 2 for length in image.shape[:2])
    return image[:height, :width].copy()


def draw_text(image: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Write lines of text on a dark band over the top of an image.

    Args:
        image: (H, W, 3) uint8, changed in place.
        lines: Text. Its height is 1/20 of the image height, or less if it
            would not fit the width.

    Returns:
        ``image``.
    """
    height, width = image.shape[:2]
    sizes = [cv2.getTextSize(line, FONT, 1, 1)[0] for line in lines]
    widest, tallest = max(w for w, _ in sizes), max(h for _, h in sizes)
    scale = min(0.95 * width / widest, height / 20 / tallest)
    step = 1.6 * scale * tallest
    image[: round((len(lines) + 0.5) * step)] //= 3
    for number, line in enumerate(lines, start=1):
        cv2.putText(
            image,
            line,
            (round(0.02 * width), round(number * step)),
            FONT,
            scale,
            (255, 255, 255),
            max(1, round(2 * scale)),
            cv2.LINE_AA,
        )
    return image
