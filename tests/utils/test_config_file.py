# Copyright (c) mmgmp authors.
import pytest

from mmgmp.utils.config_file import read_config_file

FILES = {
    'bracket.py': 'a = 1\nb = (2\n',
    'below_bracket.py': "_base_ = './bracket.py'",
    'name.py': '_base_ = []\na = 1\nb = nowhere\n',
    'below_name.py': "_base_ = './name.py'",
    'absent_base.py': "_base_ = './absent.py'",
    'one.py': "_base_ = './two.py'",
    'two.py': "_base_ = './one.py'",
    'module.py': "custom_imports = dict(imports=['absent_module'])",
    'imports.py': '_base_ = []\nimport absent_module\n',
    'twice.py': "_base_ = ['./right.py', './right.py']",
    'right.py': 'a = 1',
    'lazy.py': 'from mmgmp.optim import GMPOptimWrapper\na = 1 / 0\n',
    'list.yml': 'a: [1',
    'half.json': '{"a":',
    'words.txt': 'a',
    'readable.yml': 'a: 1',
}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize('name', ['right.py', 'readable.yml'])
def test_config(folder, name):
    assert read_config_file(folder / name).a == 1


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('bracket.py', r"bracket.py, line 2: '\(' was never closed"),
        ('below_bracket.py', r"/bracket.py, line 2: '\(' was never closed"),
        ('name.py', "name.py, line 3: NameError: name 'nowhere'"),
        ('below_name.py', "/name.py, line 3: NameError: name 'nowhere'"),
        ('one.py', r'one.py -> \S+two.py -> \S+one.py'),
        ('module.py', 'custom_imports.*absent_module.*PYTHONPATH'),
        ('imports.py', 'imports.py, line 2: ModuleNotFoundError'),
        ('twice.py', 'twice.py: Duplicate key'),
        ('lazy.py', 'lazy.py, line 2: ZeroDivisionError'),
        ('list.yml', 'list.yml: '),
        ('half.json', 'half.json: '),
        ('words.txt', 'words.txt: Only py/yml/yaml/json'),
        ('', 'is a folder: pass a file'),
    ],
)
def test_mistake_names_the_file_and_the_line(folder, name, message):
    with pytest.raises(ValueError, match=message):
        read_config_file(folder / name)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('absent.py', 'absent.py does not exist'),
        ('absent_base.py', r'`_base_` of \S+absent_base.py: .*absent.py'),
    ],
)
def test_missing_file(folder, name, message):
    with pytest.raises(FileNotFoundError, match=message):
        read_config_file(folder / name)
