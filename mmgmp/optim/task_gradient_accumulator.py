# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmengine.dist import all_reduce, all_reduce_params, get_world_size
from torch import Tensor

from .modality_parameters import ModalityParameters
from .task_gradients import Gradients, accumulate, combine, gramian


class TaskGradientAccumulator:
    """Task gradients and statistics of one optimizer step.

    Holds, over the micro-batches of gradient accumulation, the gradients of T
    tasks at the encoders' parameters one by one, and their sum at all other
    parameters in ``.grad``.

    Args:
        params: The trained parameters of the model.
        num_tasks: Number of tasks T.
    """

    def __init__(self, params: ModalityParameters, num_tasks: int) -> None:
        self.params = params
        self.num_tasks = num_tasks
        self.reset()

    def reset(self) -> None:
        """Forget everything but what is in ``.grad``."""
        self._gradients: list[Gradients] = [
            [None] * len(self.params.encoders) for _ in range(self.num_tasks)
        ]
        self._statistics: dict[str, Tensor] = {}
        self._micro_batches = 0

    def add(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Run one backward pass per task and add the gradients.

        Args:
            losses: T scalar losses of one micro-batch, on one graph, which
                is freed.
            statistics: Name -> scalar batch mean; the same names each time.
        """
        self._micro_batches += 1
        for name, value in statistics.items():
            self._statistics[name] = self._statistics.get(name, 0) + value
        encoders, others = self.params.encoders, self.params.others
        for index, loss in enumerate(losses):
            gradients = torch.autograd.grad(
                loss,
                encoders + others,
                retain_graph=index + 1 < self.num_tasks,
                allow_unused=True,
            )
            accumulate(self._gradients[index], gradients[: len(encoders)])
            total = [param.grad for param in others]
            accumulate(total, gradients[len(encoders) :])
            _assign(others, total)

    def reduce(self) -> None:
        """Average the gradients and the statistics over the ranks."""
        if get_world_size() == 1:
            return
        for name in sorted(self._statistics):
            all_reduce(self._statistics[name], op='mean')
        encoders, others = self.params.encoders, self.params.others
        flat = [g for task in self._gradients for g in task]
        flat += [param.grad for param in others]
        params = encoders * self.num_tasks + others
        # A parameter that this rank's batch did not touch still has a part
        # in the mean: None becomes zero where any rank has a gradient.
        present = torch.tensor(
            [g is not None for g in flat],
            dtype=torch.uint8,
            device=params[0].device,
        )
        all_reduce(present, op='max')
        flat = [
            torch.zeros_like(p) if g is None and somewhere else g
            for g, p, somewhere in zip(flat, params, present.tolist())
        ]
        all_reduce_params([g for g in flat if g is not None], op='mean')
        size = len(encoders)
        self._gradients = [
            flat[task * size : (task + 1) * size]
            for task in range(self.num_tasks)
        ]
        _assign(others, flat[self.num_tasks * size :])

    def summarize(
        self,
    ) -> tuple[dict[str, Tensor], dict[str, float], bool]:
        """Bring what the weights depend on to the host, in one transfer.

        Returns:
            Modality -> (T, T) float64 Gramian on CPU; name -> mean of the
            statistic over the whole batch; whether all of these and all
            gradients are finite.
        """
        gramians = [
            gramian([gradients[span] for gradients in self._gradients])
            for span in self.params.spans.values()
        ]
        names = sorted(self._statistics)
        grads = [p.grad for p in self.params.others if p.grad is not None]
        host = torch.cat(
            [
                torch.stack(gramians).flatten(),
                *(self._statistics[n].double()[None] for n in names),
                *(norm.double()[None] for norm in torch._foreach_norm(grads)),
            ]
        ).cpu()
        blocks, rest = host.split(
            [
                len(gramians) * self.num_tasks**2,
                len(names) + len(grads),
            ]
        )
        blocks = blocks.view(-1, self.num_tasks, self.num_tasks)
        means = (rest[: len(names)] / self._micro_batches).tolist()
        return (
            dict(zip(self.params.spans, blocks)),
            dict(zip(names, means)),
            bool(host.isfinite().all()),
        )

    def write(self, weights: dict[str, Sequence[float]]) -> None:
        """Write the weighted sums over the tasks into ``.grad`` and reset.

        Args:
            weights: Modality -> T weights.
        """
        for modality, span in self.params.spans.items():
            combined = combine(
                [gradients[span] for gradients in self._gradients],
                weights[modality],
            )
            _assign(self.params.encoders[span], combined)
        self.reset()


def _assign(
    params: Sequence[torch.nn.Parameter], gradients: Gradients
) -> None:
    for param, gradient in zip(params, gradients):
        param.grad = gradient
