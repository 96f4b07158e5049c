# Copyright (c) mmgmp authors.
"""`EPICKitchensDataset` reads both published layouts and reports mistakes."""

import shutil

import mmcv
import numpy as np
import pytest
import soundfile
from mmaction.registry import TRANSFORMS

from mmgmp.datasets import CorruptMediaError, EPICKitchensDataset
from tests.utils.twins import (
    EPIC_FOLDER,
    clip_frames,
    frame_name,
    make_epic_twin,
)

ALL = ('video', 'audio', 'flow')


@pytest.fixture(scope='module', params=['clips', 'frames'])
def twin(request, tmp_path_factory):
    """Layout of the media, and folder of the twin."""
    root = tmp_path_factory.mktemp(request.param)
    return request.param, make_epic_twin(root, request.param)


@pytest.fixture
def damaged(twin, tmp_path):
    """A copy that a test may damage."""
    media, root = twin
    return media, shutil.copytree(root, tmp_path / 'epic')


def build(twin, domains=('D1',), split='train', **kwargs):
    media, root = twin
    return EPICKitchensDataset(str(root), domains, split, media, **kwargs)


def test_items(twin):
    media, root = twin
    item = build(twin, ['D2', 'D1'], 'test', modalities=ALL)[3]
    # The second action: frames 76 to 116 at 60 per second; flow from 38.
    common = dict(
        audio_start=1.27,
        audio_stop=1.93,
        label=3,
        domain=1,
        domain_name='D1',
        alignment='true_fps',
        modality='RGB',
        sample_idx=3,
    )
    if media == 'frames':
        assert item == dict(
            common,
            filename=f'{root}/rgb/test/D1/P08_11',
            frame_dir=f'{root}/rgb/test/D1/P08_11',
            filename_tmpl='frame_{:010d}.jpg',
            start_index=76,
            total_frames=40,
            audio_path=f'{root}/rgb/test/D1/P08_11.wav',
            flow_dir=f'{root}/flow/test/D1/P08_11',
            flow_start_index=38,
            flow_total_frames=20,
        )
    else:
        root = root / EPIC_FOLDER
        assert item == dict(
            common,
            filename=f'{root}/video/test/D1/D1_P08_11_76_116_3.mp4',
            start_index=0,
            audio_path=f'{root}/audio/test/D1/P08_11.wav',
            flow_paths=(
                f'{root}/flow/test/D1/D1_P08_11_38_58_3_u.mp4',
                f'{root}/flow/test/D1/D1_P08_11_38_58_3_v.mp4',
            ),
        )


def test_domains_and_metainfo(twin):
    dataset = build(twin, ['D3'], 'test', source_domains=['D2', 'D1'])
    assert dataset.metainfo['classes'][4:] == ('wash', 'cut', 'mix', 'pour')
    assert dataset.metainfo['source_domains'] == ('D2', 'D1')
    assert {dataset.get_data_info(i)['domain'] for i in (0, 1)} == {-1}
    dataset = build(twin, ['D1'], 'test', source_domains=['D2', 'D1'])
    assert dataset.get_data_info(0)['domain'] == 1
    assert 'flow_paths' not in dataset.get_data_info(0)
    assert 'flow_dir' not in dataset.get_data_info(0)


def run(dataset, idx, *transforms):
    results = dataset.get_data_info(idx)
    for transform in transforms:
        results = TRANSFORMS.build(transform)(results)
    return results


SAMPLE = dict(type='SampleFrames', clip_len=6, frame_interval=3)


def test_frames_are_those_of_the_stock_pipeline(twin):
    media, root = twin
    dataset = build(twin)
    sample = dict(SAMPLE, test_mode=True)
    ours = run(
        dataset, 1, dict(type='OpenVideo'), sample, dict(type='DecodeFrames')
    )
    if media == 'clips':
        stock = [dict(type='PyAVInit'), sample, dict(type='PyAVDecode')]
    else:
        stock = [sample, dict(type='RawFrameDecode')]
    stock = run(dataset, 1, *stock)
    np.testing.assert_array_equal(ours['imgs'], stock['imgs'])
    np.testing.assert_array_equal(ours['frame_inds'], stock['frame_inds'])
    # 16 of 40 frames, centred.
    first = 12 + (76 if media == 'frames' else 0)
    np.testing.assert_array_equal(ours['frame_inds'], first + 3 * np.arange(6))
    if media == 'frames':
        folder = root / 'rgb/train/D1/P08_01'
        image = mmcv.imread(str(folder / frame_name(88)), channel_order='rgb')
        np.testing.assert_array_equal(ours['imgs'][0], image)


