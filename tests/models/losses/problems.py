# Copyright (c) mmgmp authors.
"""Random alignment problems, and their gradients by autograd."""

import torch


def random_problem(generator, modalities, dtype=torch.float64, rows=30):
    """Batches of different sizes and widths: M sources and M targets."""

    def integer(low, high):
        return int(torch.randint(low, high, (), generator=generator))

    widths = [integer(1, 25) for _ in range(modalities)]
    num_source, num_target = integer(2, rows), integer(2, rows)
    source, target = [], []
    for width in widths:
        mixing = torch.randn(width, width, generator=generator)
        source.append(torch.randn(num_source, width, generator=generator))
        shifted = torch.randn(num_target, width, generator=generator)
        target.append(shifted @ mixing / width**0.5 + 1)
    return (
        [x.to(dtype).requires_grad_() for x in source],
        [x.to(dtype).requires_grad_() for x in target],
    )


def covariance(x, center):
    """Covariance by its definition."""
    mean = x.sum(0) / len(x)
    scatter = sum(torch.outer(row - mean, row - mean) for row in x)
    second = torch.zeros(()) if center else torch.outer(mean, mean)
    return scatter / (len(x) - 1) + second


def direct_losses(source, target, center, fused):
    """Losses of all blocks by their definition, with a graph."""
    blocks = list(zip(source, target))
    if fused:
        blocks.append((torch.cat(source, 1), torch.cat(target, 1)))
    return torch.stack(
        [
            (covariance(t, center) - covariance(s, center)).square().sum()
            for s, t in blocks
        ]
    )


def gradients(losses, features):
    """(B, all entries of the features), by one backward pass per loss."""
    return torch.stack(
        [
            torch.cat(
                [
                    g.flatten()
                    for g in torch.autograd.grad(
                        loss,
                        features,
                        retain_graph=True,
                        materialize_grads=True,
                    )
                ]
            )
            for loss in losses
        ]
    )


def assert_relative(found, expected, tolerance=1e-10):
    """Error relative to the norm of each row."""
    error = (found - expected).norm(dim=-1)
    assert (error <= tolerance * expected.norm(dim=-1)).all(), error
