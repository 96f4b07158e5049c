# Copyright (c) mmgmp authors.
"""Flags and environment variables set the setting of a config."""

import os

import pytest

from mmgmp.utils.setting import (
    choose_domains,
    choose_flag,
    choose_modalities,
    dataset_names,
    read_config,
    setting_file,
    setting_variables,
)
from tests.utils.leaves import leaf_path, read_leaf

DOMAINS = ('human', 'animal', 'cartoon')


def test_names_of_the_data_sets():
    assert dataset_names() == ['epic_kitchens', 'hac', 'mini_hac']
    assert setting_file('hac') == './settings/hac.py'


def test_sources_are_all_others_or_those_named():
    assert choose_domains(DOMAINS, 'animal', 'others') == (
        'animal',
        ['human', 'cartoon'],
    )
    assert choose_domains(DOMAINS, 'animal', 'cartoon') == (
        'animal',
        ['cartoon'],
    )
    # The order of the data set, which numbers the domains.
    assert choose_domains(DOMAINS, 'animal', 'cartoon-human')[1] == [
        'human',
        'cartoon',
    ]


def test_names_may_hold_the_separator():
    domains = ('studio', 'studio-b', 'c')
    assert choose_domains(domains, 'c', 'studio-b-studio')[1] == [
        'studio',
        'studio-b',
    ]


@pytest.mark.parametrize(
    ('target', 'sources', 'message'),
    [
        ('dog', 'others', "--target .*'human', 'animal', 'cartoon'.*'dog'"),
        ('human', 'dog', "--sources .*'human', 'animal', 'cartoon'.*'dog'"),
        ('human', 'animal-animal', 'animal-animal'),
        ('human', 'animal-', 'animal-'),
        ('human', '', "got ''"),
        ('human', 'human-animal', "contains the target 'human'"),
    ],
)
def test_unknown_domains_are_refused(target, sources, message):
    with pytest.raises(ValueError, match=message):
        choose_domains(DOMAINS, target, sources)


def test_modalities_are_in_the_order_of_the_model():
    known = ('video', 'audio', 'flow')
    assert choose_modalities(known, 'flow-video') == ('video', 'flow')
    with pytest.raises(ValueError, match=r"--modalities .*'flow'.*'smell'"):
        choose_modalities(known, 'smell')


def test_flag_is_true_or_false():
    assert choose_flag('corrupted', 'true') is True
    assert choose_flag('corrupted', 'false') is False
    with pytest.raises(ValueError, match=r"--corrupted .*'1'"):
        choose_flag('corrupted', '1')


@pytest.mark.parametrize('name', ['hack', '../hac', ''])
def test_unknown_data_set_is_refused(name):
    with pytest.raises(
        ValueError, match=r"\['epic_kitchens', 'hac', 'mini_hac'\]"
    ):
        setting_file(name)


def test_file_of_a_data_set_of_ones_own(tmp_path):
    path = tmp_path / 'studio.py'
    with pytest.raises(FileNotFoundError, match='studio.py does not exist'):
        setting_file(str(path))
    base = leaf_path('erm').parents[1] / '_base_/settings/mini_hac.py'
    path.write_text(
        f'_base_ = {str(base)!r}\n'
        "dataset = 'studio'\n"
        "data_root = 'elsewhere'\n"
        'train_dataloader = dict(dataset=dict(data_root=data_root))\n'
    )
    cfg = read_leaf('gmp', dataset=str(path), target='human')
    assert cfg.work_dir == (
        'work_dirs/gmp/studio_video-audio_animal-cartoon_to_human'
    )
    assert cfg.train_dataloader.dataset.data_root == 'elsewhere'
    assert cfg.optim_wrapper.type == 'GMPOptimWrapper'


def test_relative_file_is_that_of_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / 'mine.py').write_text('')
    monkeypatch.chdir(tmp_path)
    assert setting_file('mine.py') == str(tmp_path / 'mine.py')


def test_variables_last_as_long_as_the_reading(monkeypatch):
    monkeypatch.setenv('MMGMP_TARGET', 'animal')
    with setting_variables(dict(dataset='hac', corrupted=True, sources=None)):
        assert os.environ['MMGMP_DATASET'] == 'hac'
        assert os.environ['MMGMP_CORRUPTED'] == 'true'
        assert os.environ['MMGMP_TARGET'] == 'animal'
        assert 'MMGMP_SOURCES' not in os.environ
    assert 'MMGMP_DATASET' not in os.environ
    with setting_variables(dict(dataset='hac'), exact=True):
        assert 'MMGMP_TARGET' not in os.environ
    assert os.environ['MMGMP_TARGET'] == 'animal'


def test_unknown_variable_is_refused():
    with (
        pytest.raises(ValueError, match=r"\['domain'\].*'target'"),
        setting_variables(dict(domain='human')),
    ):
        pass


def test_environment_chooses_where_no_flag_does(monkeypatch):
    monkeypatch.setenv('MMGMP_TARGET', 'animal')
    path = leaf_path('erm')
    assert read_config(path, {}).target == 'animal'
    assert read_config(path, dict(target='human')).target == 'human'
    assert read_config(path, {}, exact=True).target == 'cartoon'


def test_flag_that_a_config_does_not_read_is_refused(tmp_path):
    dumped = tmp_path / 'dumped.py'
    read_leaf('gmp', target='human').dump(dumped)
    assert read_config(dumped, {}).target == 'human'
    with pytest.raises(ValueError, match=r'--target .* has no effect on'):
        read_config(dumped, dict(target='animal'))


@pytest.mark.parametrize(
    ('variables', 'message'),
    [
        (dict(target=''), r'--target \(MMGMP_TARGET\) is empty'),
        (dict(dataset=' '), '--dataset .* is empty'),
        (dict(target="it's"), '--target .* not contain quotes'),
        (dict(sources='a\\'), '--sources .* backslashes'),
        (dict(modalities='a\nb'), '--modalities .* line breaks'),
        (dict(dataset=str(leaf_path('gmp'))), 'is the config of a method'),
    ],
)
def test_value_that_no_config_can_hold(variables, message):
    with pytest.raises(ValueError, match=message):
        read_config(leaf_path('erm'), variables)


def test_list_is_joined():
    cfg = read_leaf('erm', target='cartoon', sources=['human', 'animal'])
    assert cfg.sources == ['human', 'animal']


@pytest.mark.parametrize(
    ('domains', 'message'),
    [
        (('kitchen',), 'at least two different names'),
        (('kitchen', 'kitchen'), 'at least two different names'),
        ('kitchen', 'at least two different names'),
        ((), 'at least two different names'),
        (('kitchen', 'all'), "cannot contain 'all'"),
        (('kitchen', 'worst'), "cannot contain 'worst'"),
        (('kitchen', 'others'), "cannot contain 'others'"),
        (('kitchen', 'day/night'), "cannot contain 'day/night'"),
        (('kitchen', ' '), "cannot contain ' '"),
    ],
)
def test_domains_that_a_data_set_cannot_have(domains, message):
    with pytest.raises(ValueError, match=f'`domains` .*{message}'):
        choose_domains(domains, 'kitchen', 'others')


def test_names_that_contain_the_hyphen():
    domains = ('day', 'day-rain', 'rain-snow', 'fog')
    assert choose_domains(domains, 'fog', 'day-rain-snow')[1] == [
        'day',
        'rain-snow',
    ]
    with pytest.raises(
        ValueError, match=r"any of \[\['day', 'snow'\], \['day-"
    ):
        choose_domains(('day', 'snow', 'day-snow', 'x'), 'x', 'day-snow')
