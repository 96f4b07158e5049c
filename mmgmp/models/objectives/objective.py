# Copyright (c) mmgmp authors.
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from mmengine.model import BaseModule
from torch import Tensor

from ..train_batch import TrainBatch

if TYPE_CHECKING:
    from ..recognizers import MultimodalRecognizer


class Objective(BaseModule):
    """Base of a training objective, which a recognizer adds to its head.

    A :class:`MultimodalRecognizer` builds it and fills in the three arguments
    below. A subclass has arguments of its own, and hands ``**kwargs`` on.

    A teacher or another average of the model is a buffer, or has parameters
    that need no gradient, and is updated in :meth:`forward`.

    Args:
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.
        num_domains: Number of source domains C; None if it is not known.

    Attributes:
        tasks: Glob of a loss term (:func:`fnmatch.fnmatch`) -> the task that
            an optim wrapper counts it to, unless it is told otherwise:
            ``'semantic'`` for what trains the encoders to tell the classes
            apart, ``'domain'`` for what makes the domains alike, ``'plain'``
            for all else, whose gradient is not balanced. Each loss term
            belongs to one task.
        uses_unlabelled: Whether it sees the samples without a label, too.
    """

    tasks: ClassVar[dict[str, str]] = {}
    uses_unlabelled: ClassVar[bool] = False

    def __init__(
        self,
        in_channels: dict[str, int],
        num_classes: int,
        num_domains: int | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = dict(in_channels)
        self.num_classes = num_classes
        self.num_domains = num_domains

    @abstractmethod
    def forward(
        self, batch: TrainBatch, model: 'MultimodalRecognizer'
    ) -> dict[str, Tensor]:
        """Loss terms, and what is logged beside them.

        Args:
            batch: The samples.
            model: The recognizer that the objective is part of.

        Returns:
            Name -> scalar. What has ``loss`` in its name is descended; what
            has not needs no graph. A value of one modality ends in
            ``.<modality>``.
        """
