# Copyright (c) mmgmp authors.
"""Feature granularity: weights, updates and backward passes."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmgmp.optim import GMPWeighting, discrepancy_ratio

from ..test_gmp_optim_wrapper import make_wrapper
from ..test_task_gradient_optim_wrapper import make_wrapper as make_fixed
from ..toy import MODALITIES, TASKS, ToyModel, make_batch, train


def capture_features(model, batch):
    features = {}
    hooks = [
        getattr(model, m).register_forward_hook(
            lambda _, __, output, m=m: features.update({m: output})
        )
        for m in MODALITIES
    ]
    losses = model(**batch, mode='loss')
    for hook in hooks:
        hook.remove()
    return features, losses


def test_update_is_the_weighted_sum_of_the_true_gradients():
    conflicts = set()
    for seed in range(6):
        model, batch = ToyModel(seed=seed), make_batch(seed)
        features, losses = capture_features(model, batch)
        tasks = [losses['loss_cls'], losses['loss_domain']]
        rho, inverse_sigma = (
            discrepancy_ratio(
                {m: losses[f'{t}_confidence.{m}'].item() for m in MODALITIES}
            )
            for t in ('semantic', 'domain')
        )
        expected = {}
        for modality, feature in features.items():
            at_feature = torch.stack(
                [
                    torch.autograd.grad(t, feature, retain_graph=True)[0]
                    for t in tasks
                ]
            ).flatten(1)
            weights, log = GMPWeighting().weigh(
                TASKS,
                at_feature @ at_feature.T,
                rho[modality],
                1 / inverse_sigma[modality],
            )
            conflicts.add(log['conflict'])
            names = [
                n
                for n, _ in model.named_parameters()
                if n.startswith(modality)
            ]
            params = dict(model.named_parameters())
            for name in names:
                expected[name] = sum(
                    w
                    * torch.autograd.grad(t, params[name], retain_graph=True)[
                        0
                    ]
                    for w, t in zip(weights.values(), tasks)
                )
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        train(
            model, make_wrapper(model, lr=1.0, granularity='feature'), [batch]
        )
        for name, gradient in expected.items():
            step = before[name] - dict(model.named_parameters())[name]
            torch.testing.assert_close(step, gradient, rtol=1e-4, atol=1e-6)
    assert conflicts == {0.0, 1.0}


@pytest.mark.parametrize('accumulation', [1, 2])
def test_without_projection_it_is_the_exact_granularity(accumulation):
    batches = [make_batch(seed) for seed in range(6)]
    kwargs = dict(projection='none', modulation='none')
    if accumulation == 1:
        kwargs['modulation'] = 'decoupled'
    weights = []
    for granularity in ('parameter', 'feature'):
        model = ToyModel()
        wrapper = make_wrapper(
            model,
            granularity=granularity,
            accumulative_counts=accumulation,
            **kwargs,
        )
        weights.append(train(model, wrapper, batches))
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-6)


class SumFusion(ToyModel):
    """Its fusion gives both modalities the same gradient tensor."""

    def forward(self, inputs, *args, **kwargs):
        video, audio, label, domain = inputs
        feature = self.video(video) + self.audio(audio)
        return dict(
            loss_cls=F.cross_entropy(
                feature @ self.cls.weight[:, :5].T, label
            ),
            loss_domain=F.cross_entropy(
                feature @ self.dom.weight[:, 5:].T, domain
            ),
        )


def test_modalities_have_weights_of_their_own_after_a_sum():
    weights = []
    for granularity in ('parameter', 'feature'):
        model = SumFusion()
        wrapper = make_fixed(
            model,
            dict(video=[0.5, 2.0], audio=[3.0, -1.0]),
            granularity=granularity,
        )
        batches = [make_batch(seed) for seed in range(3)]
        weights.append(train(model, wrapper, batches))
    torch.testing.assert_close(*weights, rtol=1e-6, atol=1e-6)


def test_one_backward_pass_reaches_the_encoders():
    class Counting(torch.autograd.Function):
        calls = 0

        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            Counting.calls += 1
            return gradient

    class Counted(nn.Module):
        def forward(self, x):
            return Counting.apply(x)

    for granularity, passes in (('feature', 1), ('parameter', 2)):
        model = ToyModel()
        model.video.insert(1, Counted())
        Counting.calls = 0
        wrapper = make_wrapper(model, granularity=granularity)
        train(model, wrapper, [make_batch(0)])
        assert Counting.calls == passes


def test_forward_without_a_backward_pass_leaves_nothing_behind():
    weights = []
    for extra in (False, True):
        model = ToyModel()
        wrapper = make_wrapper(model, granularity='feature')
        wrapper.initialize_count_status(model, 0, 1)
        if extra:
            model(**make_batch(7), mode='loss')
        model.train_step(make_batch(0), wrapper)
        weights.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.equal(*weights)


def test_unknown_granularity_is_named():
    with pytest.raises(ValueError, match="`granularity`.*'sample'"):
        make_wrapper(ToyModel(), granularity='sample')
