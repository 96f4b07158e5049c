# Copyright (c) mmgmp authors.
"""GMPOptimWrapper on a plain mmengine model."""

import math
import weakref

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn

from mmgmp.optim import GMPOptimWrapper

from .toy import MODALITIES, ToyModel, flat_weights, make_batch, train


def make_wrapper(model, cls=GMPOptimWrapper, lr=0.1, **kwargs):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    if cls is GMPOptimWrapper:
        kwargs.setdefault('modalities', MODALITIES)
    return cls(optimizer=optimizer, **kwargs)


def naive_gradient(model, batch, modality, alpha_k=0.5, alpha_p=0.5):
    """Eq. 8-15 with loops over the parameters, and which case occurred."""
    losses = model(**batch, mode='loss')
    names = [n for n, _ in model.named_parameters() if n.startswith(modality)]
    params = dict(model.named_parameters())
    grads = {}
    for task in ('cls', 'domain'):
        model.zero_grad()
        losses[f'loss_{task}'].backward(retain_graph=True)
        grads[task] = {n: params[n].grad.clone() for n in names}
    model.zero_grad()
    other = {'video': 'audio', 'audio': 'video'}[modality]
    rho = float(
        losses[f'semantic_confidence.{modality}']
        / losses[f'semantic_confidence.{other}']
    )
    sigma = float(
        losses[f'domain_confidence.{other}']
        / losses[f'domain_confidence.{modality}']
    )
    k = 1 - math.tanh(alpha_k * rho) if rho > 1 else 1.0
    p = 1 - math.tanh(alpha_p * sigma) if sigma > 1 else 1.0
    for name in names:
        grads['cls'][name] *= k
        grads['domain'][name] *= p
    inner = sum(
        (grads['cls'][n] * grads['domain'][n]).sum().double() for n in names
    )
    task, other_task = (
        ('cls', 'domain') if rho / sigma > 1 else ('domain', 'cls')
    )
    if inner < 0:
        square = sum((grads[other_task][n] ** 2).sum().double() for n in names)
        for name in names:
            grads[task][name] = (
                grads[task][name] - inner / square * grads[other_task][name]
            )
    result = {n: grads['cls'][n] + grads['domain'][n] for n in names}
    return result, (bool(inner < 0), rho / sigma > 1)


def test_gradient_is_that_of_a_naive_reading_of_the_equations():
    cases = set()
    for seed in range(12):
        model, batch = ToyModel(seed=seed).double(), make_batch(seed)
        batch['inputs'][:2] = [x.double() for x in batch['inputs'][:2]]
        expected = {}
        for modality in MODALITIES:
            gradient, case = naive_gradient(model, batch, modality)
            expected.update(gradient)
            cases.add(case)
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        wrapper = make_wrapper(model, lr=1.0)
        train(model, wrapper, [batch])
        for name, gradient in expected.items():
            step = before[name] - dict(model.named_parameters())[name]
            torch.testing.assert_close(step, gradient, rtol=1e-9, atol=1e-12)
    assert cases == {
        (conflict, side) for conflict in (0, 1) for side in (0, 1)
    }


def test_heads_descend_their_own_loss():
    model, reference = ToyModel(), ToyModel()
    train(model, make_wrapper(model), [make_batch(0)])
    train(reference, make_wrapper(reference, OptimWrapper), [make_batch(0)])
    assert torch.equal(model.cls.weight, reference.cls.weight)
    assert torch.equal(model.dom.weight, reference.dom.weight)
    assert not torch.equal(model.video[0].weight, reference.video[0].weight)


