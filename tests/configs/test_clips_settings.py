# Copyright (c) mmgmp authors.
"""The setting that index_clips.py writes serves every method."""

import shutil

import pytest
import torch
from mmaction.registry import DATASETS, MODELS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmgmp.apis.inferencers.classes import class_names
from mmgmp.utils import setting
from mmgmp.utils.own_clips import encoders
from mmgmp.utils.setting import read_config
from tests.utils.leaves import NAMES, leaf_path, read_leaf
from tests.utils.own_clips import CLASSES, DOMAINS

ENCODERS = ['small', 'pretrained']
METHODS = [name for name in NAMES if 'rgbpose' not in name]
SOURCES, TARGET = list(DOMAINS[:2]), DOMAINS[2]


def read(own_clips, name='erm', which='small', **variables):
    return read_leaf(
        name, dataset=str(own_clips.parent / f'{which}.py'), **variables
    )


def test_length_of_the_setting(own_clips):
    lines = (own_clips.parent / 'small.py').read_text().splitlines()
    assert len([line for line in lines if line]) <= 12
    assert max(map(len, lines[1:])) < 80 or str(own_clips) in max(
        lines, key=len
    )


@pytest.mark.parametrize('which', ENCODERS)
@pytest.mark.parametrize('name', METHODS)
def test_every_method(own_clips, name, which, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    cfg = read(own_clips, name, which)
    assert (cfg.model.num_classes, cfg.model.num_domains) == (2, 2)
    assert (cfg.target, cfg.sources) == (TARGET, SOURCES)
    assert f'mine_video-audio_home-studio a_to_{TARGET}' in cfg.work_dir
    datasets = {
        part: DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        for part in ('train', 'val', 'test')
    }
    adapts = name == 'boomda'
    assert [*map(len, datasets.values())] == (
        [8 + 4, 4 + 4, 2] if adapts else [8, 4, 6]
    )
    for dataset in datasets.values():
        assert dataset.metainfo['classes'] == CLASSES


def test_dumped_config_needs_no_table(own_clips, tmp_path):
    cfg = read(own_clips)
    dumped = tmp_path / 'dumped.py'
    cfg.dump(dumped)
    assert '$' not in dumped.read_text()
    again = Config.fromfile(dumped)
    assert again.test_dataloader == cfg.test_dataloader
    assert class_names(again) == CLASSES


def test_flags(own_clips):
    cfg = read(own_clips, target='studio a', sources='studio-b')
    assert (cfg.target, cfg.sources) == ('studio a', ['studio-b'])
    with pytest.raises(ValueError, match='--target .* must be one of'):
        read(own_clips, target='studio')
    with pytest.raises(ValueError, match='flow'):
        cfg = read(own_clips, which='pretrained', modalities='flow')
        DATASETS.build(cfg.train_dataloader.dataset)


@pytest.mark.parametrize('modalities', ['video', 'audio', 'video-audio'])
def test_a_batch_of_each_part(own_clips, modalities):
    cfg = read(own_clips, modalities=modalities)
    model = MODELS.build(cfg.model)
    shapes = dict(video=(1, 3, 8, 64, 64), audio=(1, 129, 99))
    for part in ('train', 'val', 'test'):
        dataset = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        # Of 10 and 5 fps, and shorter than the 2 s that are sampled.
        batch = pseudo_collate([dataset[i] for i in range(2)])
        for modality, values in batch['inputs'].items():
            assert values[0].shape == shapes[modality]
        assert [*batch['inputs']] == modalities.split('-')
        if part == 'train':
            batch = model.data_preprocessor(batch, True)
            losses = model(**batch, mode='loss')
            assert torch.isfinite(losses['loss_cls'])
        else:
            (first, _) = model.eval().test_step(batch)
            assert first.pred_score['fused'].shape == (2,)


def test_published_pipelines_count_seconds(own_clips):
    cfg = read(own_clips, which='pretrained')
    for part in ('train', 'test'):
        pipeline = cfg[f'{part}_dataloader'].dataset.pipeline
        types = [t.type for t in pipeline[:3]]
        assert types == ['OpenVideo', 'ResampleFrames', 'SampleFrames']
        dataset = DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        inputs = dataset[0]['inputs']
        assert inputs['video'].shape == (1, 3, 32, 224, 224)
        assert inputs['audio'].shape == (1, 257, 1004)


def test_weighted_loss(own_clips, tmp_path):
    config = tmp_path / 'weighted.py'
    text = (own_clips.parent / 'small.py').read_text()
    config.write_text(
        text.replace('choose_clips\n', 'choose_clips, class_weights\n', 1)
        + f'table = {str(own_clips / "clips.csv")!r}\n'
        'weights = class_weights(table, sources)\n'
        "loss = dict(type='CrossEntropyLoss', class_weight=weights)\n"
        'model = dict(cls_head=dict(loss_cls=loss))\n'
    )
    cfg = read_leaf('gmp', dataset=str(config))
    model = MODELS.build(cfg.model)
    assert model.cls_head.loss_cls.class_weight.tolist() == [1, 1]


@pytest.mark.parametrize('name', ['gmp', 'boomda'])
def test_rare_classes_are_repeated(own_clips, tmp_path, name):
    """With the wrapper of MMEngine, as docs/own_data.md shows."""
    setting = dict(dataset=str(own_clips.parent / 'small.py'))
    config = tmp_path / 'balanced.py'
    wrapped = "type='ClassBalancedDataset', oversample_thr=0.9, dataset"
    if name == 'gmp':
        value = f'_delete_=True, {wrapped}=_base_.train_dataloader.dataset'
    else:
        value = f'datasets=[dict({wrapped}=sets[0]), sets[1]]'
    sets = 'sets = _base_.train_dataloader.dataset.get("datasets")\n'
    config.write_text(
        f'_base_ = {str(leaf_path(name))!r}\n{sets}'
        f'train_dataloader = dict(dataset=dict({value}))\n'
    )
    cfg = read_config(config, setting, exact=True)
    loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    # Half of the clips are of each class, which is below 0.9.
    assert len(loader.dataset) == (16 if name == 'gmp' else 16 + 4)
    batch = next(iter(loader))
    domains = [s.domain for s in batch['data_samples']]
    assert {*domains} == ({0, 1} if name == 'gmp' else {0, 1, -1})


def test_missing_table(own_clips, tmp_path):
    config = tmp_path / 'moved.py'
    text = (own_clips.parent / 'small.py').read_text()
    config.write_text(text.replace('clips.csv', 'gone.csv'))
    with pytest.raises(FileNotFoundError, match=r'gone\.csv does not exist'):
        read_leaf('erm', dataset=str(config))


def test_configs_of_an_installed_wheel(tmp_path, monkeypatch):
    folder = tmp_path / 'mmgmp/.mim/configs'
    shutil.copytree(setting.configs_folder(), folder)
    monkeypatch.setattr(
        setting, '__file__', str(tmp_path / 'mmgmp/utils/setting.py')
    )
    assert encoders('small') == str(folder / '_base_/clips/small.py')
    with pytest.raises(ValueError, match="did you mean 'pretrained'"):
        encoders('pre-trained')
