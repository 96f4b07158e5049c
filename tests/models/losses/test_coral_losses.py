# Copyright (c) mmgmp authors.
"""CORAL losses: values, weights of the balanced one, edge cases."""

import pytest
import torch
from mmaction.registry import MODELS

from mmgmp.models import BalancedCoralLoss, CoralLoss
from mmgmp.models.losses.coral import coral_with_gramian
from mmgmp.utils.min_norm import (
    inverse_norm_weights,
    min_norm_weights,
    off_diagonal_ratio,
)

from .problems import random_problem

BALANCES = ['closed_form', 'qp', 'equal']
NAMES = ('video', 'audio', 'flow', 'text')


SOURCE = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
TARGET = torch.tensor([[5.0, 1.0], [9.0, 1.0], [7.0, 1.0]])


def test_coral_hand_computed():
    # Variances 2 and 4 in one column, a constant in the other.
    loss = MODELS.build(dict(type='CoralLoss'))(SOURCE, TARGET)
    assert loss.item() == pytest.approx(4)
    loss = CoralLoss(scale='dim')(SOURCE, TARGET)
    assert loss.item() == pytest.approx(4 / 16)
    # With the outer product of the means, (1, 1) and (7, 1).
    expected = (4 + 49 - 2 - 1) ** 2 + 2 * (7 - 1) ** 2
    found = CoralLoss(center=False)(SOURCE, TARGET)
    assert found.item() == pytest.approx(expected)


def test_coral_of_the_same_domain():
    source = TARGET.clone().requires_grad_()
    loss = CoralLoss()(source, TARGET)
    loss.backward()
    assert loss == 0 and not source.grad.any()


@pytest.mark.parametrize('rows', [(1, 5), (5, 1), (0, 5), (5, 0), (1, 1)])
def test_coral_of_too_few_rows(rows):
    source, target = (
        torch.full((n, 3), torch.inf, requires_grad=True) for n in rows
    )
    loss = CoralLoss()(source, target)
    loss.backward()
    assert loss == 0
    assert not source.grad.any() and not target.grad.any()


def named(features):
    return dict(zip(NAMES, features))