def test_parameter_groups_keep_their_settings():
    def groups(model):
        slow, fast = [model.video[0], model.cls], [model.video[2], model.dom]
        return torch.optim.SGD(
            [
                dict(params=nn.ModuleList(slow).parameters(), lr=0.01),
                dict(params=nn.ModuleList(fast).parameters()),
                dict(params=model.audio.parameters(), weight_decay=0.5),
            ],
            lr=0.1,
        )

    batches = [make_batch(seed) for seed in range(5)]
    model, reference = ToyModel(), ToyModel()
    neutral = GMPOptimWrapper(
        optimizer=groups(model),
        modalities=MODALITIES,
        modulation='none',
        projection='none',
    )
    weights = train(model, neutral, batches)
    stock = OptimWrapper(optimizer=groups(reference))
    expected = train(reference, stock, batches)
    torch.testing.assert_close(weights, expected, rtol=1e-6, atol=1e-6)
    assert neutral.get_lr()['lr'] == stock.get_lr()['lr']

    # The projection precedes the learning rates of the groups.
    model, batch = ToyModel(), make_batch(0)
    gradient, _ = naive_gradient(model, batch, 'video')
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    wrapper = GMPOptimWrapper(optimizer=groups(model), modalities=MODALITIES)
    train(model, wrapper, [batch])
    for name, lr in {'video.0.weight': 0.01, 'video.2.weight': 0.1}.items():
        step = before[name] - dict(model.named_parameters())[name]
        torch.testing.assert_close(
            step, lr * gradient[name], rtol=1e-4, atol=1e-7
        )


def test_log_has_each_figure_of_each_modality():
    hub = MessageHub.get_current_instance()
    model = ToyModel()
    train(model, make_wrapper(model), [make_batch(0)])
    losses = ToyModel()(**make_batch(0), mode='loss')
    rho = (
        losses['semantic_confidence.video']
        / losses['semantic_confidence.audio']
    )
    assert hub.get_scalar('train/gmp/rho.video').current() == pytest.approx(
        rho.item(), rel=1e-5
    )
    for name in ['sigma', 'k', 'p', 'conflict', 'cosine', 'norm_ratio']:
        for modality in MODALITIES:
            hub.get_scalar(f'train/gmp/{name}.{modality}').current()


def test_model_without_confidences_is_not_modulated():
    batches = [make_batch(seed) for seed in range(3)]
    model, other = ToyModel(confidences=False), ToyModel()
    weights = train(model, make_wrapper(model), batches)
    # With ratios of 1, only the domain gradient is projected.
    expected = train(
        other,
        make_wrapper(other, modulation='none', projection='fixed_domain'),
        batches,
    )
    assert torch.equal(weights, expected)


def test_partial_confidences_are_an_error():
    class Partial(ToyModel):
        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            del losses['semantic_confidence.audio']
            return losses

    model = Partial()
    with pytest.raises(KeyError, match=r'semantic_confidence\.audio'):
        train(model, make_wrapper(model), [make_batch(0)])


def test_single_source_has_semantic_modulation_alone():
    class SingleSource(ToyModel):
        def forward(self, *args, **kwargs):
            losses = super().forward(*args, **kwargs)
            return {k: v for k, v in losses.items() if 'domain' not in k}

    model = SingleSource()
    for param in model.dom.parameters():
        param.requires_grad_(False)
    before = [p.detach().clone() for p in model.audio.parameters()]
    batch = make_batch(0)
    losses = model(**batch, mode='loss')
    grads = torch.autograd.grad(losses['loss_cls'], model.audio.parameters())
    rho = (
        losses['semantic_confidence.audio']
        / losses['semantic_confidence.video']
    ).item()
    k = 1 - math.tanh(0.5 * rho) if rho > 1 else 1.0
    wrapper = make_wrapper(model, lr=1.0, tasks=dict(semantic=['loss_cls']))
    train(model, wrapper, [batch])
    for param, start, grad in zip(model.audio.parameters(), before, grads):
        torch.testing.assert_close(start - param, k * grad)


def test_order_of_the_tasks_does_not_matter():
    batches = [make_batch(seed) for seed in range(4)]
    model, other = ToyModel(), ToyModel()
    weights = train(model, make_wrapper(model), batches)
    tasks = dict(domain=['loss_domain'], semantic=['loss_cls'])
    swapped = train(other, make_wrapper(other, tasks=tasks), batches)
    torch.testing.assert_close(swapped, weights, rtol=1e-6, atol=1e-6)


