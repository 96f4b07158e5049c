# Copyright (c) mmgmp authors.
import pytest
from mmengine.config import Config

from mmgmp.apis.config_checks import check_config
from mmgmp.apis.file_checks import check_data_files, check_folder
from tests.utils.leaves import read_leaf


def test_pretrained_weights_and_data_are_found_missing(tmp_path):
    cfg = read_leaf('erm', dataset='hac')
    cfg.work_dir = str(tmp_path / 'run')
    message = r'`model.backbone.pretrained.video`: .* does not exist'
    with pytest.raises(FileNotFoundError, match=message):
        check_config(cfg, ('train', 'val'))
    weights = tmp_path / 'weights.pth'
    weights.touch()
    cfg.model.backbone.pretrained = dict(
        video=str(weights), audio='https://host/audio.pth'
    )
    message = r'`train_dataloader.dataset.data_root`: .*hac.* does not exist'
    with pytest.raises(FileNotFoundError, match=message):
        check_config(cfg, ('train', 'val'))
    cfg.load_from = str(tmp_path / 'absent.pth')
    with pytest.raises(FileNotFoundError, match='`load_from`: '):
        check_config(cfg, ('train', 'val'))
    assert not (tmp_path / 'run').exists()


def stock(**dataset):
    wrapped = dict(type='RepeatDataset', times=2, dataset=dataset)
    return Config(dict(val_dataloader=dict(dataset=wrapped)))


def test_annotation_file_of_a_stock_dataset(tmp_path):
    (tmp_path / 'list.txt').touch()
    root = str(tmp_path)
    for cfg in (
        stock(type='VideoDataset', ann_file=f'{root}/list.txt'),
        stock(type='VideoDataset', ann_file='list.txt', data_root=root),
        stock(type='VideoDataset', ann_file='s3://a.txt'),
        stock(type='VideoDataset', ann_file='', data_root=root),
        stock(type='VideoDataset', ann_file='a', backend_args=dict(b='p')),
        # It is generated.
        stock(type='MiniHACDataset', data_root='nowhere'),
    ):
        check_data_files(cfg, 'val')
        check_data_files(cfg, 'test')
    cfg = stock(type='VideoDataset', ann_file='absent.txt', data_root=root)
    message = r'`val_dataloader.dataset.dataset.ann_file`: .*absent.txt'
    with pytest.raises(FileNotFoundError, match=message):
        check_data_files(cfg, 'val')


def test_initial_weights_of_a_stock_model(tmp_path):
    model = dict(backbone=dict(init_cfg=dict(type='Pretrained')))
    cfg = Config(dict(model=model, train_dataloader=dict()))
    cfg.model.backbone.init_cfg.checkpoint = 'absent.pth'
    message = '`model.backbone.init_cfg.checkpoint`'
    with pytest.raises(FileNotFoundError, match=message):
        check_config(cfg, ('train',))
    # UniFormerV2 knows its weights by name.
    cfg.model = dict(backbone=dict(pretrained='ViT-L/14'))
    check_config(cfg, ('train',))
    cfg.model.backbone.pretrained = 'absent/ViT-L.pth'
    with pytest.raises(FileNotFoundError, match='`model.backbone.pretrained`'):
        check_config(cfg, ('train',))


def test_folder_that_cannot_be_written(tmp_path):
    check_folder('work_dir', tmp_path / 'new' / 'run')
    (tmp_path / 'file').write_text('kept')
    for folder in (tmp_path / 'file', tmp_path / 'file' / 'run', '/proc/run'):
        with pytest.raises(ValueError, match='`work_dir`: .* cannot be writ'):
            check_folder('work_dir', folder)
    assert (tmp_path / 'file').read_text() == 'kept'