def random_features(modalities=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return map(named, random_problem(generator, modalities))


@pytest.mark.parametrize('center', [True, False])
@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('scale', ['none', 'dim'])
@pytest.mark.parametrize('balance', BALANCES)
def test_weighted_sum_of_coral_losses(balance, scale, fused, center):
    source, target = random_features(3)
    result = MODELS.build(
        dict(
            type='BalancedCoralLoss',
            balance=balance,
            scale=scale,
            center=center,
            use_fused_block=fused,
        )
    )(source, target)

    coral = CoralLoss(scale, center)
    losses = {m: coral(source[m], target[m]) for m in source}
    widths = [x.shape[1] for x in source.values()]
    if fused:
        widths.append(sum(widths))
        losses['fused'] = coral(
            *(torch.cat(list(x.values()), 1) for x in (source, target))
        )
    assert list(result.gamma) == list(result.block_losses) == list(losses)
    assert not any(x.requires_grad for x in result.gamma.values())
    assert not any(x.requires_grad for x in result.block_losses.values())
    for block, loss in losses.items():
        torch.testing.assert_close(result.block_losses[block], loss.detach())
    # The weights are constants: the gradient is that of a weighted sum.
    features = [*source.values(), *target.values()]
    expected = sum(result.gamma[b] * loss for b, loss in losses.items())
    torch.testing.assert_close(result.loss, expected)
    for found, direct in zip(
        torch.autograd.grad(result.loss, features),
        torch.autograd.grad(expected, features),
    ):
        torch.testing.assert_close(found, direct, rtol=1e-10, atol=1e-10)

    _, gramian = coral_with_gramian(
        list(source.values()), list(target.values()), center, fused
    )
    factors = [1 if scale == 'none' else 1 / (4 * d * d) for d in widths]
    factors = torch.tensor(factors, dtype=torch.float64)
    gramian = gramian * torch.outer(factors, factors)
    weights = dict(
        closed_form=inverse_norm_weights(gramian.diagonal()),
        qp=min_norm_weights(gramian),
        equal=torch.full((len(widths),), 1 / len(widths)).double(),
    )[balance]
    gamma = torch.stack(list(result.gamma.values()))
    torch.testing.assert_close(gamma, weights)
    torch.testing.assert_close(result.ratio, off_diagonal_ratio(gramian))


@pytest.mark.parametrize('balance', BALANCES)
def test_order_of_the_modalities_does_not_matter(balance):
    source, target = random_features(3)
    result = BalancedCoralLoss(balance)(source, target)
    reverse = {m: source[m] for m in reversed(source)}
    permuted = BalancedCoralLoss(balance)(reverse, target)
    assert list(permuted.gamma) == ['flow', 'audio', 'video', 'fused']
    torch.testing.assert_close(permuted.loss, result.loss)
    for block, weight in result.gamma.items():
        torch.testing.assert_close(permuted.gamma[block], weight)


def finite(result, features):
    values = [result.loss, result.ratio, *result.block_losses.values()]
    assert all(value.isfinite() for value in values)
    gamma = torch.stack(list(result.gamma.values()))
    assert (gamma >= 0).all()
    assert gamma.sum().item() == pytest.approx(1, abs=1e-6)
    gradients = torch.autograd.grad(result.loss, features)
    assert all(g.isfinite().all() for g in gradients)
    return gamma, gradients


@pytest.mark.parametrize('balance', BALANCES)
@pytest.mark.parametrize('rows', [(1, 6), (6, 1), (1, 1), (0, 6)])
def test_too_few_rows(balance, rows):
    features = [
        torch.full((n, d), torch.inf, requires_grad=True)
        for n in rows
        for d in (3, 4)
    ]
    result = BalancedCoralLoss(balance)(
        named(features[:2]), named(features[2:])
    )
    gamma, gradients = finite(result, features)
    assert result.loss == result.ratio == 0
    assert not any(result.block_losses.values())
    torch.testing.assert_close(gamma, torch.full((3,), 1 / 3))
    assert not any(g.any() for g in gradients)


@pytest.mark.parametrize('balance', BALANCES)
@pytest.mark.parametrize('rows', [4, 40])
class TestEdgeCases:
    """In float32, with Gram matrices (4 rows) and covariances (40)."""

    @staticmethod
    def features(rows, scales=(1.0, 1.0)):
        return [
            (torch.randn(rows, d) * scale).requires_grad_()
            for _ in range(2)
            for d, scale in zip((10, 12), scales)
        ]

    def run(self, features, balance):
        result = BalancedCoralLoss(balance)(
            named(features[:2]), named(features[2:])
        )
        return result, *finite(result, features)

    def test_dead_units(self, balance, rows):
        features = self.features(rows)
        with torch.no_grad():
            for x in features:
                x[:, :5] = 0
        _, _, gradients = self.run(features, balance)
        assert not any(g[:, :5].any() for g in gradients)
        assert all(g[:, 5:].any() for g in gradients)

    def test_dead_modality(self, balance, rows):
        features = self.features(rows, (0.0, 1.0))
        _, gamma, _ = self.run(features, balance)
        # MGDA gives all weight to a modality without gradient.
        assert balance == 'equal' or gamma[0] > 0.999

    def test_all_dead(self, balance, rows):
        features = self.features(rows, (0.0, 0.0))
        result, gamma, _ = self.run(features, balance)
        assert result.loss == result.ratio == 0
        torch.testing.assert_close(gamma, torch.full((3,), 1 / 3))

    def test_identical_domains(self, balance, rows):
        features = self.features(rows)
        with torch.no_grad():
            for s, t in zip(features[:2], features[2:]):
                t.copy_(s)
        result, gamma, gradients = self.run(features, balance)
        assert result.loss.item() == pytest.approx(0, abs=1e-5)
        assert all(g.abs().max() < 1e-4 for g in gradients)
        if rows == 40:
            # The difference of the covariances is exactly 0.
            torch.testing.assert_close(gamma, torch.full((3,), 1 / 3))

    @pytest.mark.parametrize('scale', [10 ** (-26 / 6), 10 ** (26 / 6)])
    def test_26_decades(self, balance, rows, scale):
        # Q is of degree 6 in the features.
        features = self.features(rows, (scale, 1.0))
        squares = coral_with_gramian(features[:2], features[2:])[1].diagonal()
        assert 1e24 < squares[:2].max() / squares[:2].min() < 1e28
        _, gamma, _ = self.run(features, balance)
        assert balance == 'equal' or gamma.argmax() == int(scale > 1)


@pytest.mark.parametrize('balance', BALANCES)
def test_single_modality(balance):
    source, target = random_features(1)
    result = BalancedCoralLoss(balance)(source, target)
    # The concatenation equals the single modality, so any weights are optimal.
    gamma, _ = finite(result, [*source.values(), *target.values()])
    torch.testing.assert_close(
        gamma, torch.full((2,), 0.5).double(), rtol=1e-3, atol=0
    )
    assert result.ratio.item() == pytest.approx(1)
    alone = BalancedCoralLoss(balance, use_fused_block=False)
    alone = alone(source, target)
    assert alone.gamma == dict(video=1) and alone.ratio == 0
    torch.testing.assert_close(alone.loss, result.loss)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('balance', BALANCES)
def test_autocast(balance, dtype):
    features = [
        (4 * torch.randn(6, d)).to(dtype).requires_grad_()
        for d in (256, 16) * 2
    ]
    loss = BalancedCoralLoss(balance, scale='dim')
    with torch.autocast('cpu', dtype=dtype):
        result = loss(named(features[:2]), named(features[2:]))
    assert result.loss.dtype == torch.float32
    _, gradients = finite(result, features)
    assert all(g.any() for g in gradients)
    wide = [x.float() for x in features]
    exact = loss(named(wide[:2]), named(wide[2:]))
    assert torch.equal(result.loss, exact.loss)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="`balance` must be.*got 'mgda'"):
        BalancedCoralLoss('mgda')
    for loss in (CoralLoss, BalancedCoralLoss):
        with pytest.raises(ValueError, match="`scale` must be.*got 'width'"):
            loss(scale='width')
    x = torch.randn(4, 3)
    loss = BalancedCoralLoss('qp')
    with pytest.raises(ValueError, match=r"\['video'\] and \['audio'\]"):
        loss(dict(video=x), dict(audio=x))
    with pytest.raises(ValueError, match="must not be called 'fused'"):
        loss(dict(fused=x), dict(fused=x))
    many = {str(m): x for m in range(5)}
    with pytest.raises(ValueError, match='at most 5 blocks, got 6'):
        loss(many, many)
