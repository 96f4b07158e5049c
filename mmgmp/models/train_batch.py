# Copyright (c) mmgmp authors.
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor

# Label and domain of an unlabelled sample.
UNLABELLED = -1


@dataclass(frozen=True)
class TrainBatch:
    """Training batch of N samples, which the head and the objectives get.

    Attributes:
        inputs: Modality -> preprocessed batch, (N, ...).
        features: Modality -> (N, D_m), after the neck.
        logits: (N, K) float32 of the head.
        labels: (N,) int64 classes, -1 for a sample without a label.
        domains: (N,) int64 source domains in [0, C), -1 for unlabelled
            samples, and for all samples of a model without objectives.
        hidden_labels: (N,) int64 classes of unlabelled samples, -1 if
            unknown. They are for logging, not for training.
        progress: Completed fraction of the training, in [0, 1].
    """

    inputs: Mapping[str, Tensor]
    features: dict[str, Tensor]
    logits: Tensor
    labels: Tensor
    domains: Tensor
    hidden_labels: Tensor
    progress: float

    def labelled(self) -> 'TrainBatch':
        """Select the samples with a label, or the batch if all have one."""
        return self._rows(self.labels != UNLABELLED)

    def unlabelled(self) -> 'TrainBatch':
        """Select the samples without a label. There may be none."""
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
    """Rows of the inputs, copied on access because clips are large."""

    def __init__(self, tensors: Mapping[str, Tensor], index: Tensor) -> None:
        self._tensors = tensors
        self._index = index

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name][self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)


def stack_labels(data_samples: list[ActionDataSample]) -> Tensor:
    """Stack the labels of a training batch.

    Args:
        data_samples: N samples, with ``gt_label`` if they are labelled.

    Returns:
        (N,) int64 on the CPU, -1 for a sample without a label.

    Raises:
        ValueError: No sample has a label.
    """
    labels = torch.full((len(data_samples),), UNLABELLED)
    known = [i for i, s in enumerate(data_samples) if 'gt_label' in s]
    if known:
        # The samples may be on a GPU: use one transfer for all of them.
        given = torch.cat([data_samples[i].gt_label for i in known])
        labels[known] = given.cpu()
    if bool((labels == UNLABELLED).all()):
        raise ValueError(
            'no sample of the batch has a label: a batch must contain samples '
            'of a source domain'
        )
    return labels


def stack_domains(
    data_samples: list[ActionDataSample], labels: Tensor
) -> Tensor:
    """Stack the source domains of a training batch.

    Args:
        data_samples: N samples, with ``domain`` if they are labelled.
        labels: Output of :func:`stack_labels`.

    Returns:
        (N,) int64 on the CPU, -1 for a sample without a label.

    Raises:
        ValueError: A labelled sample has no source domain.
    """
    known = (labels != UNLABELLED).tolist()
    domains = [sample.get('domain') for sample in data_samples]
    domains = [d if k else UNLABELLED for d, k in zip(domains, known)]
    labelled = [d for d, k in zip(domains, known) if k]
    if any(domain is None or domain < 0 for domain in labelled):
        raise ValueError(
            'an objective trains on source domains, but the batch has the '
            f'domains {domains}: pass `domain` through `algorithm_keys` of '
            'PackActionInputs and train on source domains only'
        )
    return torch.tensor(domains)
