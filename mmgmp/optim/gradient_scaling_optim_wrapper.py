# Copyright (c) mmgmp authors.
from abc import abstractmethod

import torch
from torch import Tensor

from .gradients.loss_terms import mean_terms
from .gradients.statistics import StatisticsMean
from .gradients.task_gradients import to_host
from .modality_optim_wrapper import ModalityOptimWrapper


class GradientScalingOptimWrapper(ModalityOptimWrapper):
    """Base class of wrappers that scale the gradient of each modality.

    There is one backward pass, and the gradients are reduced as in the stock
    wrapper, so a step costs as much as plain training. After the last
    micro-batch of an update, the wrapper multiplies the gradients of each
    encoder by a factor, which depends on statistics of the whole batch over
    all ranks.

    A subclass defines :meth:`scales`, and :meth:`edit` if it does more than
    multiply. ``scale.<m>`` is logged at each update.

    Args:
        optimizer: The optimizer.
        **kwargs: Arguments of :class:`ModalityOptimWrapper`.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, **kwargs) -> None:
        super().__init__(optimizer=optimizer, **kwargs)
        self._statistics = StatisticsMean()

    @abstractmethod
    def scales(self, statistics: dict[str, float]) -> dict[str, float]:
        """Compute the factor of each modality.

        Args:
            statistics: Means over the whole batch of the entries of the loss
                dict.

        Returns:
            Modality -> factor.
        """

    def edit(self, modality: str, grads: list[Tensor], k: float) -> None:
        """Change the gradients of one encoder in place.

        Random numbers drawn here are the same on all ranks.

        Args:
            modality: Modality of the encoder.
            grads: Gradients of its parameters, without missing ones.
            k: Factor from :meth:`scales`.
        """
        torch._foreach_mul_(grads, k)

    def reset(self) -> None:
        """Discard the statistics; see the base class."""
        self._statistics = StatisticsMean()

    def backward(self, loss: Tensor, **kwargs) -> None:
        """Add the statistics, then run the stock backward pass.

        Args:
            loss: Scalar sum of all losses.
            **kwargs: Arguments of :meth:`torch.Tensor.backward`.
        """
        for losses in self.pop_losses():
            self._statistics.add(mean_terms(losses))
        super().backward(self.precision.scaler.scale(loss), **kwargs)

    def prepare_gradients(self) -> bool:
        """Edit the gradients of each modality.

        Raises:
            ValueError: :meth:`scales` does not return a factor for each
                modality.
        """
        self.precision.unscale(self.optimizer)
        encoders, others = self.params.encoders, self.params.others
        _, statistics, finite = to_host(
            {},
            self._statistics.pop(self.facts()),
            [p.grad for p in encoders + others],
        )
        self.not_finite = statistics.not_finite
        if not finite:
            return False
        scales = self.scales(statistics)
        if statistics.read_not_finite:
            return False
        spans = self.params.spans
        if scales.keys() != spans.keys():
            raise ValueError(
                f'`scales` of {type(self).__name__} must return a factor for '
                f'each of {sorted(spans)}, got {scales}'
            )
        with self.same_draws():
            for modality, span in spans.items():
                grads = [p.grad for p in encoders[span] if p.grad is not None]
                if grads:
                    self.edit(modality, grads, scales[modality])
                self.message_hub.update_scalar(
                    f'train/scale.{modality}', scales[modality]
                )
        return True