def test_flow_of_both_forms(twin):
    media, root = twin
    flow = dict(
        type='FlowBranch',
        transforms=[
            dict(type='OpenFlow'),
            dict(SAMPLE, frame_interval=4),
            dict(type='DecodeFrames'),
            dict(type='FormatShape', input_format='NCTHW'),
        ],
    )
    results = run(build(twin, modalities=ALL), 1, flow)
    assert results['flow'].shape == (1, 2, 6, 32, 40)
    # 24 of 20 frames: they wrap.
    np.testing.assert_array_equal(
        results['flow_frame_inds'], [0, 4, 8, 12, 16, 0]
    )
    # Flow was written from channels 0 and 1 of each frame; this is frame 16.
    written = clip_frames(40, (32, 40), 1).astype(float)
    for c in range(2):
        error = np.abs(written[..., c] - results['flow'][0, c, 4])
        assert error.mean((1, 2)).argmin() == 16
    if media == 'frames':
        folder = root / 'flow/train/D1/P08_01'
        for c, name in enumerate('uv'):
            path = str(folder / name / frame_name(38 + 16))
            np.testing.assert_array_equal(
                results['flow'][0, c, 4], mmcv.imread(path, 'grayscale')
            )


def test_sound_of_the_action(twin, monkeypatch):
    counts = []
    read = soundfile.SoundFile.read

    def spy(self, frames=-1, **kwargs):
        counts.append(frames)
        return read(self, frames, **kwargs)

    dataset = build(twin)
    whole, _ = soundfile.read(dataset.get_data_info(1)['audio_path'])
    monkeypatch.setattr(soundfile.SoundFile, 'read', spy)
    results = run(dataset, 1, dict(type='LoadAudio', align='action'))
    # 1.27 to 1.93 s, and nothing else is read.
    np.testing.assert_array_equal(results['audios'], whole[20320:30880])
    assert counts == [10560]


# --- mistakes ---------------------------------------------------------------


@pytest.mark.parametrize(
    ('changes', 'error', 'words'),
    [
        (dict(domains=['P08']), ValueError, "'P08'"),
        (dict(domains='D1'), TypeError, r"write \['D1'\]"),
        (dict(split='all'), ValueError, "split.*'all'"),
        (dict(media='video'), ValueError, "media.*'video'"),
        (dict(modalities='video'), TypeError, r"write \['video'\]"),
        (dict(modalities=['rgb']), ValueError, "modalities.*'rgb'"),
        (dict(modalities=[]), ValueError, 'modalities'),
        (dict(alignment='24'), ValueError, "alignment.*'24'"),
        (dict(source_domains=['D2']), ValueError, 'not in `source_domains`'),
    ],
)
def test_wrong_argument(twin, changes, error, words):
    media, root = twin
    arguments = dict(
        data_root=str(root), domains=['D1'], split='train', media=media
    )
    with pytest.raises(error, match=words):
        EPICKitchensDataset(**{**arguments, **changes})


def test_missing_media_are_found_at_construction(damaged):
    media, root = damaged

    def fails(words, **kwargs):
        with pytest.raises(FileNotFoundError, match=words):
            build(damaged, ['D2'], **kwargs)

    folder = root if media == 'frames' else root / EPIC_FOLDER
    if media == 'frames':
        shutil.rmtree(folder / 'flow/train/D2/P01_01/v')
        fails(r'1 of 4 media files.*P01_01/v', modalities=ALL)
        build(damaged, ['D2'])
        (folder / 'rgb/train/D2/P01_01.wav').unlink()
    else:
        for path in folder.glob('flow/train/D2/*_v.mp4'):
            path.unlink()
        fails(r'2 of 7 media files.*_v\.mp4', modalities=ALL)
        build(damaged, ['D2'])
        (folder / 'audio/train/D2/P01_01.wav').unlink()
    fails(r'1 of \d media files.*P01_01\.wav')
    build(damaged, ['D2'], modalities=['video'])
    build(damaged, ['D2'], on_corrupt='skip')
    (root / EPIC_FOLDER / 'D2_train.csv').unlink()
    fails(r'D2_train\.csv is missing')
    shutil.rmtree(root / EPIC_FOLDER)
    fails('`data_root` must contain')


# Stock decoders fill a truncated image with grey, without an error.
@pytest.mark.parametrize(
    ('twin', 'kind', 'stock'),
    [
        (media, kind, stock)
        for media in ('clips', 'frames')
        for kind in ('missing', 'truncated', 'empty')
        for stock in (False, True)
        if (media, kind, stock) != ('frames', 'truncated', True)
    ],
    indirect=['twin'],
)
def test_corrupt_frame_is_named(damaged, kind, stock):
    media, root = damaged
    sample = dict(SAMPLE, test_mode=True)
    pipeline = [dict(type='OpenVideo'), sample, dict(type='DecodeFrames')]
    if media == 'clips':
        path = root / EPIC_FOLDER / 'video/train/D1/D1_P08_01_31_71_0.mp4'
        if stock:
            pipeline = [dict(type='PyAVInit'), sample, dict(type='PyAVDecode')]
    else:
        path = root / 'rgb/train/D1/P08_01' / frame_name(31 + 12)
        if stock:
            resize = dict(type='Resize', scale=(-1, 20))
            pipeline = [sample, dict(type='RawFrameDecode'), resize]
    arguments = dict(pipeline=pipeline, modalities=['video'])
    datasets = [
        build(damaged, on_corrupt=o, **arguments) for o in ('raise', 'skip')
    ]
    if kind == 'missing':
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2 * (kind != 'empty')])
    with pytest.raises(CorruptMediaError, match=path.name):
        datasets[0][0]
    assert datasets[1][0]['sample_idx'] == 1
    assert datasets[1].num_corrupt == 1