def test_gradient_of_a_further_task_is_left_as_it_is():
    conflicts = set()
    for seed in range(6):
        model, batch = ToyModel(seed=seed, extra_loss=True), make_batch(seed)
        expected, (conflict, _) = naive_gradient(model, batch, 'video')
        conflicts.add(conflict)
        params = dict(model.video.named_parameters(prefix='video'))
        extra = torch.autograd.grad(
            model(**batch, mode='loss')['loss_extra'], params.values()
        )
        before = {n: p.detach().clone() for n, p in params.items()}
        tasks = dict(
            extra=['loss_extra'], semantic=['loss_cls'], domain=['loss_domain']
        )
        wrapper = make_wrapper(model, lr=1.0, tasks=tasks)
        train(model, wrapper, [batch])
        for (name, param), grad in zip(params.items(), extra):
            torch.testing.assert_close(
                before[name] - param,
                expected[name] + grad,
                rtol=1e-4,
                atol=1e-6,
            )
    assert conflicts == {False, True}


class TwoStream(ToyModel):
    """A loss per modality and no confidences, as in stock recognizers."""

    def forward(self, inputs, data_samples=None, mode='tensor'):
        video, audio, label, _ = inputs
        columns = self.cls.weight.split(5, dim=1)
        return {
            f'{m}_loss_cls': nn.functional.cross_entropy(
                getattr(self, m)(x) @ w.T, label
            )
            for m, x, w in zip(MODALITIES, (video, audio), columns)
        }


def test_losses_stand_for_confidences():
    model, batch = TwoStream(), make_batch(0)
    model.dom.requires_grad_(False)
    keys = {m: f'{m}_loss_cls' for m in MODALITIES}
    losses = model(**batch, mode='loss')
    confidence = {m: math.exp(-losses[key].item()) for m, key in keys.items()}
    stronger = max(confidence, key=confidence.get)
    weaker = min(confidence, key=confidence.get)
    k = 1 - math.tanh(0.5 * confidence[stronger] / confidence[weaker])
    params = list(getattr(model, stronger).parameters())
    grads = torch.autograd.grad(losses[keys[stronger]], params)
    before = [p.detach().clone() for p in params]
    wrapper = make_wrapper(
        model,
        lr=1.0,
        tasks=dict(semantic=list(keys.values())),
        confidences=dict(semantic=keys),
    )
    train(model, wrapper, [batch])
    for param, start, grad in zip(params, before, grads):
        torch.testing.assert_close(start - param, k * grad)


def test_wrong_confidences_are_named():
    model = ToyModel()
    with pytest.raises(ValueError, match=r"`confidences`.*\['style'\]"):
        make_wrapper(model, confidences=dict(style={}))
    wrapper = make_wrapper(
        model, confidences=dict(semantic=dict(video='loss_cls'))
    )
    with pytest.raises(ValueError, match=r"`confidences`.*\['audio', 'video"):
        wrapper.initialize_count_status(model, 0, 1)
    keys = dict(video='video_loss', audio='audio_loss')
    wrapper = make_wrapper(
        model,
        tasks=dict(semantic=['loss_cls']),
        confidences=dict(domain=keys),
    )
    with pytest.raises(ValueError, match=r"`confidences`.*\['semantic'\]"):
        wrapper.initialize_count_status(model, 0, 1)
    keys = dict(video='video_acc', audio='audio_acc')
    wrapper = make_wrapper(model, confidences=dict(semantic=keys))
    with pytest.raises(KeyError, match='video_acc'):
        train(model, wrapper, [make_batch(0)])


def test_loss_in_no_task_is_an_error():
    model = ToyModel(extra_loss=True)
    with pytest.raises(KeyError, match=r"\['loss_extra'\]"):
        train(model, make_wrapper(model), [make_batch(0)])


@pytest.mark.parametrize(
    ('modalities', 'message'),
    [
        (dict(video='backbone.video'), "'backbone.video'.*modality 'video'"),
        (dict(video='vide'), "'vide'"),
        (dict(video='video', audio='video.0'), 'earlier prefix'),
        (None, '`modalities` must name'),
    ],
)
def test_wrong_modalities_are_an_error_before_training(modalities, message):
    model = ToyModel()
    wrapper = make_wrapper(model, modalities=modalities)
    with pytest.raises(ValueError, match=message):
        wrapper.initialize_count_status(model, 0, 1)


