"""The whole pipeline, from media files to the model inputs."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from mmgmp.datasets import HACDataset
from tests.utils.media import write_hac

AUDIO = [
    dict(type='LoadAudio'),
    dict(type='AudioSpectrogram', num_samples=8000, nperseg=128, noverlap=28),
]
PACK = [
    dict(type='FormatSpectrogram'),
    dict(
        type='KeyMapper',
        transforms=[],
        remapping=dict(imgs='video', audios='audio'),
    ),
    dict(
        type='PackActionInputs',
        collect_keys=('video', 'audio'),
        algorithm_keys=('domain',),
        meta_keys=('filename', 'domain_name'),
    ),
]
AUGMENT = [
    dict(type='RandomResizedCrop', area_range=(0.3, 1.0)),
    dict(type='Resize', scale=(16, 16), keep_ratio=False),
    dict(type='Flip', flip_ratio=0.5),
    dict(type='FormatShape', input_format='NCTHW'),
    *AUDIO,
    dict(type='SpectrogramAugment', mask_bins=3),
    *PACK,
]
CENTRE = [
    dict(type='Resize', scale=(-1, 16)),
    dict(type='CenterCrop', crop_size=16),
    dict(type='FormatShape', input_format='NCTHW'),
    *AUDIO,
]
DECODERS = dict(
    ours=('OpenVideo', 'DecodeFrames'),
    pyav=('PyAVInit', 'PyAVDecode'),
    decord=('DecordInit', 'DecordDecode'),
)


def frames(decoder, test_mode):
    """Sample and decode 4 frames, every second one."""
    first, last = DECODERS[decoder]
    first = dict(type=first)
    if decoder == 'ours':
        first['in_memory'] = True
    sample = dict(
        type='SampleFrames',
        clip_len=4,
        frame_interval=2,
        test_mode=test_mode,
    )
    return [first, sample, dict(type=last)]


def cached_training(num_transforms=1):
    pipeline = frames('ours', test_mode=False)
    cached = dict(
        type='CachedTransforms', transforms=pipeline[:num_transforms]
    )
    return [cached, *pipeline[num_transforms:], *AUGMENT]


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    rows = {
        ('train', 'human'): [('a .mp4', 0), ('b.mp4', 6), ('c.mp4', 3)],
        ('train', 'cartoon'): [('d.mp4', 2), ('e.mp4', 1)],
    }
    return write_hac(tmp_path_factory.mktemp('hac'), rows)


def build(root, pipeline, **kwargs):
    return HACDataset(
        str(root), ['human', 'cartoon'], 'train', pipeline=pipeline, **kwargs
    )


def epoch(dataset, seed=0):
    random.seed(seed)
    np.random.seed(seed)
    return [dataset[i]['inputs'] for i in range(len(dataset))]


def assert_same(first, second):
    for a, b in zip(first, second, strict=True):
        for modality in ('video', 'audio'):
            assert torch.equal(a[modality], b[modality])


@pytest.mark.parametrize('decoder', DECODERS)
def test_what_the_model_receives(root, decoder):
    dataset = build(root, [*frames(decoder, False), *AUGMENT])
    batch = pseudo_collate([dataset[0], dataset[3]])
    video = torch.stack(batch['inputs']['video'])
    audio = torch.stack(batch['inputs']['audio'])
    assert video.shape == (2, 1, 3, 4, 16, 16)
    assert video.dtype == torch.uint8
    assert audio.shape == (2, 1, 65, 79)
    assert audio.dtype == torch.float32
    first, second = batch['data_samples']
    assert first.gt_label.tolist() == [0]
    assert second.gt_label.tolist() == [2]
    assert (first.domain, second.domain) == (0, 1)
    assert first.metainfo['domain_name'] == 'human'
    assert first.metainfo['filename'].endswith('a .mp4')


def test_all_decoders_and_the_cache_agree(root):
    stock = epoch(build(root, [*frames('pyav', True), *CENTRE, *PACK]))
    for decoder in ('ours', 'decord'):
        pipeline = [*frames(decoder, True), *CENTRE, *PACK]
        assert_same(stock, epoch(build(root, pipeline)))
    everything = dict(
        type='CachedTransforms',
        transforms=[*frames('ours', True), *CENTRE, PACK[0]],
    )
    cached = build(root, [everything, *PACK[1:]])
    for _ in range(2):
        assert_same(stock, epoch(cached))


def test_augmentation_goes_on_after_the_cache(root):
    plain = build(root, [*frames('pyav', False), *AUGMENT])
    cached = build(root, cached_training())
    epoch(cached)
    for seed in (1, 2):
        assert_same(epoch(plain, seed), epoch(cached, seed))
    first, second = epoch(cached, 1), epoch(cached, 2)
    for modality in ('video', 'audio'):
        assert any(
            not torch.equal(a[modality], b[modality])
            for a, b in zip(first, second)
        )


def test_sampling_inside_the_cache_is_refused(root):
    with pytest.raises(RuntimeError, match='draws random numbers'):
        build(root, cached_training(num_transforms=2))[0]


def test_persistent_workers(root):
    dataset = build(
        root,
        [
            dict(
                type='CachedTransforms',
                transforms=[*frames('ours', True), *CENTRE, PACK[0]],
            ),
            *PACK[1:],
        ],
    )
    loader = DataLoader(
        dataset,
        batch_size=1,
        num_workers=2,
        persistent_workers=True,
        collate_fn=lambda batch: batch[0]['inputs'],
    )
    expected = epoch(dataset)
    for _ in range(2):
        assert_same(expected, list(loader))
