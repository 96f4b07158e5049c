# Copyright (c) mmgmp authors.
"""`AudioVideoInferencer` predicts files as the dataset's clips are."""

import os
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch
from mmaction.registry import DATASETS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from mmgmp.apis import AudioVideoInferencer, format_prediction
from mmgmp.apis.inferencers import media_file_pipeline
from mmgmp.apis.inferencers.class_names import class_names
from mmgmp.apis.inferencers.media_file_pipeline import MediaFilePipeline
from mmgmp.apis.inferencers.prediction import to_dict
from mmgmp.datasets import CorruptMediaError, MiniHACDataset
from mmgmp.datasets.media import read_audio_track, read_video
from tests.utils.leaves import read_leaf
from tests.utils.media import moving_frames, tone, write_video, write_wav
from tests.utils.muxing import hold_upright, mux
from tests.utils.prediction import CONFIG, save_model

CLASSES = MiniHACDataset.METAINFO['classes']
CLIPS = [0, 1, 2]  # of the target's test clips, of three classes


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('prediction')


@pytest.fixture(scope='module')
def checkpoint(root):
    save_model(root / 'model.pth')
    return root / 'model.pth'


@pytest.fixture(scope='module')
def model(root):
    return save_model(root / 'same.pth')


@pytest.fixture(scope='module')
def inferencer(checkpoint):
    # The folder of the config's dataset does not exist under this name.
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.data_root = 'nowhere'
    return AudioVideoInferencer(cfg, checkpoint, 'cpu', show_progress=False)


@pytest.fixture(scope='module')
def dataset(tiny_mini_hac):
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict(tiny_mini_hac)
    return DATASETS.build(cfg.test_dataloader.dataset)


@pytest.fixture(scope='module')
def clips(dataset):
    """Video and wav of three clips."""
    infos = [dataset.get_data_info(i) for i in CLIPS]
    return [(info['filename'], info['audio_path']) for info in infos]


@pytest.fixture(scope='module')
def clip(root, clips):
    """A clip with its sound."""
    return mux(*clips[0], root / 'clip.mp4')


def scores(result):
    return [sample.pred_score for sample in result['predictions']]


def predict(inferencer, paths, **kwargs):
    return scores(inferencer(paths, return_datasamples=True, **kwargs))


def difference(first, second):
    assert list(first) == list(second)
    return max(float((first[b] - second[b]).abs().max()) for b in first)


def test_scores_are_those_of_the_dataset(
    inferencer, model, dataset, clips, tmp_path
):
    with torch.no_grad():
        batch = pseudo_collate([dataset[i] for i in CLIPS])
        expected = [s.pred_score for s in model.test_step(batch)]
    branches = ['fused', 'video', 'video_unimodal', 'audio', 'audio_unimodal']
    assert list(expected[0]) == branches
    for branch in branches:
        change = expected[0][branch] - expected[1][branch]
        assert change.abs().max() > 0.05

    same = [
        mux(*clip, tmp_path / f'{i}.mov', 'pcm_s16le')
        for i, clip in enumerate(clips)
    ]
    found = predict(inferencer, same, batch_size=3)
    assert [difference(*pair) for pair in zip(found, expected)] == [0, 0, 0]

    lossy = [mux(*clip, tmp_path / f'{i}.mp4') for i, clip in enumerate(clips)]
    found = predict(inferencer, lossy, batch_size=3)
    for one, wanted in zip(found, expected, strict=True):
        assert 0 < difference(one, wanted) < 0.02
        assert torch.equal(one['video'], wanted['video'])


