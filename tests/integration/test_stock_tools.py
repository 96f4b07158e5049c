# Copyright (c) mmgmp authors.
"""MMAction2's own tools on our configs, see docs/stock_tools.md."""

import pickle
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.registry import DATASETS
from mmengine.config import Config

from mmgmp import stock_tool
from tests.tools.conftest import new_loggers  # noqa: F401, used by all tests
from tests.utils.leaves import leaf_path, read_leaf
from tests.utils.muxing import mux
from tests.utils.prediction import save_model

CLASSES = 7


@pytest.fixture
def options(tiny_mini_hac):
    """Command-line options that select the tiny data set."""
    found = []
    for key, value in tiny_mini_hac.items():
        values = value if isinstance(value, dict) else {'': value}
        found += [
            f'{key}.{k}={v}'.replace('.=', '=') for k, v in values.items()
        ]
    return [*found, 'test_dataloader.dataset.indices=4']


@pytest.fixture
def stock(monkeypatch):
    """Run a tool of MMAction2 in this process."""

    def run(name, *args):
        monkeypatch.setattr(sys, 'argv', ['stock_tool', name, *map(str, args)])
        monkeypatch.setattr(sys, 'path', [*sys.path])
        monkeypatch.setenv('MPLBACKEND', 'Agg')
        stock_tool.main()

    return run


@pytest.fixture
def predictions(tmp_path):
    """A file like that of --dump: each class once, one mistake."""
    wrong = torch.eye(CLASSES)[[1, 1, 2, 3, 4, 5, 6]]
    samples = [
        dict(
            pred_score=dict(fused=row, video=row, audio=row),
            gt_label=torch.tensor([label]),
            domain_name='cartoon',
            filename=f'{label}.mp4',
        )
        for label, row in enumerate(wrong)
    ]
    path = tmp_path / 'predictions.pkl'
    path.write_bytes(pickle.dumps(samples))
    return path


def test_confusion_matrix_of_predictions(
    stock, predictions, options, tmp_path
):
    out, figure = tmp_path / 'matrix.pkl', tmp_path / 'matrix.png'
    stock(
        'analysis_tools/confusion_matrix.py',
        leaf_path('gmp'),
        predictions,
        '--out',
        out,
        '--show-path',
        figure,
        '--cfg-options',
        *options,
    )
    expected = np.eye(CLASSES, dtype=int)
    expected[0] = expected[1]
    assert pickle.loads(out.read_bytes()).tolist() == expected.tolist()
    assert figure.read_bytes()[:4] == b'\x89PNG'


def test_confusion_matrix_of_a_checkpoint(stock, options, tmp_path):
    save_model(tmp_path / 'model.pth')
    stock(
        'analysis_tools/confusion_matrix.py',
        leaf_path('erm'),
        tmp_path / 'model.pth',
        '--out',
        tmp_path / 'matrix.pkl',
        '--cfg-options',
        *options,
    )
    matrix = pickle.loads((tmp_path / 'matrix.pkl').read_bytes())
    assert matrix.sum() == 4


def test_eval_metric(stock, predictions, capsys):
    stock('analysis_tools/eval_metric.py', leaf_path('gmp'), predictions)
    printed = capsys.readouterr().out
    assert "'acc/all/fused/top1': 0.857142" in printed


@pytest.mark.parametrize('phase', ['train', 'test'])
def test_browse_dataset_gets_frames(phase, tiny_mini_hac):
    """It records `imgs` after each transform, and draws them."""
    tool = runpy.run_path(
        str(stock_tool.find_tool('visualizations/browse_dataset.py'))
    )
    cfg = read_leaf('gmp')
    cfg.merge_from_dict(tiny_mini_hac)
    dataset = DATASETS.build(cfg[f'{phase}_dataloader'].dataset)
    recorded = []
    dataset.pipeline = tool['InspectCompose'](
        dataset.pipeline.transforms, recorded
    )
    assert dataset[0]['inputs']['video'].shape == (1, 3, 8, 40, 40)
    assert len(recorded) > 1
    for step in recorded:
        assert {np.shape(image)[2:] for image in step['imgs']} == {(3,)}
    assert recorded[-1]['imgs'][0].shape == (40, 40, 3)


@pytest.mark.parametrize(
    ('modality', 'shape'),
    [('video', (1, 3, 8, 40, 40)), ('audio', (1, 1, 129, 101))],
)
def test_flops_of_a_modality(modality, shape, stock, monkeypatch, capsys):
    monkeypatch.setenv('MMGMP_MODALITIES', modality)
    tool = 'analysis_tools/get_flops.py'
    stock(tool, leaf_path('erm'), '--shape', *shape)
    printed = capsys.readouterr().out
    assert f'Input shape: {shape}' in printed
    assert 'Flops: ' in printed


def test_flops_of_two_modalities_need_two_inputs(stock):
    with pytest.raises(ValueError, match=r"each of \['video', 'audio'\]"):
        stock('analysis_tools/get_flops.py', leaf_path('erm'))


def test_scheduler(stock, options, tmp_path, monkeypatch):
    pytest.importorskip('rich')
    monkeypatch.chdir(tmp_path)
    stock(
        'visualizations/vis_scheduler.py',
        leaf_path('gmp'),
        '--save-path',
        'lr.png',
        '--not-show',
        '--cfg-options',
        'custom_hooks=[]',
        'optim_wrapper.modalities.any=conv',
        *options,
    )
    assert Path('lr.png').read_bytes()[:4] == b'\x89PNG'


def test_publish_model(stock, tmp_path):
    save_model(tmp_path / 'model.pth')
    stock(
        'deployment/publish_model.py',
        tmp_path / 'model.pth',
        tmp_path / 'published.pth',
    )
    (path,) = tmp_path.glob('published_*-*.pth')
    state = torch.load(path, weights_only=True)
    assert state['state_dict'] and 'optimizer' not in state


def test_inference_recognizer(tiny_mini_hac, tmp_path):
    save_model(tmp_path / 'model.pth')
    cfg = Config(read_leaf('erm').to_dict())
    model = init_recognizer(cfg, str(tmp_path / 'model.pth'), device='cpu')
    root = Path(tiny_mini_hac['test_dataloader.dataset.data_root'])
    video = next(root.glob('cartoon/videos/*.mp4'))
    sound = root / f'cartoon/audio/{video.stem}.wav'
    clip = mux(video, sound, tmp_path / 'clip.mp4')
    both = dict(
        filename=str(video),
        audio_path=str(sound),
        label=-1,
        start_index=0,
        modality='RGB',
    )
    from_track, from_file = (
        inference_recognizer(model, item).pred_score['fused']
        for item in (clip, both)
    )
    assert from_track.shape == (CLASSES,)
    torch.testing.assert_close(from_track, from_file, atol=0.05, rtol=0)


def test_unknown_tool(stock):
    with pytest.raises(SystemExit, match=r"'flops.py'.*get_flops\.py"):
        stock('flops.py')
