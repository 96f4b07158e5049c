# Copyright (c) mmgmp authors.
"""A worked example: distillation from an average of the model."""

from copy import deepcopy
from typing import ClassVar

import torch
import torch.nn.functional as F
from mmaction.registry import MODELS
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import build_optim_wrapper

from mmgmp.models import Objective
from tests.models.assertions import assert_valid_objective
from tests.models.toy import make_inputs, make_samples, recognizer_cfg


@MODELS.register_module()
class ToyTeacher(Objective):
    """Learn from the predictions of an average of the model's past.

    Args:
        teacher: Config of the model, without objectives.
        momentum: Share of the trained weights in each update of the average.
        temperature: Of both softmaxes.
        **kwargs: Arguments of :class:`Objective`.
    """

    # Neither the classes' own loss nor the domains': no wrapper balances it.
    tasks: ClassVar[dict[str, str]] = {'loss_distillation': 'plain'}

    def __init__(
        self,
        teacher: dict,
        momentum: float = 0.01,
        temperature: float = 2.0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature
        # A copy of the model of the config: it needs no gradients, is stored
        # in checkpoints, and takes the model's weights over at its first
        # update. The names of the parameters lead from one to the other.
        self.teacher = ExponentialMovingAverage(
            MODELS.build(teacher), momentum, update_buffers=True
        )

    def forward(self, batch, model):
        with torch.no_grad():
            self.teacher.update_parameters(model)
            average = self.teacher.module.eval()
            features, _ = average.extract_feat(batch.inputs)
            target = (average.cls_head(features) / self.temperature).softmax(1)
        scores = (batch.logits / self.temperature).log_softmax(1)
        loss = F.kl_div(scores, target, reduction='batchmean')
        return {'loss_distillation': self.temperature**2 * loss}


STUDENT = recognizer_cfg(('video', 'audio'))
MODEL = dict(
    STUDENT, objectives=dict(teacher=dict(type='ToyTeacher', teacher=STUDENT))
)
OPTIM_WRAPPER = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.5, momentum=0.9)
)


def start(seed):
    torch.manual_seed(seed)
    model = MODELS.build(MODEL).train()
    return model, build_optim_wrapper(model, OPTIM_WRAPPER)


def step(model, optim_wrapper, number):
    inputs = make_inputs(('video', 'audio'), 4, seed=number)
    samples = make_samples([0, 1, 2, 1], [0, 1, 0, 1])
    losses = model(inputs, samples, mode='loss')
    optim_wrapper.update_params(model.parse_losses(losses)[0])
    return losses['loss_distillation'].item()


def weights(module):
    return {n: p.detach().clone() for n, p in module.named_parameters()}


def test_the_teacher_is_the_average_of_the_models_past():
    model, optim_wrapper = start(seed=0)
    teacher = model.objectives['teacher'].teacher
    before = weights(model)
    first = step(model, optim_wrapper, 0)
    copy, after = weights(teacher.module), weights(model)
    second = step(model, optim_wrapper, 1)
    average = weights(teacher.module)
    assert average
    for name, value in average.items():
        assert torch.equal(copy[name], before[name])
        expected = 0.99 * before[name] + 0.01 * after[name]
        torch.testing.assert_close(value, expected)
    # The teacher is the model itself at first.
    assert abs(first) < 1e-6 < second


def test_resumed_training_goes_on_as_the_uninterrupted_one():
    model, optim_wrapper = start(seed=0)
    step(model, optim_wrapper, 0)
    states = deepcopy((model.state_dict(), optim_wrapper.state_dict()))
    resumed, resumed_wrapper = start(seed=1)
    resumed.load_state_dict(states[0])
    resumed_wrapper.load_state_dict(states[1])
    losses = [
        step(*pair, 1)
        for pair in ((model, optim_wrapper), (resumed, resumed_wrapper))
    ]
    assert losses[0] == losses[1] > 0
    torch.testing.assert_close(
        resumed.state_dict(), model.state_dict(), rtol=0, atol=0
    )


def test_prediction_and_tasks_know_nothing_of_the_teacher():
    model, _ = start(seed=0)
    assert model.loss_tasks['plain'] == ['loss_distillation']
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert not any(name.startswith('objectives.') for name in trained)


def test_it_does_what_every_objective_must_do():
    assert_valid_objective(
        lambda modalities: dict(
            type='ToyTeacher', teacher=recognizer_cfg(modalities)
        )
    )
