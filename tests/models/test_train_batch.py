# Copyright (c) mmgmp authors.
"""TrainBatch: labelled and unlabelled rows."""

import dataclasses
from collections import UserDict

import pytest
import torch
from mmaction.structures import ActionDataSample

from mmgmp.models import TrainBatch
from mmgmp.models.train_batch import stack_labels

ROWS = torch.arange(4.0)


def make(labels):
    labels = torch.tensor(labels)
    return TrainBatch(
        inputs=dict(video=ROWS[:, None], audio=10 * ROWS),
        features=dict(video=ROWS[:, None] + 20),
        logits=ROWS[:, None] + 30,
        labels=labels,
        domains=torch.where(labels < 0, labels, 1 - labels % 2),
        hidden_labels=torch.where(labels < 0, 7, -1),
        progress=0.25,
    )


def test_rows_of_every_field():
    batch = make([2, -1, -1, 1])
    for part, rows in (
        (batch.labelled(), [0, 3]),
        (batch.unlabelled(), [1, 2]),
    ):
        assert set(part.inputs) == {'video', 'audio'}
        assert len(part.inputs) == 2
        for name in ('inputs', 'features'):
            tensors = getattr(part, name)
            for modality, x in getattr(batch, name).items():
                assert torch.equal(tensors[modality], x[rows])
        for name in ('logits', 'labels', 'domains', 'hidden_labels'):
            assert torch.equal(
                getattr(part, name), getattr(batch, name)[rows]
            ), name
        assert part.progress == 0.25


def test_whole_batch_is_not_copied():
    batch = make([2, 0, 0, 1])
    assert batch.labelled() is batch
    nothing = batch.unlabelled()
    assert nothing.labels.shape == (0,)
    assert nothing.features['video'].shape == (0, 1)
    assert nothing.inputs['audio'].shape == (0,)


def test_clips_are_copied_where_they_are_read_alone():
    class Unread(UserDict):
        def __getitem__(self, name):
            raise AssertionError(name)

    batch = make([2, -1, -1, 1])
    batch = dataclasses.replace(batch, inputs=Unread(batch.inputs))
    assert batch.labelled().labels.tolist() == [2, 1]


def test_fields_are_constant():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make([0, 1, 2, 1]).labels = None


class OnDevice(torch.Tensor):
    """Simulates a tensor on a GPU, which cannot be joined with CPU tensors."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is torch.cat:
            assert all(isinstance(x, cls) for x in args[0])
        return super().__torch_function__(func, types, args, kwargs or {})


def test_labels_of_a_batch_on_another_device():
    samples = [ActionDataSample() for _ in range(3)]
    samples[1].gt_label = torch.tensor([4]).as_subclass(OnDevice)
    assert stack_labels(samples).tolist() == [-1, 4, -1]
