# Copyright (c) mmgmp authors.
"""`AudioVideoInferencer` predicts files like the clips of the dataset."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmgmp.apis import AudioVideoInferencer
from mmgmp.apis.inferencers.classes import class_names
from mmgmp.datasets import MiniHACDataset
from tests.utils.muxing import mux
from tests.utils.prediction import CONFIG, difference, load, predict

CLASSES = MiniHACDataset.METAINFO['classes']


def test_scores_are_those_of_the_dataset(
    inferencer, model, dataset, clips, tmp_path
):
    with torch.no_grad():
        batch = pseudo_collate([dataset[i] for i in range(len(clips))])
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


def test_replaced_file_is_read_again(inferencer, clips, tmp_path):
    path = tmp_path / 'clip.mp4'
    found = []
    for clip in clips[:2]:
        mux(*clip, path)
        found += predict(inferencer, path)
    assert difference(*found) > 0.1


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
        (change_classes, "7 classes.*has 2: .'one', 'two'"),
        (change_dataset, "has no class names.*'VideoDataset'"),
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
