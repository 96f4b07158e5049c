# Copyright (c) mmgmp authors.
"""DomainProtocolHook in a real mmengine Runner on datasets of two samples."""

import os
import time
from types import SimpleNamespace

import pytest
import torch
from mmaction.registry import DATASETS, METRICS, MODELS
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

import mmgmp


@DATASETS.register_module()
class ProtocolToyDataset(BaseDataset):
    built = 0

    def __init__(
        self, domains, source_domains=None, labelled=True, filenames=()
    ):
        type(self).built += 1
        self.labelled = labelled
        self.filenames = filenames
        metainfo = dict(domains=tuple(domains))
        if source_domains is not None:
            metainfo['source_domains'] = tuple(source_domains)
        super().__init__(metainfo=metainfo, serialize_data=False)

    def load_data_list(self):
        data_list = [dict(x=torch.zeros(1)) for _ in range(2)]
        for item, filename in zip(data_list, self.filenames):
            item['filename'] = filename
        return data_list


@MODELS.register_module()
class ProtocolToyModel(BaseModel):
    def __init__(self, num_domains=None):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.discriminator = nn.Linear(1, 1)
        self.discriminator.num_domains = num_domains

    @property
    def modality_modules(self):
        return dict(video='backbone.video', audio='backbone.audio')

    def forward(self, x, sample_idx, mode, filename=None):
        if mode == 'loss':
            return dict(loss=self.weight.sum())
        return [SimpleNamespace()]


@METRICS.register_module()
class ProtocolToyMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(score=0.0)


def loader(*domains, **kwargs):
    return dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(type='ProtocolToyDataset', domains=domains, **kwargs),
    )


def train(
    tmp_path,
    train=None,
    val=None,
    test=None,
    num_domains=2,
    load_from=None,
    resume=False,
    save_best=None,
    log_level='WARNING',
    **kwargs,
):
    val_args = dict(
        val_dataloader=val,
        val_cfg=dict(),
        val_evaluator=dict(type='ProtocolToyMetric', prefix='toy'),
    )
    test_args = dict(
        test_dataloader=test,
        test_cfg=dict(),
        test_evaluator=dict(type='ProtocolToyMetric', prefix='toy'),
    )
    runner = Runner(
        model=dict(type='ProtocolToyModel', num_domains=num_domains),
        work_dir=str(tmp_path),
        train_dataloader=train or loader('human', 'animal'),
        train_cfg=dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook', save_best=save_best, rule='greater'
            )
        ),
        custom_hooks=[dict(type='DomainProtocolHook', **kwargs)],
        default_scope='mmaction',
        experiment_name=f'{tmp_path.name}-{time.monotonic_ns()}',
        log_level=log_level,
        load_from=load_from,
        resume=resume,
        **(val_args if val else {}),
        **(test_args if test else {}),
    )
    runner.train()
    return runner


def concat(*datasets):
    return dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dict(
            type='ConcatDataset',
            datasets=[part['dataset'] for part in datasets],
            ignore_keys=['domains', 'source_domains'],
        ),
    )


def test_leave_one_domain_out_passes(tmp_path):
    runner = train(
        tmp_path,
        val=loader('animal', 'human'),
        test=loader('cartoon'),
        save_best='toy/score',
    )
    assert runner.epoch == 1
    assert isinstance(runner._test_loop, dict), 'the test loop was built'


@pytest.mark.parametrize('name', ['all', 'worst'])
def test_domain_that_is_called_like_a_result(tmp_path, name):
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        train(tmp_path, train=loader('human', name))
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        train(tmp_path, test=loader(name))


@pytest.mark.parametrize('wrap', [loader, lambda d: concat(loader(d))])
def test_target_among_the_sources(tmp_path, wrap):
    with pytest.raises(ValueError, match=r"target domains \['animal'\] are"):
        train(tmp_path, test=wrap('animal'))


def test_target_hidden_in_a_concatenation(tmp_path):
    sources = ('human', 'cartoon')
    parts = [loader(d, source_domains=sources) for d in sources]
    with pytest.raises(ValueError, match=r"target domains \['cartoon'\] are"):
        train(tmp_path, train=concat(*parts), test=loader('cartoon'))


def test_target_of_a_loop_already_built(tmp_path):
    hook = mmgmp.engine.DomainProtocolHook()
    runner = train(tmp_path, test=loader('cartoon'))
    runner.test_loop.dataloader.dataset._metainfo['domains'] = ('human',)
    built = ProtocolToyDataset.built
    with pytest.raises(ValueError, match=r"target domains \['human'\] are"):
        hook.before_train(runner)
    assert ProtocolToyDataset.built == built


def test_target_of_a_built_dataloader(tmp_path):
    target = Runner.build_dataloader(
        dict(loader('human'), dataset=ProtocolToyDataset(['human']))
    )
    with pytest.raises(ValueError, match=r"target domains \['human'\] are"):
        train(tmp_path, test=target)


def test_selection_on_an_unseen_domain(tmp_path):
    with pytest.raises(ValueError, match=r'`save_best`.*\[.cartoon.\]'):
        train(
            tmp_path,
            val=loader('human', 'cartoon'),
            save_best='toy/score',
        )


def test_validation_on_an_unseen_domain_without_selection(tmp_path):
    train(tmp_path, val=loader('cartoon'))


def test_oracle_selection_warns(tmp_path):
    runner = train(
        tmp_path,
        val=loader('cartoon'),
        save_best='toy/score',
        allow_target_selection=True,
    )
    text = next(tmp_path.glob('*/*.log')).read_text()
    assert runner.epoch == 1
    assert "selected on ['cartoon']" in text
    assert 'WARNING' in text


