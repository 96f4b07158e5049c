# Copyright (c) mmgmp authors.
from abc import abstractmethod
from typing import ClassVar

from mmengine.model import BaseModule
from torch import Tensor

from ..recognizers.multimodal_recognizer import MultimodalRecognizer
from ..train_batch import TrainBatch


class Objective(BaseModule):
    """Base class of training objectives, which add losses to those of a head.

    :class:`MultimodalRecognizer` builds the objective and passes the three
    arguments below. A subclass adds its own arguments and forwards
    ``**kwargs``.

    A teacher or another average of the model must be a buffer or have
    parameters without gradients; update it in :meth:`forward`.

    Args:
        in_channels: Modality -> width D_m of its features.
        num_classes: Number of classes K.
        num_domains: Number of source domains C; None if unknown.

    Attributes:
        tasks: Glob of a loss term (:func:`fnmatch.fnmatch`) -> the default
            task of the term in an optim wrapper: ``'semantic'`` for losses
            that train the encoders to discriminate the classes, ``'domain'``
            for losses that align the domains, ``'plain'`` for all others,
            whose gradients are not balanced. Each loss term belongs to one
            task.
        uses_unlabelled: Whether the objective also gets unlabelled samples.
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
        self, batch: TrainBatch, model: MultimodalRecognizer
    ) -> dict[str, Tensor]:
        """Compute the loss terms and further values to log.

        Args:
            batch: The samples.
            model: The recognizer that the objective is part of.

        Returns:
            Name -> scalar. Values with ``loss`` in their name are minimized;
            others need no graph. The name of a value of one modality ends in
            ``.<modality>``.
        """