def test_classes_and_files_come_in_order(inferencer, clips, tmp_path):
    paths = [
        mux(*clips[0], tmp_path / 'a.mp4'),
        mux(clips[1][0], None, tmp_path / 'b.mp4'),
        mux(clips[2][0], np.zeros(16000), tmp_path / 'c.mp4'),
        mux(*clips[1], tmp_path / 'd.mp4'),
        mux(*clips[2], tmp_path / 'e.mp4'),
    ]
    alone = inferencer(paths, topk=7)['predictions']
    batched = inferencer(paths, topk=7, batch_size=2)['predictions']
    assert [p['filename'] for p in batched] == paths
    for one, other in zip(alone, batched):
        assert one['missing'] == other['missing']
        assert [c['name'] for c in one['classes']] == [
            c['name'] for c in other['classes']
        ]
        for left, right in zip(one['classes'], other['classes']):
            assert left['scores'] == pytest.approx(right['scores'], abs=1e-5)
            assert CLASSES[left['label']] == left['name']
    fused = [c['scores']['fused'] for c in alone[0]['classes']]
    assert fused == sorted(fused, reverse=True)
    assert sum(fused) == pytest.approx(1)


def test_absent_and_silent_sound_is_said(
    inferencer, model, dataset, clips, tmp_path, monkeypatch
):
    said = []
    monkeypatch.setattr(
        media_file_pipeline, 'print_log', lambda text, **_: said.append(text)
    )
    paths = [
        mux(clips[0][0], None, tmp_path / 'without.mp4'),
        mux(clips[0][0], np.zeros(16000), tmp_path / 'silent.mp4'),
    ]
    early = tmp_path / 'early.mp4'
    write_video(early, moving_frames(60), 10, tone(0.1)[None])
    paths.append(str(early))
    result = inferencer(paths, return_datasamples=True)
    reasons = [
        'the file has no audio track',
        'the audio track is silent',
        'the audio track ends before the clip',
    ]
    for sample, path, reason in zip(result['predictions'], paths, reasons):
        assert sample.missing == dict(audio=reason)
        assert said.pop(0) == f'{path} is predicted from the video alone: ' + (
            reason
        )
    assert not said
    batch = pseudo_collate([dataset[0]])
    del batch['inputs']['audio']
    with torch.no_grad():
        expected = model.test_step(batch)[0].pred_score
    assert list(expected) == ['fused', 'video', 'video_unimodal']
    found = scores(result)
    assert difference(found[0], expected) < 1e-5
    assert difference(found[1], expected) < 1e-5
    assert list(found[2]) == list(expected)


def test_replaced_file_is_read_again(inferencer, clips, tmp_path):
    path = tmp_path / 'clip.mp4'
    found = []
    for clip in clips[:2]:
        mux(*clip, path)
        found += predict(inferencer, path)
    assert difference(*found) > 0.1


def make_bad_files(root, clip):
    root.mkdir(exist_ok=True)
    (root / 'cut.mp4').write_bytes(Path(clip).read_bytes()[:2000])
    (root / 'empty.mp4').touch()
    write_wav(root / 'sound.wav', tone(1))
    return {
        str(root / 'cut.mp4'): 'truncated',
        str(root / 'empty.mp4'): 'empty',
        str(root / 'absent.mp4'): 'does not exist',
        str(root / 'sound.wav'): 'no video stream',
    }


def test_corrupt_files_are_named(inferencer, clip, tmp_path):
    bad = make_bad_files(tmp_path, clip)
    for path, reason in bad.items():
        with pytest.raises(CorruptMediaError, match=f'{path}.*{reason}'):
            inferencer([path])


def test_the_other_files_are_predicted(inferencer, clip, tmp_path):
    bad = make_bad_files(tmp_path / 'in', clip)
    found = {}
    result = inferencer(
        [*bad, clip],
        batch_size=8,
        out_dir=tmp_path / 'out',
        on_corrupt=lambda path, error: found.update({path: str(error)}),
    )
    assert list(found) == list(bad)
    assert all(bad[path] in found[path] for path in bad)
    assert [p['filename'] for p in result['predictions']] == [clip]
    assert result['visualization'] == [str(tmp_path / 'out/clip.mp4')]


