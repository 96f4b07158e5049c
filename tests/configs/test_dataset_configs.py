# Copyright (c) mmgmp authors.
"""Pipelines of HAC and EPIC-Kitchens match the published code."""

from itertools import combinations

import cv2
import mmcv
import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS
from scipy import signal

from mmgmp.datasets.media.audio import read_audio
from mmgmp.datasets.media.video import read_video
from tests.utils.leaves import read_leaf
from tests.utils.twins import make_epic_twin, make_hac_twin

MODALITIES = [
    '-'.join(chosen)
    for size in (1, 2, 3)
    for chosen in combinations(('video', 'audio', 'flow'), size)
]
NAMES = [(name, m) for name in ('hac', 'epic_kitchens') for m in MODALITIES]
SHAPES = dict(
    video=((1, 3, 32, 224, 224), (1, 3, 32, 224, 224)),
    audio=((1, 257, 1004), (1, 257, 1004)),
    flow=((1, 2, 8, 224, 224), (1, 2, 8, 256, 256)),
)


@pytest.fixture(scope='module')
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp('twins')
    make_hac_twin(root / 'hac', num_frames=70, fps=30)
    make_epic_twin(root / 'clips', 'clips', num_frames=80)
    make_epic_twin(root / 'frames', 'frames', num_frames=80)
    return root


def build(name, modalities, part, root, domains, **settings):
    cfg = read_leaf('erm', dataset=name, modalities=modalities)
    dataset = cfg[f'{part}_dataloader'].dataset
    dataset.update(source_domains=None, data_root=str(root), domains=domains)
    dataset.update(settings)
    return DATASETS.build(dataset)


@pytest.mark.parametrize(('name', 'modalities'), NAMES)
@pytest.mark.parametrize('media', ['clips', 'frames'])
def test_inputs(name, modalities, media, twins):
    settings, root, domain = dict(), twins / 'hac', 'human'
    if name == 'epic_kitchens':
        settings, root, domain = dict(media=media), twins / media, 'D2'
    elif media == 'frames':
        return
    for i, part in enumerate(('train', 'val', 'test')):
        source_domains = ['cartoon' if name == 'hac' else 'D1']
        if part == 'test':
            settings['source_domains'] = source_domains
        dataset = build(name, modalities, part, root, [domain], **settings)
        results = dataset[1]
        assert list(results['inputs']) == modalities.split('-')
        for modality, value in results['inputs'].items():
            assert tuple(value.shape) == SHAPES[modality][i > 0]
        sample = results['data_samples']
        assert sample.domain == (-1 if part == 'test' else 0)
        assert sample.domain_name == domain


def test_sound_alone_is_that_of_the_pictures(twins):
    sounds = [
        build('hac', m, 'val', twins / 'hac', ['animal'])[1]['inputs']['audio']
        for m in ('audio', 'video-audio')
    ]
    assert torch.equal(*sounds)


# --- the published code, step by step ---------------------------------------


def spectrogram(samples, start, end, rate):
    """HAC's piece of sound."""
    samples = samples[int(np.round(start * rate)) : int(np.round(end * rate))]
    samples = samples[:160000]
    if len(samples) == 0:
        samples = np.zeros(160000)
    while len(samples) < 160000:
        samples = np.tile(samples, 10)[:160000]
    x = signal.spectrogram(
        np.clip(samples, -1, 1), rate, nperseg=512, noverlap=353
    )[2]
    x = np.log(x + 1e-7)
    return (x - np.mean(x)) / (np.std(x) + 1e-9)


def centre(frames, short_side, size):
    """Resized and cropped frames, (T, H, W, C)."""
    h, w = frames[0].shape[:2]
    scale = short_side / min(h, w)
    new = (int(w * scale + 0.5), int(h * scale + 0.5))
    top, left = (new[1] - size) // 2, (new[0] - size) // 2
    return np.stack(
        [
            cv2.resize(f, new)[top : top + size, left : left + size]
            for f in frames
        ]
    )


def indices(length, clip_len, interval):
    """Centred clip of MMAction2's SampleFrames, wrapped."""
    window = (clip_len - 1) * interval + 1
    first = max(length - window, 0) // 2
    return (first + interval * np.arange(clip_len)) % length


@pytest.mark.parametrize('modalities', ['video-audio-flow', 'audio-flow'])
def test_hac_as_released(twins, modalities):
    dataset = build(
        'hac',
        modalities,
        'val',
        twins / 'hac',
        ['animal'],
        alignment='as_released',
    )
    item, inputs = dataset.get_data_info(1), dataset[1]['inputs']
    shifted = {}
    for modality, clip in (('video', (32, 2)), ('flow', (8, 4))):
        path = item['flow_paths'][0]
        path = item['filename'] if modality == 'video' else path
        shifted[modality] = indices(len(read_video(path)[0]) - 1, *clip)
    if 'video' in inputs:
        frames = read_video(item['filename'])[0]
        chosen = frames[np.maximum(shifted['video'] - 1, 0)]
        expected = centre(chosen, 256, 224).transpose(3, 0, 1, 2)
        np.testing.assert_array_equal(inputs['video'][0], expected)
    components = []
    for path in item['flow_paths']:
        frames = read_video(path)[0]
        chosen = [
            frames[min(max(i - 1, 0), len(frames) - 1)]
            for i in shifted['flow']
        ]
        grey = [mmcv.rgb2gray(f) for f in chosen]
        components.append(centre(grey, 256, 256))
    np.testing.assert_array_equal(inputs['flow'][0], np.stack(components))
    frames = shifted['video' if 'video' in inputs else 'flow']
    wave, rate = read_audio(item['audio_path'])
    expected = spectrogram(
        wave.astype(np.float64), frames[0] / 24, frames[-1] / 24, rate
    )
    np.testing.assert_allclose(inputs['audio'][0], expected, atol=1e-5)


@pytest.mark.parametrize('media', ['clips', 'frames'])
def test_sound_of_epic_kitchens(twins, media):
    dataset = build(
        *('epic_kitchens', 'video-audio', 'val'),
        *(twins / media, ['D1']),
        media=media,
    )
    item = dataset.get_data_info(1)
    wave, rate = read_audio(item['audio_path'])
    expected = spectrogram(
        wave.astype(np.float64), item['audio_start'], item['audio_stop'], rate
    )
    audio = dataset[1]['inputs']['audio'][0]
    np.testing.assert_allclose(audio, expected, atol=1e-5)


def test_true_frame_rate(twins):
    dataset = build('hac', 'video-audio', 'val', twins / 'hac', ['animal'])
    item, inputs = dataset.get_data_info(1), dataset[1]['inputs']
    frames, _ = read_video(item['filename'])
    chosen = indices(70, 32, 2)
    expected = centre(frames[chosen], 256, 224).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(inputs['video'][0], expected)
    wave, rate = read_audio(item['audio_path'])
    expected = spectrogram(
        wave.astype(np.float64), chosen[0] / 30, (chosen[-1] + 1) / 30, rate
    )
    np.testing.assert_allclose(inputs['audio'][0], expected, atol=1e-5)
