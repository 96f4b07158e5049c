# Copyright (c) mmgmp authors.
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

# In place of the label, and of the domain, of an unlabelled sample.
UNLABELLED = -1


@dataclass(frozen=True)
class TrainBatch:
    """A training batch of N samples, as the head and the objectives see it.

    Attributes:
        inputs: Modality -> preprocessed batch, (N, ...).
        features: Modality -> (N, D_m), after the neck.
        logits: (N, K) float32 of the head.
        labels: (N,) int64 classes, -1 where a sample has none.
        domains: (N,) int64 source domains in [0, C), -1 for unlabelled
            samples and in a model without objectives.
        hidden_labels: (N,) int64 classes of unlabelled samples, -1 where they
            are unknown. They are there to be logged, not to be learnt from.
        progress: Share of the training that is done, in [0, 1].
    """

    inputs: Mapping[str, Tensor]
    features: dict[str, Tensor]
    logits: Tensor
    labels: Tensor
    domains: Tensor
    hidden_labels: Tensor
    progress: float

    def labelled(self) -> 'TrainBatch':
        """The samples with a label; the batch itself if all have one."""
        return self._rows(self.labels != UNLABELLED)

    def unlabelled(self) -> 'TrainBatch':
        """The samples without a label; there may be none."""
        return self._rows(self.labels == UNLABELLED)

    def _rows(self, mask: Tensor) -> 'TrainBatch':
        if bool(mask.all()):
            return self
        index = mask.nonzero()[:, 0]
        return TrainBatch(
            inputs=_Rows(self.inputs, index),
            features={m: x[index] for m, x in self.features.items()},
            logits=self.logits[index],
            labels=self.labels[index],
            domains=self.domains[index],
            hidden_labels=self.hidden_labels[index],
            progress=self.progress,
        )


class _Rows(Mapping):
    """Rows of the inputs, copied when they are read: clips are large."""

    def __init__(self, tensors: Mapping[str, Tensor], index: Tensor) -> None:
        self._tensors = tensors
        self._index = index

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name][self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)
