# Copyright (c) mmgmp authors.
"""CORAL and the Gramian of its gradients, against autograd."""

import pytest
import torch

from mmgmp.models.losses.coral import (
    coral,
    coral_with_gramian,
    covariance_root,
)

from .problems import (
    assert_relative,
    direct_losses,
    gradients,
    random_problem,
)

FORMS = [True, False]


@pytest.mark.parametrize('center', [True, False])
@pytest.mark.parametrize('fused', [True, False])
@pytest.mark.parametrize('modalities', [1, 2, 3])
def test_losses_gradients_and_gramian_equal_autograd(
    modalities, fused, center
):
    generator = torch.Generator().manual_seed(modalities)
    for _ in range(8):
        source, target = random_problem(generator, modalities)
        features = source + target
        direct = direct_losses(source, target, center, fused)
        expected = gradients(direct, features)
        gramian = expected @ expected.T
        norms = gramian.diagonal().sqrt()
        for gram in FORMS:
            losses, found = coral_with_gramian(
                source, target, center, fused, gram
            )
            assert_relative(losses[:, None], direct[:, None])
            assert_relative(gradients(losses, features), expected)
            assert not found.requires_grad
            assert torch.equal(found, found.T)
            error = (found - gramian) / norms / norms[:, None]
            assert error.abs().max() < 1e-10


def test_hand_computed():
    # Variances 2 and 8 in one column: L = 36, D = 6. The gradient is
    # 4 / (n - 1) * Zc * D = 24 Zc: -+24 and -+48, whose squares sum to 5760.
    source = torch.tensor([[0.0], [2.0]])
    target = torch.tensor([[5.0], [9.0]])
    for gram in FORMS:
        losses, gramian = coral_with_gramian(
            [source], [target], fused=False, gram=gram
        )
        assert losses.tolist() == [36.0]
        assert gramian.tolist() == [[5760.0]]
    assert coral(source, target) == 36
    # Variance plus squared mean: 2 + 1 and 8 + 49.
    assert coral(source, target, center=False) == pytest.approx(54**2)


@pytest.mark.parametrize(
    ('rows', 'width', 'gram'), [(10, 20, False), (10, 21, True)]
)
@pytest.mark.parametrize('fused', [True, False])
def test_narrower_matrices_are_built(rows, width, gram, fused):
    widths = [width - 5, 5] if fused else [width, 5]
    source = [torch.randn(rows, d) for d in widths]
    target = [torch.randn(rows, d) for d in widths]
    chosen, other = (
        coral_with_gramian(source, target, fused=fused, gram=form)
        for form in (gram, not gram)
    )
    found = coral_with_gramian(source, target, fused=fused)
    for default, same, different in zip(found, chosen, other):
        assert torch.equal(default, same)
        assert not torch.equal(default, different)
        torch.testing.assert_close(default, different, rtol=1e-4, atol=1e-4)
    alone = coral(source[0], target[0])
    if not fused:
        assert torch.equal(alone, found[0][0])


@pytest.mark.parametrize('center', [True, False])
def test_fused_loss_is_the_modalities_and_the_cross_covariances(center):
    generator = torch.Generator().manual_seed(7)
    for _ in range(10):
        source, target = random_problem(generator, 3)
        *unimodal, fused = coral_with_gramian(source, target, center)[0]
        cross = 0
        for i in range(3):
            for j in set(range(3)) - {i}:
                first, second = (
                    covariance_root(x[i], center).T
                    @ covariance_root(x[j], center)
                    for x in (target, source)
                )
                cross = cross + (first - second).square().sum()
        assert fused.item() == pytest.approx((sum(unimodal) + cross).item())


@pytest.mark.parametrize('gram', FORMS)
def test_permutation_of_the_modalities_and_of_the_rows(gram):
    generator = torch.Generator().manual_seed(3)
    source, target = random_problem(generator, 3)
    losses, gramian = coral_with_gramian(source, target, gram=gram)
    order = [2, 0, 1]
    rows = torch.randperm(len(source[0]), generator=generator)
    permuted = coral_with_gramian(
        [source[m][rows] for m in order], [target[m] for m in order], gram=gram
    )
    order.append(3)
    torch.testing.assert_close(permuted[0], losses[order])
    torch.testing.assert_close(permuted[1], gramian[order][:, order])


@pytest.mark.parametrize('rows', [8, 80])
def test_float32_with_a_large_mean(rows):
    source, target = (torch.randn(rows, 32) * s for s in (1, 2))
    expected = coral(source.double(), target.double())
    found = coral(source + 1e3, target + 1e3)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(expected.item(), rel=1e-3)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('rows', [8, 80])
def test_autocast_computes_in_float32(dtype, rows):
    source, target = (
        [torch.randn(rows, d) * scale for d in (48, 16)] for scale in (40, 60)
    )
    exact = coral_with_gramian(
        [x.to(dtype).float() for x in source],
        [x.to(dtype).float() for x in target],
    )
    half = [x.to(dtype).requires_grad_() for x in source]
    with torch.autocast('cpu', dtype=dtype):
        found = coral_with_gramian(half, [x.to(dtype) for x in target])
        alone = coral(half[0], target[0].to(dtype))
    assert found[0].dtype == alone.dtype == torch.float32
    assert found[1].dtype == torch.float64
    assert torch.equal(found[0], exact[0])
    assert torch.equal(found[1], exact[1])
    # Its sum of squares exceeds the largest float16, its gradient does not.
    assert alone > 65504
    (1e-6 * found[0].sum()).backward()
    assert all(x.grad.isfinite().all() and x.grad.any() for x in half)


def test_gramian_of_gradients_past_the_range_of_float32():
    source, target = ([1e7 * torch.randn(6, 9)] for _ in range(2))
    _, gramian = coral_with_gramian(source, target, fused=False)
    unit = coral_with_gramian(
        [source[0].double() / 1e7], [target[0].double() / 1e7], fused=False
    )[1]
    assert gramian.item() == pytest.approx(unit.item() * 1e42, rel=1e-4)
