# Copyright (c) mmgmp authors.
"""tools/benchmarks/benchmark_dataset.py on tiny clips."""

import importlib
import json
import runpy
from pathlib import Path

import numpy as np
import pytest
from mmaction.registry import DATASETS

from mmgmp.datasets import AudioSpectrogram
from mmgmp.datasets.media.video import read_video
from mmgmp.utils import register_all_modules
from tests.utils.leaves import read_leaf
from tests.utils.media import tone, write_wav

ROOT = Path(__file__).parents[2]
TOOL = ROOT / 'tools/benchmarks/benchmark_dataset.py'


@pytest.fixture(scope='module', autouse=True)
def script_folder():
    """Python searches the folder of a script for imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TOOL.parent))
        yield


@pytest.fixture(scope='module')
def tool(script_folder):
    return runpy.run_path(str(TOOL))


@pytest.fixture(scope='module')
def loading(script_folder):
    return importlib.import_module('loading_recipes')


@pytest.fixture(scope='module')
def dataset(loading, tmp_path_factory):
    register_all_modules()
    root = tmp_path_factory.mktemp('clips')
    loading.write_clips(root, 2, 80, 20, (64, 48), 250)
    config = read_leaf('erm', dataset='hac')
    return DATASETS.build(
        dict(
            config.train_dataloader.dataset,
            data_root=str(root),
            domains=['human'],
        )
    )


def test_both_recipes_load_the_same_kind_of_sample(tool, loading, dataset):
    methods = loading.recipes(dataset)
    assert list(methods)[:2] == ['mmgmp', 'released']
    for steps in methods.values():
        sample, seconds = tool['run_steps'](steps, dataset.get_data_info(0), 0)
        assert sample['inputs']['video'].shape == (1, 3, 32, 224, 224)
        assert sample['inputs']['audio'].shape == (1, 257, 1004)
        assert {'OpenVideo', 'DecodeFrames', 'Resize'} <= {*seconds}
        assert min(seconds.values()) >= 0


def test_released_frames_are_one_earlier(loading, dataset):
    path = dataset.get_data_info(1)['filename']
    results = loading.decode_clip(dict(filename=path))
    assert results['total_frames'] == 79
    results['frame_inds'] = np.array([0, 1, 9])
    video, _ = read_video(path)
    frames = loading.take_frames(results)['imgs']
    np.testing.assert_array_equal(frames, video[[0, 0, 8]])


def test_released_spectrogram(loading, tmp_path):
    wave = tone(4)
    write_wav(tmp_path / 'a.wav', wave)
    results = loading.read_wav(
        dict(audio_path=tmp_path / 'a.wav', frame_inds=np.array([12, 14, 60]))
    )
    # 0.5 to 2.5 s at the assumed 24 frames per second.
    np.testing.assert_allclose(
        results['audios'], wave[8000:40000], atol=1 / 32768
    )
    ours = AudioSpectrogram()(dict(results))['audios']
    released = loading.scipy_spectrogram(results)['audios']
    np.testing.assert_allclose(released, ours, atol=1e-5)
    silent = dict(audios=np.zeros(0), sample_rate=16000)
    silence = loading.scipy_spectrogram(silent)['audios']
    np.testing.assert_allclose(silence, 0, atol=1e-5)


def test_table(tool):
    table = dict(
        mmgmp=dict(OpenVideo=0.002, Resize=0.008, total=0.01),
        released=dict(OpenVideo=0.04, Resize=0.01, total=0.05),
    )
    rows = tool['format_table'](table).splitlines()
    assert rows[0].split() == ['ms', 'mmgmp', 'released']
    assert rows[1].split() == ['OpenVideo', '2.0', '40.0']
    assert rows[-2].split() == ['clips/s', '100.00', '20.00']
    assert rows[-1].split()[-2:] == ['1.00', '5.00']


def test_command_line(run_tool, tmp_path, capsys):
    out = tmp_path / 'out.json'
    options = (
        '--clips 1 --seconds 2 --fps 10 --size 48 32 --keyint 250 5 '
        f'--rounds 2 --memory 20 --json {out}'
    )
    run_tool(TOOL, *options.split())
    report = json.loads(out.read_text())
    assert [row['keyint'] for row in report] == [250, 5]
    for row in report:
        for seconds in (row['seconds'][m] for m in ('mmgmp', 'released')):
            assert seconds['total'] > seconds['AudioSpectrogram'] > 0
        assert [number for number, _ in row['memory']] == [*range(2, 21, 2)]
        assert row['memory'][-1][1] > 100
    assert report[1]['kbps'] > report[0]['kbps']
    printed = capsys.readouterr().out
    assert printed.count('mmgmp is faster by') == 2
    assert printed.count('growth after the first tenth:') == 2