def test_cover_picture_is_no_video(inferencer, tmp_path):
    path = tmp_path / 'song.mp3'
    wave = np.stack([tone(1), tone(1)])
    with av.open(str(path), 'w') as container:
        sound = container.add_stream('libmp3lame', rate=16000, layout='stereo')
        cover = container.add_stream('mjpeg', rate=1)
        cover.width, cover.height, cover.pix_fmt = 40, 32, 'yuvj420p'
        image = av.VideoFrame.from_ndarray(moving_frames(1)[0])
        frame = av.AudioFrame.from_ndarray(wave, 'fltp', 'stereo')
        frame.sample_rate = 16000
        container.mux(cover.encode(image))
        container.mux(cover.encode())
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with pytest.raises(CorruptMediaError, match=r'song\.mp3 .*no frame rate'):
        inferencer(path)


def test_failure_on_an_intact_file_is_no_corruption(checkpoint, clip):
    cfg = Config.fromfile(CONFIG)
    steps = cfg.test_dataloader.dataset.pipeline[0].transforms
    steps[-1].crop_size = (40, 40, 40)
    inferencer = AudioVideoInferencer(cfg, checkpoint, 'cpu', False)
    with pytest.raises(RuntimeError, match=r'failed on .*clip\.mp4'):
        inferencer(clip, on_corrupt=lambda *_: None)


def test_frames_stored_lying_are_turned_upright(clip, tmp_path):
    cfg = Config.fromfile(CONFIG)
    pipeline = cfg.test_dataloader.dataset.pipeline
    pipeline[0].transforms[-1].crop_size = 45  # all of the square frames
    turned = hold_upright(clip, tmp_path / 'turned.mp4')
    read = MediaFilePipeline(pipeline)
    stored, shown = (read(p)['inputs']['video'] for p in (clip, turned))
    assert torch.equal(shown, torch.rot90(stored, -1, dims=(-2, -1)))
    assert not torch.equal(shown, stored)


@pytest.mark.parametrize('name', ['hac', 'epic_kitchens'])
def test_pipelines_of_the_published_protocols(name, clips, tmp_path):
    cfg = read_leaf('erm', dataset=name)
    pipeline = cfg.test_dataloader.dataset.pipeline
    video, wav = clips[0]
    item = dict(filename=video, audio_path=wav, start_index=0, modality='RGB')
    item.update(audio_start=0.0, audio_stop=100.0)
    expected = Compose(pipeline)(item)['inputs']
    assert expected['video'].shape == (1, 3, 32, 224, 224)
    read = MediaFilePipeline(pipeline)
    found = read(mux(video, wav, tmp_path / 'a.mov', 'pcm_s16le'))['inputs']
    assert torch.equal(found['video'], expected['video'])
    assert torch.equal(found['audio'], expected['audio'])
    # Their LoadAudio allows silence, which would pass for sound.
    for sound in (np.zeros(16000), None):
        found = read(mux(video, sound, tmp_path / 'a.mp4'))
        assert list(found['inputs']) == ['video']
        assert list(found['data_samples'].missing) == ['audio']
    turned = read(hold_upright(tmp_path / 'a.mp4', tmp_path / 'b.mp4'))
    upright = torch.rot90(expected['video'], -1, dims=(-2, -1)).int()
    # Columns and rows are resized with other roundings.
    assert (turned['inputs']['video'] - upright).abs().max() <= 2


@pytest.mark.parametrize(
    ('name', 'classes'),
    [('HACDataset', ('sleeping', 7)), ('EPICKitchensDataset', ('take', 8))],
)
def test_names_of_the_published_data_sets(name, classes):
    encoders = dict(video={}, audio={})
    model = dict(backbone=dict(encoders=encoders))
    dataset = dict(dataset=dict(type=name))
    names = class_names(Config(dict(model=model, test_dataloader=dataset)))
    assert (names[0], len(names)) == classes


def load(checkpoint, cfg=None):
    cfg = cfg or Config.fromfile(CONFIG)
    return AudioVideoInferencer(cfg, checkpoint, 'cpu', show_progress=False)


