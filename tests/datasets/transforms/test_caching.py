# Copyright (c) mmgmp authors.
"""`CachedTransforms` saves work and changes nothing."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmgmp.datasets import CachedTransforms, DecodeFrames
from mmgmp.datasets.transforms import caching
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
    assert len(cached) == 2
    assert 4000 <= cached.num_bytes < 6000


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
    cached = CachedTransforms([load], max_megabytes=0.006)
    for _ in range(2):
        for name in 'abcd':
            assert (cached(dict(filename=name))['array'] == 1).all()
    assert load.calls == ['a', 'b', 'c', 'd', 'c', 'd']
    assert 4000 <= cached.num_bytes < 6000
    assert len(messages) == 1
    assert 'full after 2 samples' in messages[0]
    for wrong in (-1, float('nan')):
        with pytest.raises(ValueError, match='max_megabytes'):
            CachedTransforms([load], max_megabytes=wrong)


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
        assert len(cached) == kept
        assert kept * size <= cached.num_bytes < kept * (size + 3000) + 1
        assert (used[1] is used[2]) == bool(kept)


@pytest.mark.parametrize(
    'make',
    [
        lambda: torch.zeros(50_000),
        lambda: torch.zeros(50_000)[:2],  # the copy has the whole storage
        lambda: [0] * 25_000,
        lambda: [i / 7 for i in range(7000)],
        lambda: bytes(200_000),
        lambda: 'x' * 200_000,
        lambda: dict(a=dict(b=(torch.zeros(50_000),))),
        lambda: {i: str(i) for i in range(3000)},
        lambda: np.array([bytes(200_000), None], dtype=object),
        lambda: {frozenset([bytes(200_000)])},
        lambda: SimpleNamespace(inner=SimpleNamespace(x=bytes(200_000))),
    ],
)
def test_all_kinds_of_values_are_counted(make):
    value = make()
    for megabytes, kept in ((1.2, 1), (0.15, 0)):
        cached = CachedTransforms(
            [lambda results: dict(results, x=value)], max_megabytes=megabytes
        )
        for _ in range(2):
            cached(dict(filename='a'))
        assert len(cached) == kept
        assert (cached.num_bytes >= 190_000) == bool(kept)


def test_values_that_contain_each_other_are_counted_once():
    circle = [np.zeros(1000, np.uint8)]
    circle.append(circle)
    cached = CachedTransforms(
        [lambda results: dict(results, x=circle, y=circle)]
    )
    cached(dict(filename='a'))
    assert 1000 <= cached.num_bytes < 2000


def test_default_is_shared_by_workers_and_ranks(monkeypatch):
    def limit():
        cached = CachedTransforms([Load()])
        cached(dict(filename='a'))
        return cached.max_megabytes

    monkeypatch.setattr(caching, 'available_memory', lambda: 64e9)
    assert limit() == 2000
    worker = SimpleNamespace(num_workers=4)
    monkeypatch.setattr(caching, 'get_worker_info', lambda: worker)
    assert limit() == 500
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')
    assert limit() == 250
    monkeypatch.setattr(caching, 'available_memory', lambda: 3.2e9)
    assert limit() == 100


def test_memory_of_this_machine():
    assert 1e6 < caching.available_memory() < float('inf')
