# Copyright (c) mmgmp authors.
"""The corruption has the stated power and depends only on the clip."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS
from mmcv.transforms import Compose

from mmgmp.datasets import CorruptAudio, CorruptedTarget, CorruptVideo
from mmgmp.datasets.transforms.corruption import add_noise
from mmgmp.utils.seeding import generator_states, set_generator_states
from tests.utils.media import moving_frames, tone, write_video, write_wav

RATE = 16000


def power(signal):
    return np.square(signal, dtype=np.float64).mean()


def video(numbers=(3, 0, 3), name='a.mp4', value=120, size=(60, 80, 3)):
    frame = np.full(size, value, np.uint8)
    return dict(
        imgs=[frame.copy() for _ in numbers],
        frame_inds=np.array(numbers),
        filename=f'/data/{name}',
    )


def audio(name='a.mp4', length=40000, **kwargs):
    wave = np.sin(np.arange(length)).astype(np.float32)
    return dict(audios=wave, filename=f'/data/{name}', **kwargs)


@pytest.mark.parametrize('snr', [0.5, 1.0, 4.0])
def test_noise_is_white_and_gaussian_of_the_power(snr):
    signal = np.linspace(-3, 5, 200000, dtype=np.float32)
    noisy = add_noise(signal, snr, np.random.default_rng(0))
    noise = (noisy - signal).astype(np.float64)
    assert noisy.dtype == np.float32
    assert power(signal) / power(noise) == pytest.approx(snr, rel=0.01)
    assert abs(noise.mean()) < 0.02 * noise.std()
    standard = noise / noise.std()
    assert (standard**4).mean() == pytest.approx(3, rel=0.03)
    assert abs((standard[1:] * standard[:-1]).mean()) < 0.01
    assert abs((standard * signal).mean()) < 0.03


def test_sound_has_the_ratio_of_powers():
    # A sine of amplitude 1 has the power 1/2; a ratio of 1 is 0 dB.
    clean = audio()
    for snr in (1.0, 10.0):
        noisy = CorruptAudio(snr).transform(dict(clean))['audios']
        noise = noisy - clean['audios']
        assert power(noise) == pytest.approx(0.5 / snr, rel=0.02)
    default = CorruptAudio().transform(dict(clean))['audios']
    one = CorruptAudio(1.0).transform(dict(clean))['audios']
    np.testing.assert_array_equal(default, one)
    assert noisy.shape == (40000,) and noisy.dtype == np.float32


def test_silence_stays_silent():
    results = dict(audio(), audios=np.zeros(100, np.float32))
    assert not CorruptAudio().transform(results)['audios'].any()


def test_frames_are_dark_and_noisy():
    # 120 becomes 24, and the deviation of the noise 24 / sqrt(32) = 4.2426.
    results = CorruptVideo(0.2, 32).transform(video(range(20)))
    frames = np.stack(results['imgs']).astype(float)
    assert results['imgs'][0].dtype == np.uint8
    assert frames.mean() == pytest.approx(24, abs=0.02)
    # Rounding adds a variance of 1/12.
    assert frames.var() == pytest.approx(18 + 1 / 12, rel=0.01)


def test_default_frames_are_cut_at_black_and_white():
    # With the ratio 0.5 the noise of 24 has deviation 33.94. Clipped at 0, the
    # mean is 24 * Phi(0.7071) + 33.94 * phi(0.7071) = 28.79.
    frames = np.stack(CorruptVideo().transform(video(range(20)))['imgs'])
    assert frames.mean() == pytest.approx(28.79, rel=0.01)
    assert (frames == 0).mean() == pytest.approx(0.2435, rel=0.03)
    bright = CorruptVideo(1.0, 0.5).transform(video([0], value=250))['imgs']
    assert (bright[0] == 255).mean() > 0.4 and (bright[0] == 0).mean() > 0.2


def test_power_is_that_of_each_frame():
    results = video((0, 1))
    results['imgs'][1] //= 4
    first, second = CorruptVideo(1.0, 100).transform(results)['imgs']
    assert first.std() == pytest.approx(12, rel=0.05)
    assert second.std() == pytest.approx(3, rel=0.05)


def test_noise_of_a_frame_belongs_to_clip_and_number():
    transform = CorruptVideo()
    first, other, again = transform.transform(video((3, 0, 3)))['imgs']
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5
    moved = dict(video((0,)), filename='/elsewhere/a.mp4')
    np.testing.assert_array_equal(transform.transform(moved)['imgs'][0], other)
    for change in (dict(filename='b.mp4'), dict(domain_name='cartoon')):
        (another,) = transform.transform(dict(video((0,)), **change))['imgs']
        assert (another != other).mean() > 0.5


def test_noise_of_sound_belongs_to_the_clip():
    def corrupt(*args, **kwargs):
        return CorruptAudio().transform(audio(*args, **kwargs))['audios']

    first = corrupt()
    np.testing.assert_array_equal(first, corrupt())
    np.testing.assert_array_equal(first, corrupt(start_index=0))
    assert not np.array_equal(first, corrupt('b.mp4'))
    # Another action of the same folder of frames.
    assert not np.array_equal(first, corrupt(start_index=31))


@pytest.mark.parametrize('transform', [CorruptVideo(), CorruptAudio()])
def test_global_generators_play_no_part(transform):
    results = []
    states = generator_states()
    for _ in range(2):
        out = transform.transform({**video(), **audio()})
        results.append((np.stack(out['imgs']), out['audios']))
    after = generator_states()
    set_generator_states(states)
    assert after[0] == states[0]
    assert np.array_equal(after[1][1], states[1][1])
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_originals_stay():
    results = {**video(), **audio()}
    frame, wave = results['imgs'][0], results['audios']
    copies = frame.copy(), wave.copy()
    CorruptAudio().transform(CorruptVideo().transform(results))
    np.testing.assert_array_equal(frame, copies[0])
    np.testing.assert_array_equal(wave, copies[1])


@pytest.mark.parametrize('snr', [0, -1, float('inf'), float('nan')])
@pytest.mark.parametrize('kind', [CorruptVideo, CorruptAudio])
def test_ratio_must_be_positive(kind, snr):
    with pytest.raises(ValueError, match=r'`snr` must be .*not dB'):
        kind(snr=snr)


@pytest.mark.parametrize('brightness', [0, -0.2, 1.5, float('nan')])
def test_brightness_out_of_range(brightness):
    with pytest.raises(ValueError, match='`brightness` must be in'):
        CorruptVideo(brightness=brightness)


@pytest.mark.parametrize(
    'imgs',
    [
        np.zeros((1, 3, 3, 60, 80), np.uint8),
        [np.zeros((60, 80, 3), np.uint8)] * 2,
        [np.zeros((60, 80, 3), np.float32)] * 3,
        np.zeros((3, 3, 3, 60, 80), np.uint8),
    ],
    ids=['formatted', 'fewer', 'floats', 'clips'],
)
def test_video_in_the_wrong_place(imgs):
    with pytest.raises(ValueError, match='after the frames are decoded'):
        CorruptVideo().transform(dict(video(), imgs=imgs))


def test_audio_in_the_wrong_place():
    results = dict(audio(), audios=np.zeros((129, 99), np.float32))
    with pytest.raises(ValueError, match=r'\(129, 99\).*after LoadAudio'):
        CorruptAudio().transform(results)


# --- the pipeline of a target ------------------------------------------------

SAMPLE = dict(type='SampleFrames', clip_len=3, test_mode=True)
PIPELINE = [
    dict(type='OpenVideo'),
    SAMPLE,
    dict(type='DecodeFrames'),
    dict(type='Resize', scale=(-1, 24)),
    dict(type='CenterCrop', crop_size=20),
    dict(type='Resize', scale=(8, 8), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='LoadAudio', sample_rate=RATE),
    dict(type='AudioSpectrogram', num_samples=1000, nperseg=64, noverlap=0),
]
CACHED = [
    dict(
        type='CachedTransforms',
        transforms=[
            dict(type='OpenVideo', in_memory=True, short_side=24),
            SAMPLE,
            dict(type='mmaction.DecodeFrames'),
            dict(type='LoadAudio'),
        ],
    ),
]


def types(pipeline):
    return [type(transform).__name__ for transform in pipeline.transforms]


def test_where_the_corruption_goes():
    assert types(CorruptedTarget(PIPELINE).transforms) == [
        'OpenVideo',
        'SampleFrames',
        'DecodeFrames',
        'Resize',
        'CorruptVideo',
        'CenterCrop',
        'Resize',
        'FormatShape',
        'LoadAudio',
        'CorruptAudio',
        'AudioSpectrogram',
    ]
    (cached,) = CorruptedTarget(CACHED).transforms.transforms
    assert types(cached.transforms) == [
        'OpenVideo',
        'SampleFrames',
        'DecodeFrames',
        'CorruptVideo',
        'LoadAudio',
        'CorruptAudio',
    ]
    assert all('Corrupt' not in t['type'] for t in PIPELINE)


@pytest.fixture(scope='module')
def item(tmp_path_factory):
    root = tmp_path_factory.mktemp('clip')
    write_video(root / 'a.mp4', moving_frames(6, 32, 40), 12)
    write_wav(root / 'a.wav', tone(0.5))
    return dict(
        filename=str(root / 'a.mp4'),
        audio_path=str(root / 'a.wav'),
        start_index=0,
        modality='RGB',
    )


@pytest.mark.parametrize('pipeline', [PIPELINE, CACHED])
def test_corrupted_pipeline(pipeline, item):
    settings = dict(brightness=0.5, video_snr=2.0, audio_snr=3.0)
    corrupt = TRANSFORMS.build(
        dict(type='CorruptedTarget', transforms=pipeline, **settings)
    )
    results = [corrupt(dict(item)) for _ in range(2)]
    if pipeline is CACHED:
        clean = Compose(pipeline)(dict(item))
        expected = CorruptVideo(0.5, 2.0).transform(
            CorruptAudio(3.0).transform(clean)
        )
    else:
        clean = Compose(PIPELINE[:4])(dict(item))
        expected = CorruptVideo(0.5, 2.0).transform(clean)
        expected = Compose(PIPELINE[4:8])(expected)
        expected = Compose(PIPELINE[8:])(CorruptAudio(3.0).transform(expected))
    for result in results:
        for key in ('imgs', 'audios'):
            np.testing.assert_array_equal(result[key], expected[key])


def test_one_modality(item):
    corrupt = CorruptedTarget(CACHED, modalities=['audio'])
    clean, result = Compose(CACHED)(dict(item)), corrupt(dict(item))
    np.testing.assert_array_equal(result['imgs'], clean['imgs'])
    assert not np.array_equal(result['audios'], clean['audios'])


def test_flow_stays_as_it_is():
    flow = dict(type='FlowBranch', transforms=PIPELINE[:3])
    corrupt = CorruptedTarget([flow, *PIPELINE])
    assert types(corrupt.transforms.transforms[0].transforms) == [
        'OpenVideo',
        'SampleFrames',
        'DecodeFrames',
    ]


@pytest.mark.parametrize(
    ('transforms', 'changes', 'words'),
    [
        (PIPELINE[:7], {}, "must have one of .*'LoadAudio'.*the audio can"),
        (PIPELINE[7:], {}, "must have one of .*'DecodeFrames'.*the video can"),
        (PIPELINE, dict(modalities=['audio'] * 2), 'each once'),
        (PIPELINE, dict(modalities=['flow']), "`modalities` .*'flow'"),
        (PIPELINE, dict(video_snr=np.nan), '`snr`'),
        (PIPELINE, dict(brightness=np.nan), '`brightness`'),
    ],
)
def test_wrong_pipeline(transforms, changes, words):
    with pytest.raises(ValueError, match=words):
        CorruptedTarget(transforms, **changes)
