# Copyright (c) mmgmp authors.
"""Renaming of published tensors, reports, and safe reading."""

import os
from pickle import UnpicklingError

import pytest
import torch

from mmgmp.utils.encoder_rules import MMACTION_RULES, VGGSOUND_RULES
from mmgmp.utils.encoder_weights import (
    convert,
    read_state_dict,
)

SHAPES = {'conv1.weight': (2, 1, 3, 3), 'bn1.bias': (2,), 'layer4.0': ()}


def published():
    return {
        'audnet.fc.weight': torch.zeros(309, 2),
        'audnet.bn1.bias': torch.full((2,), 2.0),
        'audnet.conv1.weight': torch.ones(2, 1, 3, 3),
        'audnet.layer4.0': torch.tensor(3),
    }


def test_tensors_get_the_names_of_the_encoder():
    state = published()
    converted, report = convert(state, SHAPES, VGGSOUND_RULES)
    assert list(converted) == list(SHAPES)
    assert all(converted[n] is state[f'audnet.{n}'] for n in SHAPES)
    assert report.complete
    report.require_complete('x')
    assert report.used == {
        'audnet.bn1.bias': 'bn1.bias',
        'audnet.conv1.weight': 'conv1.weight',
        'audnet.layer4.0': 'layer4.0',
    }
    assert report.dropped == {'audnet.fc.weight': 'classifier of VGGSound'}
    assert str(report).splitlines() == [
        'renamed  audnet.bn1.bias -> bn1.bias',
        'renamed  audnet.conv1.weight -> conv1.weight',
        'renamed  audnet.layer4.0 -> layer4.0',
        'dropped  audnet.fc.weight: classifier of VGGSound',
        '0 used, 3 renamed, 1 dropped, 0 of another shape, 0 missing, '
        '0 unknown',
    ]


def test_without_rules_names_stay():
    state = {name: torch.zeros(shape) for name, shape in SHAPES.items()}
    converted, report = convert(state, SHAPES)
    assert list(converted) == list(SHAPES)
    assert str(report).splitlines()[0] == 'used     conv1.weight'
    assert report.summary().startswith('3 used, 0 renamed')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda s: s.pop('audnet.bn1.bias'), 'missing  bn1.bias'),
        (
            lambda s: s.update({'audnet.layer5.0': torch.zeros(1)}),
            'unknown  audnet.layer5.0',
        ),
        (lambda s: s.update({'extra': torch.zeros(1)}), 'unknown  extra'),
        (
            lambda s: s.update({'audnet.bn1.bias': torch.zeros(3)}),
            r'shape    bn1.bias: \(3,\) in the checkpoint, \(2,\) in the enc',
        ),
    ],
    ids=['missing', 'unknown', 'without_prefix', 'shape'],
)
def test_partly_fitting_tensors_are_an_error_that_lists_them(change, message):
    state = published()
    change(state)
    _, report = convert(state, SHAPES, VGGSOUND_RULES)
    assert not report.complete
    faults = [*report.missing, *report.unknown, *report.misshaped]
    assert len(faults) == 1
    with pytest.raises(ValueError, match=f'some file: (.|\n)*{message}'):
        report.require_complete('some file')


def test_every_tensor_is_accounted_for():
    state = {**published(), 'other': torch.zeros(1)}
    state['audnet.bn1.bias'] = torch.zeros(5)
    _, report = convert(state, SHAPES, VGGSOUND_RULES)
    said = {*report.used, *report.dropped, *report.unknown}
    assert said | {f'audnet.{n}' for n in report.misshaped} == state.keys()
    wanted = {*report.used.values(), *report.missing, *report.misshaped}
    assert wanted == SHAPES.keys()


def test_rules_of_mmaction():
    state = {
        'cls_head.fc_cls.bias': torch.zeros(400),
        'backbone.conv1.weight': torch.zeros(2, 1, 3, 3),
    }
    converted, report = convert(
        state, {'conv1.weight': (2, 1, 3, 3)}, MMACTION_RULES
    )
    assert list(converted) == ['conv1.weight']
    assert list(report.dropped) == ['cls_head.fc_cls.bias']
    assert report.complete


class Payload:
    def __init__(self, call, *args):
        self.call = call
        self.args = args

    def __reduce__(self):
        return self.call, self.args


@pytest.mark.parametrize('zipped', [True, False])
def test_foreign_object_is_refused_by_name_and_not_run(zipped, tmp_path):
    marker = tmp_path / 'made_by_the_checkpoint'
    torch.save(
        {'state_dict': {}, 'meta': Payload(os.mkdir, str(marker))},
        tmp_path / 'bad.pth',
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(UnpicklingError, match='bad.pth .*mkdir') as error:
        read_state_dict(tmp_path / 'bad.pth', 'state_dict')
    assert 'weights_only' not in str(error.value)
    assert not marker.exists()


@pytest.mark.parametrize(
    ('checkpoint', 'message'),
    [
        ({'weights': {}}, r"key 'state_dict', found \['weights'\]"),
        ({'state_dict': {'a': 1}}, "key 'state_dict', found state_dict"),
        (torch.zeros(2), 'contains a Tensor, not named weights'),
    ],
)
def test_file_without_named_tensors_is_an_error(checkpoint, message, tmp_path):
    torch.save(checkpoint, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=message):
        read_state_dict(tmp_path / 'x.pth', 'state_dict')


def test_truncated_file_is_an_error_that_names_it(tmp_path):
    path = tmp_path / 'x.pth'
    torch.save({'state_dict': {'a': torch.zeros(1000)}}, path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r'x\.pth .*is damaged'):
        read_state_dict(path, 'state_dict')


def test_text_is_no_checkpoint(tmp_path):
    (tmp_path / 'x.pth').write_text('<html>404</html>')
    with pytest.raises(ValueError, match=r'x\.pth .*not a checkpoint'):
        read_state_dict(tmp_path / 'x.pth', 'state_dict')


def test_missing_file_is_an_error_that_says_where_from(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'x\.pth.*README'):
        read_state_dict(tmp_path / 'x.pth', 'state_dict')
