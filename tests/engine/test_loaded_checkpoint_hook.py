# Copyright (c) mmgmp authors.
"""No run uses weights that are not those of its model."""

import logging

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from torch import nn

from mmgmp.utils.checkpoints import CheckpointError
from tests.utils import counting_toy
from tests.utils.toy_run import ToyDropoutModel, toy_cfg, toy_runner


@MODELS.register_module()
class ToyOtherModel(ToyDropoutModel):
    """Has a backbone, a head and an objective."""

    def __init__(self, outputs=8, objective=False):
        super().__init__()
        self.backbone = self.linear
        self.head = nn.Linear(8, outputs)
        if objective:
            self.objectives = nn.ModuleDict(dict(a=nn.Linear(8, 1)))


def cfg_of(work_dir, epochs=1, **options):
    cfg = toy_cfg(work_dir, epochs, **options)
    cfg.test_dataloader = cfg.val_dataloader
    cfg.test_evaluator, cfg.test_cfg = cfg.val_evaluator, dict()
    return cfg


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp('trained')
    toy_runner(cfg_of(folder, 2)).train()
    return folder / 'epoch_2.pth'


OTHER = {'model.type': 'ToyOtherModel'}


def warnings_of(cfg, caplog, method='train'):
    cfg.log_level = 'WARNING'
    runner = toy_runner(cfg)
    runner.logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING):
        getattr(runner, method)()
    return [
        record.getMessage()
        for record in caplog.records
        if record.module in ('loaded_checkpoint_hook', 'checkpoint')
    ]


def test_same_model_is_tested(trained, tmp_path):
    runner = toy_runner(cfg_of(tmp_path, load_from=str(trained)))
    assert runner.test()['acc'] == 0.5  # of two epochs


def test_file_with_the_weights_alone_is_tested(trained, tmp_path):
    path = tmp_path / 'weights.pth'
    torch.save(torch.load(trained)['state_dict'], path)
    runner = toy_runner(cfg_of(tmp_path, load_from=str(path)))
    assert runner.test()['acc'] == 0.5


@pytest.mark.parametrize('resume', [False, True])
def test_other_classes_are_refused(trained, tmp_path, resume):
    path = tmp_path / 'other.pth'
    checkpoint = torch.load(trained, weights_only=True)
    checkpoint['meta']['dataset_meta'] = dict(classes=('walk', 'run'))
    torch.save(checkpoint, path)
    cfg = cfg_of(tmp_path, 3, load_from=str(path), resume=resume)
    runner = toy_runner(cfg)
    loop = runner.train_loop if resume else runner.test_loop
    loop.dataloader.dataset.metainfo = dict(classes=('walk', 'ride'))
    with pytest.raises(CheckpointError, match=r"classes \['walk', 'run'\]"):
        runner.train() if resume else runner.test()


@pytest.mark.parametrize('method', ['test', 'val'])
def test_other_model_is_not_tested(method, trained, tmp_path):
    runner = toy_runner(cfg_of(tmp_path, load_from=str(trained), **OTHER))
    with pytest.raises(CheckpointError, match=r'epoch_2\.pth is of another'):
        getattr(runner, method)()


def test_averaged_weights_are_tested(tmp_path):
    hooks = [dict(type='StepSeedHook'), dict(type='EMAHook', momentum=0.5)]
    toy_runner(cfg_of(tmp_path / 'a', 2, custom_hooks=hooks)).train()
    path = str(tmp_path / 'a/epoch_2.pth')
    averaged = torch.load(path)['state_dict']['linear.weight']
    for number, options in enumerate([{}, dict(custom_hooks=hooks)]):
        work_dir = tmp_path / str(number)
        runner = toy_runner(cfg_of(work_dir, load_from=path, **options))
        runner.test()
        assert torch.equal(runner.model.linear.weight, averaged)
    saved = torch.load(path)
    del saved['state_dict']
    torch.save(saved, tmp_path / 'ema.pth')
    cfg = cfg_of(tmp_path / 'b', load_from=str(tmp_path / 'ema.pth'))
    with pytest.raises(CheckpointError, match='no weights under `state_dict`'):
        toy_runner(cfg).test()


