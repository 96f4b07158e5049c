# Copyright (c) mmgmp authors.
"""What the base wrapper hands to a rule, and does with its weights."""

import pytest
import torch

from mmgmp.optim import TaskGradientOptimWrapper

from .toy import MODALITIES, ToyModel, make_batch, split_batch, train

TASKS = dict(semantic=['loss_cls'], domain=['loss_domain'])


class FixedWeights(TaskGradientOptimWrapper):
    """Remembers what it was given; weighs by constants."""

    weights = (0.25, -2.0)

    def task_weights(self, gramians, statistics):
        self.seen = gramians, statistics
        return dict.fromkeys(gramians, self.weights)


def make_wrapper(model, **kwargs):
    return FixedWeights(
        tasks=TASKS,
        modalities=MODALITIES,
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        **kwargs,
    )


def task_gradients(model, batch, prefix):
    losses = model(**batch, mode='loss')
    params = [p for n, p in model.named_parameters() if n.startswith(prefix)]
    return [
        torch.cat(
            [
                g.flatten()
                for g in torch.autograd.grad(
                    losses[key], params, retain_graph=True
                )
            ]
        )
        for key in ('loss_cls', 'loss_domain')
    ]


@pytest.mark.parametrize('parts', [1, 2, 4])
def test_rule_sees_the_gramian_and_the_means_of_the_whole_batch(parts):
    model, batch = ToyModel(), make_batch(0)
    expected = {}
    for modality in MODALITIES:
        rows = torch.stack(task_gradients(model, batch, modality)).double()
        expected[modality] = rows @ rows.T
    losses = model(**batch, mode='loss')
    wrapper = make_wrapper(model, accumulative_counts=parts)
    train(model, wrapper, split_batch(batch, parts))
    gramians, statistics = wrapper.seen
    for modality, matrix in expected.items():
        torch.testing.assert_close(
            gramians[modality], matrix, rtol=1e-4, atol=1e-7
        )
    assert statistics == pytest.approx(
        {k: v.item() for k, v in losses.items()}
    )


def test_encoders_get_the_weighted_sum_and_the_rest_the_plain_sum():
    model, batch = ToyModel(), make_batch(0)
    g_c, g_d = task_gradients(model, batch, 'audio')
    head = torch.autograd.grad(
        model(**batch, mode='loss')['loss_cls'], model.cls.weight
    )[0]
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    train(model, make_wrapper(model), [batch])
    steps = {n: before[n] - p for n, p in model.named_parameters()}
    audio = torch.cat(
        [s.flatten() for n, s in steps.items() if n.startswith('audio')]
    )
    torch.testing.assert_close(audio, 0.25 * g_c - 2.0 * g_d)
    torch.testing.assert_close(steps['cls.weight'], head)
