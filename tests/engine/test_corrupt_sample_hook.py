"""CorruptSampleHook reports the counts of the datasets."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.evaluator import Evaluator
from torch.utils.data import ConcatDataset, Dataset, Subset

from mmgmp.engine import CorruptSampleHook


class Counted(Dataset):
    def __init__(self, *flags):
        self.corrupt = torch.tensor(flags, dtype=torch.uint8)

    def __len__(self):
        return len(self.corrupt)


@pytest.fixture
def messages(monkeypatch):
    found = []
    monkeypatch.setattr(
        'mmgmp.engine.hooks.corrupt_sample_hook.print_log',
        lambda message, **_: found.append(message),
    )
    return found


@pytest.mark.parametrize(
    ('method', 'loader', 'name', 'fate'),
    [
        ('after_train_epoch', 'train_dataloader', 'training', 'replaced'),
        ('after_val_epoch', 'val_dataloader', 'validation', 'left out'),
        ('after_test_epoch', 'test_dataloader', 'test', 'left out'),
    ],
)
def test_report(messages, method, loader, name, fate):
    dataset = Counted(0, 1, 1, 0, 0)
    runner = SimpleNamespace(**{loader: SimpleNamespace(dataset=dataset)})
    getattr(CorruptSampleHook(), method)(runner)
    assert len(messages) == 1
    assert messages[0].startswith(f'2 of 5 {name} samples')
    assert f'were {fate}' in messages[0]


def report(dataset):
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=dataset))
    CorruptSampleHook().after_train_epoch(runner)


def test_silence_when_nothing_is_corrupt(messages):
    report(Counted(0, 0))
    report(torch.utils.data.TensorDataset(torch.zeros(2)))
    assert not messages


def test_wrapped_datasets(messages):
    report(ConcatDataset([Subset(Counted(1, 0), [0, 1]), Counted(0, 1, 1)]))
    assert [message[:6] for message in messages] == ['1 of 2', '2 of 3']


@pytest.mark.parametrize('part', ['val', 'test'])
def test_metrics_leave_out_replacements(part):
    evaluator = Evaluator([dict(type='DomainAccMetric')])
    loop = SimpleNamespace(evaluator=evaluator)
    runner = SimpleNamespace(**{f'{part}_loop': loop})
    getattr(CorruptSampleHook(), f'before_{part}_epoch')(runner)
    assert evaluator.metrics[0].leaves_out_replacements