def test_discriminator_of_another_width(tmp_path):
    message = '`num_domains` of discriminator is 3, but .* is 2: set'
    with pytest.raises(ValueError, match=message):
        train(tmp_path, num_domains=3)


def test_one_source(tmp_path):
    """Objectives that need no domains are checked too."""
    for number in (1, None):
        folder = tmp_path / str(number)
        train(folder, train=loader('human'), num_domains=number)
    message = r"of discriminator is 2, .* domains \['human'\] is 1: set"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, train=loader('human'), num_domains=2)


def test_concatenated_datasets_must_number_domains_alike(tmp_path):
    parts = [loader(d, source_domains=[d]) for d in ('human', 'animal')]
    with pytest.raises(ValueError, match='number the domains differently'):
        train(tmp_path, train=concat(*parts))


# --- an unlabelled target ----------------------------------------------------

SOURCES = ('human', 'animal')


def unlabelled(*domains, **kwargs):
    return loader(*domains, source_domains=SOURCES, labelled=False, **kwargs)


def adaptation(*domains, **kwargs):
    """Two sources, and a target without labels."""
    return concat(loader(*SOURCES), unlabelled(*domains, **kwargs))


def test_adaptation_to_an_unlabelled_target_passes(tmp_path):
    runner = train(
        tmp_path,
        train=adaptation('cartoon'),
        val=loader(*SOURCES),
        test=loader('cartoon'),
        num_domains=2,
        save_best='toy/score',
    )
    assert runner.epoch == 1


def test_target_with_labels_beside_the_one_without(tmp_path):
    parts = concat(loader('human', 'cartoon'), unlabelled('cartoon'))
    message = r"domains \['cartoon'\] of the unlabelled target are among"
    with pytest.raises(ValueError, match=message):
        train(tmp_path, train=parts, test=loader('cartoon'))


def test_target_with_labels_beside_another_without(tmp_path):
    parts = concat(loader('human', 'cartoon'), unlabelled('animal'))
    with pytest.raises(ValueError, match=r"target domains \['cartoon'\] are"):
        train(tmp_path, train=parts, test=loader('cartoon'))


def test_training_without_any_labels(tmp_path):
    with pytest.raises(ValueError, match='no dataset of .* has labels'):
        train(tmp_path, train=unlabelled('cartoon'), num_domains=None)


def test_selection_on_labels_of_the_adapted_target(tmp_path):
    with pytest.raises(ValueError, match=r'`save_best`.*\[.cartoon.\]'):
        train(
            tmp_path,
            train=adaptation('cartoon'),
            val=loader('cartoon'),
            save_best='toy/score',
        )


def test_selection_without_labels_of_the_target_passes(tmp_path):
    train(
        tmp_path,
        train=adaptation('cartoon'),
        val=concat(loader('human'), unlabelled('cartoon')),
        save_best='toy/score',
    )


def test_discriminator_counts_no_unlabelled_target(tmp_path):
    message = '`num_domains` of discriminator is 3, but .* is 2: set'
    with pytest.raises(ValueError, match=message):
        train(tmp_path, train=adaptation('cartoon'), num_domains=3)


@pytest.mark.parametrize('tested, warned', [('bc', True), ('cd', False)])
def test_tested_clips_among_the_unlabelled_ones(tested, warned, tmp_path):
    train(
        tmp_path,
        train=adaptation('cartoon', filenames=tuple('ab')),
        test=loader('cartoon', filenames=tuple(tested)),
    )
    text = next(tmp_path.glob('*/*.log')).read_text()
    assert ('1 of 2 test clips are among the unlabelled' in text) == warned
    assert ("split='test'" in text) == warned


# --- the log -----------------------------------------------------------------


def logged(tmp_path, **kwargs):
    train(tmp_path, log_level='INFO', **kwargs)
    text = next(tmp_path.glob('*/*.log')).read_text()
    (line,) = (x for x in text.splitlines() if 'domains: ' in x)
    return line.partition('INFO - ')[2]


@pytest.fixture
def environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith('MMGMP_')]:
        monkeypatch.delenv(name)
    return monkeypatch


def test_domains_are_logged(tmp_path, environment):
    assert logged(tmp_path, test=loader('cartoon')) == (
        'domains: trained on human, animal (labelled); tested on cartoon; '
        'modalities video, audio'
    )


def test_variables_that_configs_read_are_logged(tmp_path, environment):
    environment.setenv('MMGMP_TARGET', 'cartoon')
    environment.setenv('MMGMP_DATASET', 'hac')
    assert logged(tmp_path, train=adaptation('cartoon')) == (
        'domains: trained on human, animal (labelled); adapted to cartoon '
        '(unlabelled); modalities video, audio; set in the environment: '
        'MMGMP_DATASET=hac, MMGMP_TARGET=cartoon'
    )


def test_weights_that_were_trained_on_the_target(tmp_path):
    first, second = tmp_path / 'first', tmp_path / 'second'
    train(first, train=loader('human', 'animal'), test=loader('cartoon'))
    checkpoint = str(first / 'epoch_1.pth')
    settings = dict(train=loader('human', 'cartoon'), load_from=checkpoint)
    with pytest.raises(ValueError, match=r"trained on .* target \['animal'\]"):
        train(second, test=loader('animal'), resume=True, **settings)
    train(second, test=loader('animal'), **settings)
    text = ''.join(path.read_text() for path in second.glob('*/*.log'))
    assert 'they have seen its labels' in text


def test_resuming_the_same_domains_passes(tmp_path):
    settings = dict(train=loader('human', 'animal'), test=loader('cartoon'))
    train(tmp_path, **settings)
    train(
        tmp_path,
        resume=True,
        load_from=str(tmp_path / 'epoch_1.pth'),
        **settings,
    )
