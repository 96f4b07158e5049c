# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np

from mmgmp.datasets import CorruptMediaError

FONT = cv2.FONT_HERSHEY_SIMPLEX
# Containers that take H.264 and keep their suffix; Matroska takes the sound
# of all others as it is.
SUFFIXES = ('.mp4', '.m4v', '.mov', '.mkv')


def drawn_path(path: str, out_dir: str) -> Path:
    """File that a drawn video is written to."""
    source = Path(path)
    suffix = source.suffix.lower()
    if suffix not in SUFFIXES:
        suffix = '.mkv'
    return Path(out_dir, source.stem + suffix)


def check_drawn_paths(paths: Sequence[str], out_dir: str) -> None:
    """Refuse to overwrite an input or another drawn file.

    Raises:
        ValueError: A drawn file would have the path of another one or of an
            input.
    """
    taken = {Path(path).resolve(): path for path in paths}
    for path in dict.fromkeys(paths):
        target = drawn_path(path, out_dir).resolve()
        if target in taken:
            raise ValueError(
                f'`out_dir` {out_dir}: the drawn {path} would overwrite that '
                f'of {taken[target]} or the file itself; give another folder '
                'or draw them one by one'
            )
        taken[target] = path


def draw_on_video(path: str, out_path: Path, lines: Sequence[str]) -> None:
    """Write a video anew with lines of text on each frame.

    The video is encoded as H.264 and upright; the frames keep their times,
    and the sound tracks are copied as they are. A frame of an odd width or
    height loses its last column or row.

    Args:
        path: Media file.
        out_path: File to write.
        lines: Text.

    Raises:
        CorruptMediaError: The file cannot be decoded to its end; nothing is
            left at ``out_path``.
    """
    try:
        with (
            av.open(path, metadata_errors='ignore') as source,
            av.open(str(out_path), 'w') as target,
        ):
            _transcode(source, target, read_rotation(path), lines)
    except av.FFmpegError as error:
        out_path.unlink(missing_ok=True)
        raise CorruptMediaError(
            f'media file {path} cannot be drawn on: {error}'
        ) from error


def read_rotation(path: str) -> int:
    """Degrees by which a video is to be turned counter-clockwise to show it.

    Raises:
        av.FFmpegError: The file cannot be decoded.
    """
    with av.open(path, metadata_errors='ignore') as container:
        rotation = next(container.decode(video=0)).rotation
    return 90 * round(rotation / 90)


def _transcode(source, target, rotation: int, lines: Sequence[str]) -> None:
    """Encode the first video stream with text, copy the audio streams."""
    video = source.streams.video[0]
    encoder = target.add_stream('libx264', rate=video.average_rate)
    # Set before the first packet, with which the header is written.
    size = (video.height // 2 * 2, video.width // 2 * 2)
    encoder.height, encoder.width = size[::-1] if rotation % 180 else size
    encoder.pix_fmt = 'yuv420p'
    encoder.codec_context.time_base = video.time_base
    copies = {
        stream.index: target.add_stream_from_template(stream)
        for stream in source.streams.audio
    }
    for packet in source.demux(video, *source.streams.audio):
        if packet.stream_index == video.index:
            for frame in packet.decode():
                image = frame.to_ndarray(format='rgb24')
                image = _even(upright(image, rotation))
                drawn = av.VideoFrame.from_ndarray(draw_text(image, lines))
                drawn.pts, drawn.time_base = frame.pts, frame.time_base
                target.mux(encoder.encode(drawn))
        elif packet.dts is not None:  # the last one of a stream is empty
            packet.stream = copies[packet.stream_index]
            target.mux(packet)
    target.mux(encoder.encode())


def upright(image: np.ndarray, degrees: int) -> np.ndarray:
    """Turn an image (H, W, C) counter-clockwise by a multiple of 90."""
    return np.rot90(image, degrees // 90)


def _even(image: np.ndarray) -> np.ndarray:
    """Contiguous copy (H, W, C) with even H and W, as 4:2:0 needs."""
    height, width = (length // 2 * 2 for length in image.shape[:2])
    return image[:height, :width].copy()


def draw_text(image: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Write lines of text on a dark band over the top of an image.

    Args:
        image: (H, W, 3) uint8, which is written to.
        lines: Text, as large as a 20th of the height or as fits the
            width.

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