def test_objectives_are_not_needed(inferencer, checkpoint, clip, tmp_path):
    saved = torch.load(checkpoint)
    state = saved['state_dict']
    objectives = [k for k in state if k.startswith('objectives.')]
    assert objectives
    for key in objectives:
        del state[key]
    torch.save(saved, tmp_path / 'model.pth')
    with_them, without = (
        predict(i, clip)[0] for i in (inferencer, load(tmp_path / 'model.pth'))
    )
    assert difference(with_them, without) == 0


def test_keys_that_do_not_fit_are_listed(checkpoint, tmp_path):
    saved = torch.load(checkpoint)
    state = saved['state_dict']
    path = tmp_path / 'model.pth'
    output = 'cls_head.classifier.output'
    state['surplus.weight'] = state.pop(f'{output}.bias')
    state[f'{output}.weight'] = state[f'{output}.weight'][:5]
    torch.save(saved, path)
    with pytest.raises(ValueError, match=r'model\.pth') as info:
        load(path)
    message = str(info.value)
    assert 'unexpected key in source state_dict: surplus.weight' in message
    assert f'missing keys in source state_dict: {output}.bias' in message
    assert f'size mismatch for {output}.weight' in message


class Command:
    def __reduce__(self):
        return os.mkdir, ('executed',)


def test_foreign_class_is_refused(checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved = dict(torch.load(checkpoint), extra=Command())
    torch.save(saved, 'evil.pth')
    with pytest.raises(ValueError, match=r'evil\.pth was not read.*mkdir'):
        load('evil.pth')
    assert not Path('executed').exists()


@pytest.mark.parametrize('content', [b'', b'hello this is text', None])
def test_damaged_checkpoint_is_named(checkpoint, tmp_path, content):
    path = tmp_path / 'damaged.pth'
    path.write_bytes(content or checkpoint.read_bytes()[:5000])
    if content == b'':
        path.write_bytes(b'')
    with pytest.raises(ValueError, match=r'damaged\.pth'):
        load(path)


def test_missing_files_are_named(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.pth'):
        load(tmp_path / 'no.pth')
    with pytest.raises(FileNotFoundError, match=r'no\.py'):
        AudioVideoInferencer(tmp_path / 'no.py', checkpoint)


def change_encoders(cfg):
    encoders = cfg.model.backbone.encoders
    encoders.flow = encoders.pop('audio')


def change_classes(cfg):
    cfg.test_dataloader.dataset.metainfo = dict(classes=('one', 'two'))


def change_dataset(cfg):
    cfg.test_dataloader.dataset.type = 'VideoDataset'


def change_pipeline(cfg):
    del cfg.test_dataloader.dataset.pipeline[0].transforms[3]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (change_encoders, r"video and audio.*\['flow', 'video'\]"),
        (change_classes, "7 classes.*names 2: .'one', 'two'"),
        (change_dataset, "names no classes.*'VideoDataset'"),
        (change_pipeline, 'has no LoadAudio'),
    ],
)
def test_unfit_config(checkpoint, change, words):
    cfg = Config.fromfile(CONFIG)
    change(cfg)
    with pytest.raises(ValueError, match=words):
        load(checkpoint, cfg)


def test_names_of_the_config_go_first(checkpoint, clip):
    cfg = Config.fromfile(CONFIG)
    cfg.test_dataloader.dataset.metainfo = dict(classes=list('abcdefg'))
    found = load(checkpoint, cfg)(clip, topk=7)['predictions'][0]['classes']
    assert all(c['name'] == 'abcdefg'[c['label']] for c in found)


@pytest.mark.parametrize('name', ['batch_size', 'topk'])
def test_numbers_must_be_positive(inferencer, clip, name):
    with pytest.raises(ValueError, match=f'`{name}` must be positive, got 0'):
        inferencer(clip, **{name: 0})


