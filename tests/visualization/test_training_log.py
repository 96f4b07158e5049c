# Copyright (c) mmgmp authors.
"""Reading run logs and the ratios in them, against small logs by hand."""

import json

import numpy as np
import pytest

from mmgmp.visualization import discrepancy_ratios, read_training_log


def write_log(work_dir, timestamp, records):
    file = work_dir / timestamp / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(r) + '\n' for r in records))
    return file


def record(step, **values):
    return dict(lr=0.1, loss=1.0, iter=step, step=step, **values)


def test_validation_records_are_left_out(tmp_path):
    records = [record(10), {'acc/all/fused/top1': 0.5, 'step': 1}, record(20)]
    file = write_log(tmp_path, '20250101_000000', records)
    for path in (tmp_path, file, str(file)):
        assert read_training_log(path) == [record(10), record(20)]


def test_resumed_run_replaces_from_its_first_step_on(tmp_path):
    write_log(tmp_path, '20250102_000000', [record(20, x=2), record(30, x=2)])
    write_log(
        tmp_path,
        '20250101_000000',
        [record(step, x=1) for step in (10, 20, 25, 30, 40)],
    )
    write_log(tmp_path, '20250103_000000', [{'acc': 0.5, 'step': 0}])
    (tmp_path / '20250104_000000').mkdir()
    steps = [(r['step'], r['x']) for r in read_training_log(tmp_path)]
    assert steps == [(10, 1), (20, 2), (30, 2)]


def test_missing_folder_and_log(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere does not exist'):
        read_training_log(tmp_path / 'nowhere')
    with pytest.raises(FileNotFoundError, match='holds no <timestamp>'):
        read_training_log(tmp_path)


@pytest.mark.parametrize('line', ['{"step": 1', '[1]'])
def test_broken_line_is_named(tmp_path, line):
    file = write_log(tmp_path, '20250101_000000', [record(1)])
    with file.open('a') as log:
        log.write(line)
    with pytest.raises(ValueError, match=r'scalars\.json, line 2 is no'):
        read_training_log(tmp_path)


def test_ratios_of_gmp_are_taken_as_logged():
    records = [
        record(
            step,
            **{
                'gmp/rho.video': 2.0 * step,
                'gmp/rho.audio': 0.5,
                'gmp/sigma.video': 3.0,
                'gmp/sigma.audio': 1 / 3,
                'semantic_confidence.video': 0.9,
                'semantic_confidence.audio': 0.1,
            },
        )
        for step in (5, 10)
    ]
    curves = discrepancy_ratios(records, 'run')
    steps, values = curves['rho']['video']
    np.testing.assert_array_equal(steps, [5, 10])
    np.testing.assert_array_equal(values, [10, 20])
    np.testing.assert_array_equal(curves['sigma']['audio'][1], [1 / 3] * 2)


def test_ratios_from_confidences():
    records = [
        record(
            5,
            **{
                'semantic_confidence.video': 0.2,
                'semantic_confidence.audio': 0.8,
                'domain_confidence.video': 0.9,
                'domain_confidence.audio': 0.6,
            },
        ),
        record(10, **{'semantic_confidence.video': 0.2}),
    ]
    curves = discrepancy_ratios(records, 'run')
    for ratio, modality, value in (
        ('rho', 'video', 0.25),
        ('rho', 'audio', 4),
        ('sigma', 'video', 2 / 3),
        ('sigma', 'audio', 1.5),
    ):
        steps, values = curves[ratio][modality]
        np.testing.assert_array_equal(steps, [5])
        np.testing.assert_allclose(values, [value])


def test_three_modalities_are_compared_with_the_mean_of_the_others():
    confidences = dict(video=0.6, audio=0.2, flow=0.1)
    keys = {
        f'{kind}_confidence.{m}': value
        for kind in ('semantic', 'domain')
        for m, value in confidences.items()
    }
    curves = discrepancy_ratios([record(1, **keys)], 'run')
    np.testing.assert_allclose(curves['rho']['video'][1], [4])
    np.testing.assert_allclose(curves['sigma']['video'][1], [0.25])
    np.testing.assert_allclose(curves['rho']['flow'][1], [0.25])


def test_run_without_domain_task_has_no_sigma():
    keys = {f'semantic_confidence.{m}': 0.5 for m in ('video', 'audio')}
    assert list(discrepancy_ratios([record(1, **keys)], 'run')) == ['rho']


@pytest.mark.parametrize('keys', [{}, {'semantic_confidence.video': 0.5}])
def test_log_without_ratios_names_file_and_keys(keys):
    message = r'runs/erm has no discrepancy ratios.*found \[.*loss.*\]'
    with pytest.raises(ValueError, match=message):
        discrepancy_ratios([record(1, **keys)], 'runs/erm')