def test_training_goes_on_from_a_part(tmp_path, caplog):
    options = {**OTHER, 'model.outputs': 4, 'model.objective': True}
    toy_runner(cfg_of(tmp_path / 'a', **OTHER)).train()
    path = tmp_path / 'a/epoch_1.pth'
    (text,) = warnings_of(
        cfg_of(tmp_path / 'b', load_from=str(path), **options), caplog
    )
    assert 'Only a part of checkpoint' in text
    assert '2 missing: objectives.a.weight, objectives.a.bias' in text
    assert 'head.bias with the shape (8,) instead of (4,)' in text


def test_training_does_not_start_from_other_weights(trained, tmp_path):
    path = tmp_path / 'other.pth'
    torch.save(nn.Linear(3, 8).state_dict(), path)
    runner = toy_runner(cfg_of(tmp_path / 'a', load_from=str(path)))
    with pytest.raises(CheckpointError, match=r'only 0 of 3 weights'):
        runner.train()


def test_other_model_is_not_resumed(trained, tmp_path):
    options = dict(resume=True, load_from=str(trained), **OTHER)
    runner = toy_runner(cfg_of(tmp_path, 3, **options))
    with pytest.raises(CheckpointError, match=r'missing: .*head'):
        runner.train()


def test_other_trained_parameters_are_not_resumed(trained, tmp_path):
    runner = toy_runner(
        cfg_of(tmp_path, 3, resume=True, load_from=str(trained))
    )
    runner.model.linear.bias.requires_grad_(False)
    saved = torch.load(trained)
    saved['optimizer']['param_groups'][0]['params'] = [0]
    torch.save(saved, tmp_path / 'epoch_2.pth')
    runner._load_from = str(tmp_path / 'epoch_2.pth')
    with pytest.raises(CheckpointError, match='of 1 trained parameters'):
        runner.train()


def test_differences_are_named_once(trained, tmp_path, caplog):
    options = {
        'optim_wrapper.optimizer.lr': 0.5,
        'train_dataloader.batch_size': 2,
    }
    cfg = cfg_of(tmp_path, 3, resume=True, load_from=str(trained), **options)
    (text,) = warnings_of(cfg, caplog)
    assert text.endswith(
        'an epoch had 2 iterations and has 4; '
        'optim_wrapper.optimizer.lr was 1.0 and is 0.5; '
        'train_dataloader.batch_size was 4 and is 2'
    )


def test_same_run_is_resumed_without_a_word(trained, tmp_path, caplog):
    cfg = cfg_of(tmp_path, 3, resume=True, load_from=str(trained))
    assert warnings_of(cfg, caplog) == []


def test_config_in_a_checkpoint_is_not_executed(
    trained, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    saved = torch.load(trained)
    saved['meta']['config'] = "open('made', 'w').close()\n"
    torch.save(saved, 'epoch_2.pth')
    cfg = cfg_of(tmp_path, 3, resume=True, load_from='epoch_2.pth')
    toy_runner(cfg).train()
    assert not (tmp_path / 'made').exists()


def test_domain_that_was_trained_on(tmp_path, caplog):
    cfg = Config(counting_toy.settings())
    cfg.default_hooks.checkpoint.type = 'AtomicCheckpointHook'
    cfg.work_dir = str(tmp_path / 'run')
    toy_runner(cfg.copy()).train()
    cfg.load_from = str(tmp_path / 'run/epoch_4.pth')
    assert warnings_of(cfg.copy(), caplog, 'test') == []
    cfg.test_dataloader = counting_toy.loader(['animal'], counting_toy.TARGET)
    (text,) = warnings_of(cfg.copy(), caplog, 'test')
    assert text.endswith(
        "trained on ['human', 'animal'], so they have seen the labels of the "
        "tested ['animal']"
    )