def frame_times(path):
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def test_drawn_video_keeps_frames_and_sound(inferencer, clip, tmp_path):
    (drawn,) = inferencer(clip, out_dir=tmp_path)['visualization']
    assert drawn == str(tmp_path / 'clip.mp4')
    assert frame_times(drawn) == pytest.approx(frame_times(clip), abs=1e-3)
    sound, rate = read_audio_track(drawn)
    stored, stored_rate = read_audio_track(clip)
    assert rate == stored_rate
    np.testing.assert_array_equal(sound, stored)
    before, after = read_video(clip)[0], read_video(drawn)[0]
    assert before.shape == after.shape
    change = np.abs(before.astype(int) - after).mean(axis=(0, 2, 3))
    rows = len(change)
    assert change[: rows // 10].mean() > 10  # the band of text
    assert change[rows // 2 :].mean() < 5


def test_any_sound_is_kept_and_odd_sizes_fit(inferencer, clips, tmp_path):
    with av.open(str(tmp_path / 'odd.avi'), 'w') as container:
        video = container.add_stream('mpeg4', rate=10)
        video.width, video.height, video.pix_fmt = 41, 33, 'yuv420p'
        for image in moving_frames(20, 33, 41):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image)))
        container.mux(video.encode())
    wave = soundfile.read(clips[0][1], dtype='float32')[0][:20000]
    path = mux(tmp_path / 'odd.avi', wave, tmp_path / 'sound.avi', 'pcm_s16le')
    out = tmp_path / 'out'
    (drawn,) = inferencer(path, out_dir=out)['visualization']
    assert drawn == str(out / 'sound.mkv')
    np.testing.assert_array_equal(
        read_audio_track(drawn)[0], read_audio_track(path)[0]
    )
    frames, _ = read_video(drawn)
    assert frames.shape == (20, 32, 40, 3)


def test_drawn_video_is_upright(inferencer, tmp_path):
    frames = np.zeros((10, 32, 64, 3), np.uint8)
    frames[:, 16:, :32] = 255  # below, to the left
    write_video(tmp_path / 'lying.mp4', frames, audio=tone(0.5)[None])
    path = hold_upright(tmp_path / 'lying.mp4', tmp_path / 'held.mp4')
    out = tmp_path / 'out'
    (drawn,) = inferencer(path, out_dir=out)['visualization']
    frames, _ = read_video(drawn)
    assert frames.shape == (10, 64, 32, 3)
    # Turned clockwise, it is above to the left; the text lies over its top.
    corner = frames[:, 24:31, 1:15].mean(), frames[:, 24:31, 17:].mean()
    assert corner[0] > 240
    assert corner[1] < 15
    assert frames[:, 34:].mean() < 15


def test_nothing_is_overwritten(inferencer, clip, tmp_path):
    (tmp_path / 'other').mkdir()
    other = tmp_path / 'other/clip.mp4'
    other.write_bytes(Path(clip).read_bytes())
    with pytest.raises(ValueError, match='would overwrite'):
        inferencer([clip, other], out_dir=tmp_path / 'out')
    with pytest.raises(ValueError, match='would overwrite'):
        inferencer(other, out_dir=other.parent)
    assert other.read_bytes() == Path(clip).read_bytes()


def test_table_by_hand():
    sample = ActionDataSample(
        metainfo=dict(filename='a.mp4', missing=dict(audio='gone'))
    )
    sample.set_pred_score(
        dict(
            fused=torch.tensor([0.125, 0.625, 0.25]),
            video=torch.tensor([0.5, 0.0, 0.5]),
            video_unimodal=torch.tensor([0.25, 0.5, 0.25]),
        )
    )
    prediction = to_dict(sample, ('running', 'eating', 'opening_door'), 2)
    assert prediction == dict(
        filename='a.mp4',
        missing=dict(audio='gone'),
        classes=[
            dict(
                name='eating',
                label=1,
                scores=dict(fused=0.625, video=0.0, video_unimodal=0.5),
            ),
            dict(
                name='opening_door',
                label=2,
                scores=dict(fused=0.25, video=0.5, video_unimodal=0.25),
            ),
        ],
    )
    assert format_prediction(prediction).splitlines() == [
        'a.mp4',
        'no audio: gone',
        'score (%)      fused   video',
        'eating          62.5     0.0',
        'opening_door    25.0    50.0',
    ]
