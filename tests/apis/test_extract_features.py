# Copyright (c) mmgmp authors.
"""extract_features returns the fused features of each clip."""

import pickle

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmgmp.apis import extract_features
from tests.utils.prediction import CONFIG, save_model

SOURCES, TARGETS = 14, 21  # test clips of two domains, all of the third


@pytest.fixture(scope='module')
def cfg(tiny_mini_hac):
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict(tiny_mini_hac)
    return cfg


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return tmp_path_factory.mktemp('features')


@pytest.fixture(scope='module')
def model(root):
    return save_model(root / 'model.pth')


@pytest.fixture(scope='module')
def extracted(cfg, model, root):
    return extract_features(cfg, root / 'model.pth', device='cpu')


@pytest.fixture(scope='module')
def datasets(cfg):
    return [
        DATASETS.build(cfg[f'{part}_dataloader'].dataset)
        for part in ('val', 'test')
    ]


def test_labels_and_domains_of_all_clips(extracted, datasets):
    infos = [d.get_data_info(i) for d in datasets for i in range(len(d))]
    assert len(infos) == SOURCES + TARGETS
    assert extracted.features.shape == (SOURCES + TARGETS, 160 + 128)
    assert extracted.features.dtype == np.float32
    assert extracted.labels.tolist() == [info['label'] for info in infos]
    assert extracted.domains == [info['domain_name'] for info in infos]
    assert set(extracted.domains[:SOURCES]) == {'human', 'animal'}
    assert set(extracted.domains[SOURCES:]) == {'cartoon'}
    assert extracted.unseen == ('cartoon',)
    assert extracted.classes == tuple(datasets[1].metainfo['classes'])


@pytest.mark.parametrize(('part', 'start'), [(0, 0), (1, SOURCES)])
def test_features_are_the_modalities_side_by_side(
    extracted, model, datasets, part, start
):
    batch = pseudo_collate([datasets[part][i] for i in range(3)])
    with torch.no_grad():
        data = model.data_preprocessor(batch, False)
        features = model.backbone(data['inputs'])
        scores = [s.pred_score['fused'] for s in model.test_step(batch)]
    wanted = np.hstack([features['video'], features['audio']])
    rows = extracted.features[start : start + 3]
    np.testing.assert_allclose(rows, wanted, atol=1e-5)
    # The classifier computes the scores of the model from them.
    classifier = model.cls_head.classifier
    with torch.no_grad():
        hidden = torch.relu(classifier.hidden(torch.tensor(rows)))
        found = classifier.output(hidden).softmax(dim=1)
    np.testing.assert_allclose(found, torch.stack(scores), atol=1e-5)


def test_one_split(cfg, root, extracted):
    for split, rows in (
        ('source', slice(SOURCES)),
        ('target', slice(SOURCES, None)),
    ):
        part = extract_features(cfg, root / 'model.pth', split, 'cpu')
        np.testing.assert_allclose(
            part.features, extracted.features[rows], atol=1e-5
        )
        assert part.domains == extracted.domains[rows]
        assert part.unseen == (('cartoon',) if split == 'target' else ())


def test_unknown_split(cfg, root):
    with pytest.raises(ValueError, match="of .*'source'.*, got 'train'"):
        extract_features(cfg, root / 'model.pth', 'train')


def test_config_without_its_dataloader(cfg, root):
    cfg = cfg.copy()
    cfg.val_dataloader = None
    message = '`val_dataloader` is missing in the config'
    with pytest.raises(ValueError, match=message):
        extract_features(cfg, root / 'model.pth')


def test_another_model(cfg, root):
    cfg = cfg.copy()
    cfg.model = dict(
        type='Recognizer2D',
        backbone=dict(type='mmpretrain.ResNet', depth=18),
        cls_head=dict(type='TSNHead', num_classes=7, in_channels=512),
    )
    with pytest.raises(ValueError, match='MultimodalRecognizer.*Recognizer2D'):
        extract_features(cfg, root / 'model.pth')


def test_clips_without_a_domain_name(cfg, root, tiny_mini_hac):
    cfg = Config(cfg.to_dict())
    pack = cfg.test_dataloader.dataset.pipeline[-1]
    pack.meta_keys = ('filename',)
    message = f'{TARGETS} clips have no `domain_name`'
    with pytest.raises(ValueError, match=message):
        extract_features(cfg, root / 'model.pth', 'target', 'cpu')


def test_datasets_with_other_classes(cfg, root):
    cfg = Config(cfg.to_dict())
    cfg.test_dataloader.dataset.metainfo = dict(classes=tuple('abcdefg'))
    with pytest.raises(ValueError, match='must have the same classes'):
        extract_features(cfg, root / 'model.pth', device='cpu')


@pytest.mark.parametrize(
    ('value', 'message'),
    [
        (float('nan'), 'nan.pth has values that are not finite'),
        (1e38, 'features of checkpoint .*nan.pth are not finite'),
    ],
)
def test_weights_that_diverged(cfg, root, tmp_path, value, message):
    checkpoint = torch.load(root / 'model.pth', weights_only=True)
    key = 'backbone.audio.conv1.weight'
    checkpoint['state_dict'][key].fill_(value)
    torch.save(checkpoint, tmp_path / 'nan.pth')
    with pytest.raises(ValueError, match=message):
        extract_features(cfg, tmp_path / 'nan.pth', 'source', 'cpu')


def test_checkpoint_with_code_is_refused(cfg, tmp_path):
    class Code:
        def __reduce__(self):
            return (open, (str(tmp_path / 'ran'), 'w'))

    path = tmp_path / 'code.pth'
    torch.save(dict(state_dict={}, meta=Code()), path, pickle_module=pickle)
    with pytest.raises(ValueError, match='code.pth was not read'):
        extract_features(cfg, path, device='cpu')
    assert not (tmp_path / 'ran').exists()
    with pytest.raises(FileNotFoundError):
        extract_features(cfg, tmp_path / 'none.pth', device='cpu')
