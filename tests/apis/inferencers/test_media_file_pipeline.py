# Copyright (c) mmgmp authors.
"""Files are read like the clips of the dataset, or an error names them."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate

from mmgmp.apis.inferencers import media_file_pipeline
from mmgmp.apis.inferencers.media_file_pipeline import MediaFilePipeline
from mmgmp.datasets import CorruptMediaError
from tests.utils.leaves import read_leaf
from tests.utils.media import moving_frames, tone, write_video, write_wav
from tests.utils.muxing import hold_upright, mux
from tests.utils.prediction import CONFIG, difference, load


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
    found = [sample.pred_score for sample in result['predictions']]
    assert difference(found[0], expected) < 1e-5
    assert difference(found[1], expected) < 1e-5
    assert list(found[2]) == list(expected)


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
    inferencer = load(checkpoint, cfg)
    with pytest.raises(RuntimeError, match=r'failed on .*clip\.mp4'):
        inferencer(clip)
    errors = []
    result = inferencer(clip, on_corrupt=lambda *args: errors.append(args))
    assert result['predictions'] == []
    assert [path for path, _ in errors] == [clip]
    assert type(errors[0][1]) is RuntimeError


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
    # LoadAudio allows silence here, but silence must still count as missing.
    for sound in (np.zeros(16000), None):
        found = read(mux(video, sound, tmp_path / 'a.mp4'))
        assert list(found['inputs']) == ['video']
        assert list(found['data_samples'].missing) == ['audio']
    turned = read(hold_upright(tmp_path / 'a.mp4', tmp_path / 'b.mp4'))
    upright = torch.rot90(expected['video'], -1, dims=(-2, -1)).int()
    # Resizing rounds columns and rows differently.
    assert (turned['inputs']['video'] - upright).abs().max() <= 2
