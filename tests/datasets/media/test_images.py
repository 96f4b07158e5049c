# Copyright (c) mmgmp authors.
"""Frames are turned and mirrored as players show them."""

import cv2
import numpy as np
import pytest

from mmgmp.apis.inferencers.media_file_pipeline import turn_upright
from mmgmp.datasets import DecodeFrames, OpenVideo
from mmgmp.datasets.media import images
from mmgmp.datasets.media.images import upright
from mmgmp.datasets.media.video import VideoReader, read_video
from tests.utils.muxing import write_seconds

TURNS = [
    (degrees, flip, False)
    for degrees in (0, 90, 180, 270)
    for flip in (False, True)
] + [(0, False, True), (90, False, True)]


def expected(image, degrees, horizontal, vertical):
    """Counter-clockwise, then mirrored."""
    image = np.rot90(image, degrees // 90)
    image = image[:, ::-1] if horizontal else image
    return image[::-1] if vertical else image


@pytest.mark.parametrize('suffix', ['mp4', 'mov'])
@pytest.mark.parametrize('turn', TURNS)
def test_all_readers_turn_frames(tmp_path, suffix, turn):
    times = np.arange(0, 2, 0.25)
    flat = write_seconds(tmp_path / f'a.{suffix}', times, ('libx264', None))
    path = write_seconds(
        tmp_path / f'b.{suffix}', times, ('libx264', None), turn=turn
    )
    shown = [expected(image, *turn) for image in read_video(flat)[0]]
    np.testing.assert_array_equal(read_video(path)[0], shown)
    for in_memory in (False, True):
        item = OpenVideo(in_memory)(dict(filename=path, start_index=0))
        item['frame_inds'] = np.array([7, 0, 3])
        item = DecodeFrames()(item)
        # It does not turn them twice.
        item = turn_upright(item)
        np.testing.assert_array_equal(
            item['imgs'], [shown[i] for i in (7, 0, 3)]
        )
        assert item['img_shape'] == shown[0].shape[:2]
    small = OpenVideo(True, 24)(dict(filename=path))['video_reader']
    assert min(small.read([0])[0].shape[:2]) == 24
    if not any(turn[1:]):
        # OpenCV ignores flips.
        video = cv2.VideoCapture(path)
        found = video.read()[1][..., ::-1].astype(int)
        assert np.abs(found - shown[0]).mean() < 8


def test_frames_of_another_decoder_are_turned_once(tmp_path):
    path = write_seconds(
        tmp_path / 'a.mp4', np.array([0, 1]), turn=(90, False, False)
    )
    item = dict(filename=path, imgs=[np.zeros((48, 64, 3), np.uint8)])
    item = turn_upright(item)
    assert item['imgs'][0].shape == (64, 48, 3)
    assert turn_upright(item)['imgs'][0].shape == (64, 48, 3)


def test_other_angles_are_ignored(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        images, 'print_log', lambda text, **_: said.append(text)
    )
    path = write_seconds(
        tmp_path / 'a.mp4', np.array([0, 1]), turn=(30, False, False)
    )
    assert VideoReader(path).read([0])[0].shape == (48, 64, 3)
    assert 'a.mp4 asks players to turn it by an angle' in said[0]
    image = np.zeros((2, 3, 3), np.uint8)
    assert upright(image, (65536, 500, -500, 65536), path) is image
