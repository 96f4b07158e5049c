# Copyright (c) mmgmp authors.
"""A run reads its config, and a hash identifies its result."""

import pickle

import pytest

from mmgmp.benchmark.run import Run, config_hash
from tests.utils.leaves import leaf_path

TEXT = """
rate = 0.5
model = dict(type='Toy', parts=[dict(rate=rate)])
train_dataloader = dict(dataset=dict(data_root='here'), num_workers=2)
randomness = dict(seed=1, deterministic=True)
env_cfg = dict(cudnn_benchmark=False)
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'toy_model.py'
    path.write_text(TEXT)
    return str(path)


def make_run(config, seed=7, **overrides):
    return Run('Toy', config, 'human', seed, overrides)


def test_overrides_and_seed(config):
    run = make_run(config, **{'model.parts.0.rate': 0.25, 'model.new': 1})
    cfg = run.load_config()
    assert cfg.model == dict(type='Toy', parts=[dict(rate=0.25)], new=1)
    assert cfg.randomness == dict(seed=7, deterministic=True)
    assert run.name == 'Toy, human, seed 7'


@pytest.mark.parametrize(
    ('key', 'place'),
    [
        ('modle.rate', 'modle'),
        ('model.part.0.rate', r'model\.part'),
        ('model.parts.1.rate', r'model\.parts\.1'),
        ('model.parts.first.rate', r'model\.parts\.first'),
        ('rate.x.y', r'rate\.x'),
        ('unused', 'unused'),
    ],
)
def test_misplaced_override(config, key, place):
    with pytest.raises(ValueError, match=f"override '{key}'.*no '{place}'"):
        make_run(config, **{key: 1}).load_config()


def test_identity(config):
    run = make_run(config, **{'model.b': 2, 'model.a': 1})
    assert run.identity == dict(
        config='toy_model',
        variables='{}',
        overrides='{"model.a": 1, "model.b": 2}',
        config_hash=config_hash(run.load_config()),
        target='human',
        seed=7,
    )


def test_identity_does_not_travel_to_a_job(config):
    """A job hashes the config that it reads itself."""
    run = make_run(config)
    assert 'identity' not in vars(run)
    identity = run.identity
    assert run.identity is identity
    copy = pickle.loads(pickle.dumps(run))
    assert copy == run and 'identity' not in vars(copy)
    assert copy.identity == identity


def hash_of(config, **overrides):
    return make_run(config, **overrides).identity['config_hash']


def test_hash_ignores_seed_and_machine(config, tmp_path):
    expected = hash_of(config)
    assert len(expected) == 12
    assert make_run(config, seed=9).identity['config_hash'] == expected
    other = {
        'env_cfg.setting': 'a name',
        'train_dataloader.dataset.data_root': 'there',
        'train_dataloader.num_workers': 0,
    }
    for key, value in other.items():
        assert hash_of(config, **{key: value}) == expected
    copy = tmp_path / 'renamed.py'
    copy.write_text('# A remark.' + TEXT.replace('rate', 'factor', 1))
    copy.write_text(copy.read_text().replace('=rate)', '=factor)'))
    assert hash_of(str(copy)) == expected


@pytest.mark.parametrize(
    'change',
    [
        {'model.parts.0.rate': 0.25},
        {'train_dataloader.dataset.split': 'all'},
        {'randomness.deterministic': False},
        {'load_from': 'weights.pth'},
        {'env_cfg.cudnn_benchmark': True},
        {'custom_hooks': []},
    ],
)
def test_hash_depends_on_other_settings(config, change):
    assert hash_of(config, **change) != hash_of(config)


def test_environment_does_not_matter(monkeypatch):
    config = str(leaf_path('gmp'))
    run = Run('GMP', config, 'human', 0, variables=dict(target='human'))
    identity = run.identity
    assert identity['variables'] == '{"target": "human"}'
    monkeypatch.setenv('MMGMP_TARGET', 'animal')
    monkeypatch.setenv('MMGMP_MODALITIES', 'video')
    cfg = run.load_config()
    assert (cfg.target, cfg.modalities) == ('human', ('video', 'audio'))
    assert config_hash(cfg) == identity['config_hash']
    other = Run('GMP', config, 'animal', 0, variables=dict(target='animal'))
    assert other.identity['config_hash'] != identity['config_hash']


def test_variable_that_a_config_does_not_read(config):
    run = Run('Toy', config, 'human', 0, variables=dict(target='human'))
    with pytest.raises(ValueError, match='--target .* has no effect'):
        run.load_config()
