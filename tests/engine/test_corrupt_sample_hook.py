"""CorruptSampleHook reports the counts of the datasets."""

from types import SimpleNamespace

import pytest
import torch
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
    ('method', 'loader', 'name'),
    [
        ('after_train_epoch', 'train_dataloader', 'training'),
        ('after_val_epoch', 'val_dataloader', 'validation'),
        ('after_test_epoch', 'test_dataloader', 'test'),
    ],
)
def test_report(messages, method, loader, name):
    dataset = Counted(0, 1, 1, 0, 0)
    runner = SimpleNamespace(**{loader: SimpleNamespace(dataset=dataset)})
    getattr(CorruptSampleHook(), method)(runner)
    assert len(messages) == 1
    assert messages[0].startswith(f'2 of 5 {name} samples')


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
