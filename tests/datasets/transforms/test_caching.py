# Copyright (c) mmgmp authors.
"""`CachedTransforms` saves work and changes nothing."""

import random

import numpy as np
import pytest
import torch

from mmgmp.datasets import CachedTransforms, DecodeFrames
from tests.utils.media import moving_frames, write_video


class Load:
    """Adds an array that depends on the file, and counts its calls."""

    def __init__(self, draw=lambda: None):
        self.calls = []
        self.draw = draw

    def __call__(self, results):
        self.calls.append(results['filename'])
        self.draw()
        results['array'] = np.full(1000, len(results['filename']), np.uint8)
        results['imgs'] = [results['array'] + 1]
        results['modality'] = 'RGB'
        return results


def test_each_file_is_read_once():
    load = Load()
    cached = CachedTransforms([load])
    for _ in range(3):
        for name in ('a', 'bb'):
            results = cached(dict(filename=name, label=len(name)))
            assert results['label'] == len(name)
            assert (results['array'] == len(name)).all()
            assert results['modality'] == 'RGB'
    assert load.calls == ['a', 'bb']
    assert (len(cached), cached.num_bytes) == (2, 4000)


def test_the_rest_of_the_sample_is_not_cached():
    cached = CachedTransforms([Load()])
    cached(dict(filename='a', label=1, sample_idx=0))
    results = cached(dict(filename='a', label=2, sample_idx=7))
    assert (results['label'], results['sample_idx']) == (2, 7)


def test_later_transforms_may_write_in_place():
    cached = CachedTransforms([Load()])
    for _ in range(3):
        results = cached(dict(filename='a'))
        assert (results['array'] == 1).all()
        assert (results['imgs'][0] == 2).all()
        results['array'][:] = 9
        results['imgs'][0][:] = 9
        results['imgs'].clear()


def test_full_cache_keeps_what_it_has(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'mmgmp.datasets.transforms.caching.print_log',
        lambda message, **_: messages.append(message),
    )
    load = Load()
    cached = CachedTransforms([load], max_megabytes=0.0045)
    for _ in range(2):
        for name in 'abcd':
            assert (cached(dict(filename=name))['array'] == 1).all()
    assert load.calls == ['a', 'b', 'c', 'd', 'c', 'd']
    assert cached.num_bytes == 4000
    assert len(messages) == 1
    assert 'full after 2 samples' in messages[0]
    with pytest.raises(ValueError, match='max_megabytes'):
        CachedTransforms([load], max_megabytes=-1)


@pytest.mark.parametrize(
    'draw', [random.random, np.random.rand, lambda: torch.rand(1)]
)
def test_random_transform_is_refused(draw):
    cached = CachedTransforms([Load(draw)])
    with pytest.raises(ValueError, match='draws random numbers'):
        cached(dict(filename='a'))


def test_open_file_is_refused(tmp_path):
    write_video(tmp_path / 'a.mp4', moving_frames(20))
    cached = CachedTransforms([dict(type='OpenVideo')])
    with pytest.raises(ValueError, match='give `OpenVideo` `in_memory=True`'):
        cached(dict(filename=str(tmp_path / 'a.mp4')))
    assert len(cached) == 0


def test_failed_and_dropped_samples_are_not_cached():
    cached = CachedTransforms([lambda results: None])
    assert cached(dict(filename='a')) is None

    def fail(results):
        raise OSError('unreadable')

    failing = CachedTransforms([fail])
    for _ in range(2):
        with pytest.raises(OSError, match='unreadable'):
            failing(dict(filename='a'))
    assert len(cached) == len(failing) == 0


def test_actions_of_one_folder_of_frames_are_told_apart():
    transform = CachedTransforms([lambda results: dict(results, x=[1])])
    for start, total in ((1, 5), (7, 5), (1, 9), (1, 5)):
        transform(dict(filename='a', start_index=start, total_frames=total))
    assert len(transform) == 3


@pytest.mark.parametrize('alignment', ['true_fps', 'as_released'])
def test_videos_in_memory_are_counted_and_not_copied(tmp_path, alignment):
    path = tmp_path / 'a.mp4'
    write_video(path, moving_frames(20))
    opening = dict(type='OpenVideo', in_memory=True)
    size = 20 * 32 * 40 * 3
    item = dict(filename=str(path), start_index=0, alignment=alignment)
    for megabytes, kept in ((0.08, 1), (0.07, 0)):
        cached = CachedTransforms([opening], max_megabytes=megabytes)
        used = []
        for _ in range(3):
            results = cached(dict(item, frame_inds=np.array([7, 3])))
            reader = results['video_reader']
            used.append(getattr(reader, 'reader', reader).frames)
            results = DecodeFrames()(results)
            if len(used) == 1:
                expected = np.stack(results['imgs'])
            np.testing.assert_array_equal(results['imgs'], expected)
            for image in results['imgs']:
                image[:] = 0
        assert (len(cached), cached.num_bytes) == (kept, kept * size)
        assert (used[1] is used[2]) == bool(kept)