@pytest.mark.parametrize(
    'tasks',
    [
        {},
        dict(semantic=['loss_cls'], domain=[]),
        dict(semantic=['loss_cls'], domain=['loss_cls']),
    ],
)
def test_wrong_tasks_are_an_error_at_construction(tasks):
    with pytest.raises(ValueError, match='`tasks`'):
        make_wrapper(ToyModel(), tasks=tasks)


def test_tasks_without_the_semantic_one_are_an_error_before_training():
    model = ToyModel()
    wrapper = make_wrapper(model, tasks=dict(domain=['loss_domain']))
    with pytest.raises(ValueError, match="`tasks`.*'semantic'"):
        wrapper.initialize_count_status(model, 0, 1)


def test_tasks_that_nobody_names_are_an_error_before_training():
    model = ToyModel()
    model.loss_tasks = None
    with pytest.raises(ValueError, match='`tasks`.*ToyModel.*`loss_tasks`'):
        make_wrapper(model).initialize_count_status(model, 0, 1)


def test_usual_losses_are_the_tasks_of_a_model_that_names_none(monkeypatch):
    monkeypatch.delattr(ToyModel, 'loss_tasks')
    batches = [make_batch(seed) for seed in range(3)]
    weights = []
    for tasks in (None, dict(semantic=['loss_cls'], domain=['loss_domain'])):
        model = ToyModel()
        weights.append(train(model, make_wrapper(model, tasks=tasks), batches))
    assert torch.equal(*weights)
    model = ToyModel(extra_loss=True)
    with pytest.raises(KeyError, match="'loss_extra'.*`tasks`.*'loss_cls'"):
        train(model, make_wrapper(model), [make_batch(0)])


def test_graph_of_a_forward_without_an_update_is_dropped():
    class Watching(ToyModel):
        previous, held = None, ()

        def forward(self, *args, **kwargs):
            if self.previous is not None:
                self.held = (*self.held, self.previous() is not None)
            losses = super().forward(*args, **kwargs)
            self.previous = weakref.ref(losses['loss_cls'])
            return losses

    model = Watching()
    make_wrapper(model).initialize_count_status(model, 0, 1)
    for seed in range(3):
        model(**make_batch(seed), mode='loss')
    assert model.held == (False, False)


def test_update_without_a_forward_is_an_error():
    model = ToyModel()
    wrapper = make_wrapper(model)
    with pytest.raises(RuntimeError, match='initialize_count_status'):
        wrapper.update_params(torch.zeros((), requires_grad=True))


class Constant(ToyModel):
    constant = ('loss_domain',)

    def forward(self, *args, **kwargs):
        losses = super().forward(*args, **kwargs)
        return dict(
            losses, **{key: torch.tensor(1.0) for key in self.constant}
        )


def test_constant_loss_of_one_task_trains_the_other():
    model = Constant()
    start = flat_weights(model)
    train(model, make_wrapper(model), [make_batch(0)])
    assert not torch.equal(flat_weights(model), start)
    assert torch.equal(model.dom.weight, Constant().dom.weight)


def test_loss_that_nothing_depends_on_is_an_error():
    model = Constant()
    model.constant = ('loss_cls', 'loss_domain')
    with pytest.raises(ValueError, match=r'no term.*loss_cls'):
        train(model, make_wrapper(model), [make_batch(0)])


def test_static_graph_and_sharding_are_refused_by_name(tmp_path):
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    try:
        model = ToyModel()
        wrapper = make_wrapper(model)
        ddp = DistributedDataParallel(model, static_graph=True)
        with pytest.raises(ValueError, match='static_graph=True'):
            wrapper.initialize_count_status(ddp, 0, 1)

        class DeepSpeedEngine(nn.Module):
            __module__ = 'deepspeed.runtime.engine'

        with pytest.raises(ValueError, match='DeepSpeedEngine'):
            wrapper.initialize_count_status(DeepSpeedEngine(), 0, 1)
    finally:
        dist.destroy_process_group()
