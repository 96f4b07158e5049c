# Copyright (c) mmgmp authors.
from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from .encoder_features import EncoderFeatures
from .modality_parameters import ModalityParameters


class GradientCollector(ABC):
    """Takes task gradients, gives their Gramians, and applies weights.

    Args:
        params: The trained parameters of the model.
        module: The model.
        modalities: Modality -> names of the modules of its encoder, whose
            outputs are its features.

    Attributes:
        per_micro_batch: Whether weights are due after each :meth:`backward`,
            or once, after those of all micro-batches.
    """

    per_micro_batch: bool

    def __init__(
        self,
        params: ModalityParameters,
        module: nn.Module,
        modalities: dict[str, Sequence[str]],
    ) -> None:
        self.params = params
        self._features = EncoderFeatures(module, modalities)

    @property
    def hooks(self) -> list[RemovableHandle]:
        """Hooks on the model."""
        return self._features.hooks

    @abstractmethod
    def backward(
        self, losses: Sequence[Tensor], statistics: dict[str, Tensor]
    ) -> None:
        """Take the task gradients of one micro-batch.

        Args:
            losses: T scalar losses on one graph, which is used up.
            statistics: Name -> scalar batch mean; the same names each time.
        """

    @abstractmethod
    def collect(
        self,
    ) -> tuple[dict[str, Tensor], dict[str, float], bool]:
        """What the weights depend on, equal on all ranks.

        Returns:
            Modality -> (T, T) float64 CPU Gramian, statistic -> mean, and
            whether these and the gradients behind them are finite.
        """

    @abstractmethod
    def apply(self, weights: dict[str, Sequence[float]]) -> None:
        """Weigh the tasks' gradients into ``.grad``; called once each time.

        Args:
            weights: Modality -> T weights.
        """

    @abstractmethod
    def finish(self) -> bool:
        """Make ``.grad`` the mean over the ranks.

        Returns:
            Whether it is finite, as far as :meth:`collect` has not told.
        """
