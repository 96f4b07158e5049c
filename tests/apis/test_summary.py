# Copyright (c) mmgmp authors.
"""The text, the file and the means of summaries."""

import json

import pytest

from mmgmp.apis.summary import (
    draw_target,
    find_warnings,
    format_summary,
    format_target,
    mean_summary,
    write_summary,
)

OLD = dict(
    target='cartoon',
    sources=['human', 'animal'],
    chance=1 / 7,
    source_top1=dict(fused=0.9286, video=0.5, video_unimodal=0.1, audio=1),
    target_top1=dict(fused=0.4, video=0.25),
)


def report(clips=10, right=4, majority=0.5, most=0.5):
    fused = dict(
        top1=right / clips,
        mean1=right / clips / 2,
        most_predicted={'class': 'sit', 'share': most},
        per_class=dict(run=0.0, sit=1.0),
        confusion=[[0, clips - right], [0, right]],
    )
    return dict(
        all=dict(
            clips=clips,
            majority={'class': 'run', 'share': majority},
            class_clips=dict(run=clips - right, sit=right),
            branches=dict(fused=fused),
        )
    )


def summary(**values):
    evaluation = dict(source=report(), target=report(**values))
    return dict(OLD, evaluation=evaluation, warnings=[])


def test_table_of_an_older_summary():
    assert format_summary(OLD) == (
        'top-1 (%)              fused  video  audio  chance\n'
        'source (human+animal)   92.9   50.0  100.0    14.3\n'
        'target (cartoon)        40.0   25.0      -    14.3'
    )


def test_table_with_the_majority_and_a_warning():
    assert format_summary(dict(summary(clips=20), warnings=['target: x'])) == (
        'top-1 (%)              fused  video  audio  class mean  majority  '
        'chance  clips\n'
        'source (human+animal)   92.9   50.0  100.0        20.0      50.0  '
        '  14.3     10\n'
        'target (cartoon)        40.0   25.0      -        10.0      50.0  '
        '  14.3     20\n'
        'Warning: target: x.'
    )


def test_table_of_a_test_alone():
    only = dict(summary(), evaluation=dict(target=report()))
    del only['source_top1'], only['sources']
    lines = format_summary(only).splitlines()
    assert [line.split()[0] for line in lines] == ['top-1', 'target']


def test_means_of_the_seeds():
    runs = [summary(right=4), dict(summary(right=6), warnings=['target: x'])]
    mean = mean_summary(runs)
    group = mean['evaluation']['target']['all']
    assert group['branches']['fused']['mean1'] == pytest.approx(0.25)
    assert mean['warnings'] == [
        '1 of 2 runs have nearly constant predictions, see their summaries'
    ]
    assert format_summary(mean).count('\n') == 3
    assert 'evaluation' not in mean_summary([runs[0], OLD])
    assert 'warnings' not in mean_summary([runs[0], OLD])


def test_constant_predictions_are_logged(monkeypatch):
    logged = []
    monkeypatch.setattr(
        'mmgmp.apis.summary.print_log', lambda text, *_: logged.append(text)
    )
    found = find_warnings(dict(source=report(), target=report(most=0.99)))
    assert logged == found
    (text,) = found
    assert text.startswith("target: 99.0 % of the predictions are 'sit'")


def test_file_has_a_line_for_each_row_of_a_matrix(tmp_path):
    write_summary(summary(), tmp_path / 'summary.json')
    text = (tmp_path / 'summary.json').read_text()
    assert json.loads(text) == summary()
    assert text.count('\n              [ 0, 6 ],\n') == 2


def test_confusions_of_the_target(tmp_path, capsys):
    assert format_target(summary()).splitlines() == [
        'target (cartoon), fused: clips by true class (rows) and predicted '
        'class',
        '        0  1  clips  right (%)',
        '0  run  .  6      6        0.0',
        '1  sit  .  4      4      100.0',
    ]
    draw_target(summary(), tmp_path)
    out = tmp_path / 'confusion_target.png'
    assert capsys.readouterr().out == f'wrote {out}\n'
    assert out.stat().st_size > 1000
