# Copyright (c) mmgmp authors.
"""Two gloo ranks have the losses and gradients of one joined batch."""

from unittest import mock

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmgmp.models import (
    BalancedCoralLoss,
    CoralLoss,
    InformationBottleneckLoss,
)
from mmgmp.models.losses.coral import coral_with_gramian
from mmgmp.utils.collectives import gather_rows
from tests.utils.ranks import run_ranks

WIDTHS = dict(video=6, audio=4)
# Case -> source and target rows of each rank.
ROWS = dict(
    same=[(4, 4), (4, 4)],
    unequal=[(5, 2), (3, 9)],
    one_each=[(1, 1), (1, 1)],
    absent=[(7, 0), (1, 5)],
    too_few=[(4, 1), (3, 0)],
)
LOSSES = dict(
    closed_form=BalancedCoralLoss(scale='dim'),
    qp=BalancedCoralLoss('qp', scale='dim', center=False),
    coral=CoralLoss(),
    bottleneck=InformationBottleneckLoss(1.0),
)


class Model(nn.Module):
    """Two linear encoders, and the losses of their features."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.encoders = nn.ModuleDict()
        for modality, width in WIDTHS.items():
            encoder = nn.Linear(3, width, dtype=torch.float64)
            for p in encoder.parameters():
                p.data = torch.randn(
                    p.shape, generator=generator, dtype=p.dtype
                )
            self.encoders[modality] = encoder

    def forward(self, source, target, name):
        source, target = (
            {m: encoder(x[m]) for m, encoder in self.encoders.items()}
            for x in (source, target)
        )
        if name == 'bottleneck':
            return LOSSES[name](source), {}
        if name == 'coral':
            loss = sum(LOSSES[name](source[m], target[m]) for m in WIDTHS)
            return loss, {}
        result = LOSSES[name](source, target)
        return result.loss, dict(
            gamma=torch.stack(list(result.gamma.values())),
            block_losses=torch.stack(list(result.block_losses.values())),
            ratio=result.ratio,
        )


def inputs(case, ranks):
    """Source and target of the given ranks, one after the other."""
    parts = []
    for index in range(2):
        pieces = []
        for rank in ranks:
            generator = torch.Generator().manual_seed(2 * rank + index)
            rows = ROWS[case][rank][index]
            pieces.append(
                {
                    m: (1 + index)
                    * torch.randn(
                        rows, 3, generator=generator, dtype=torch.float64
                    )
                    for m in WIDTHS
                }
            )
        parts.append({m: torch.cat([p[m] for p in pieces]) for m in WIDTHS})
    return parts


def train_step(model, case, ranks, name):
    model.zero_grad()
    loss, logs = model(*inputs(case, ranks), name)
    loss.backward()
    gradients = [p.grad.flatten() for p in model.parameters()]
    return dict(logs, loss=loss.detach(), gradient=torch.cat(gradients))


def rounds_as_rank(rank):
    """Make the Gramians of ranks differ, as with different kernels."""

    def compute(*args, **kwargs):
        losses, gramian = coral_with_gramian(*args, **kwargs)
        noise = torch.eye(len(gramian), dtype=gramian.dtype)
        noise[0, 0] = 2
        return losses, gramian * (1 + 1e-6 * rank * noise)

    module = 'mmgmp.models.losses.coral_losses'
    return mock.patch(f'{module}.coral_with_gramian', compute)


def run_rank(rank):
    model = MMDistributedDataParallel(Model(), broadcast_buffers=False)
    results = {
        f'{case}-{name}': train_step(model, case, [rank], name)
        for case in ROWS
        for name in LOSSES
    }
    with rounds_as_rank(rank):
        results['rounding'] = train_step(model, 'same', [rank], 'closed_form')
    rows = torch.arange(3.0)[: rank + 1, None] + 10 * rank
    first, second = gather_rows(rows, -rows[rank:])
    results['order'] = dict(first=first[:, 0], second=second[:, 0])
    return results


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    return run_ranks(run_rank, tmp_path_factory.mktemp('ranks'))


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize('case', ROWS)
def test_ranks_are_one_process_with_the_joined_batch(results, case, name):
    first, second = (found[f'{case}-{name}'] for found in results)
    joined = train_step(Model(), case, [0, 1], name)
    assert first.keys() == joined.keys()
    for key, value in joined.items():
        assert torch.equal(first[key], second[key])
        torch.testing.assert_close(first[key], value, rtol=1e-10, atol=1e-10)
    if case == 'too_few' and name != 'bottleneck':
        assert joined['loss'] == 0 and not joined['gradient'].any()
    else:
        assert joined['loss'] != 0 and joined['gradient'].any()


def test_ranks_that_round_differently_have_the_same_weights(results):
    first, second = (found['rounding']['gamma'] for found in results)
    assert torch.equal(first, second)
    exact = results[0]['same-closed_form']['gamma']
    assert not torch.equal(first, exact)
    torch.testing.assert_close(first, exact, rtol=1e-5, atol=0)


def test_rows_are_in_the_order_of_the_ranks(results):
    for found in results:
        assert found['order']['first'].tolist() == [0, 10, 11]
        assert found['order']['second'].tolist() == [0, -11]


def test_without_ranks_nothing_is_copied():
    x, y = torch.zeros(3, 2), torch.zeros(1, 2)
    assert gather_rows(x, y) == (x, y)
