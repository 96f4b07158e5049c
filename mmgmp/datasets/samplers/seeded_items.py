# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from typing import Any

from torch.utils.data import Dataset

from mmgmp.utils.seeding import seed_generators

from .seeded_index import SeededIndex


class SeededItems:
    """Read a batch of samples, each with its own random numbers.

    As the attribute ``__getitems__`` of a dataset it is what torch's data
    loaders call, in worker processes too, so it serves any dataset and any
    nest of wrappers. A dataset that reads batches by itself is seeded once
    for the batch, by the first index.

    Args:
        dataset: Dataset.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.read_batch = getattr(dataset, '__getitems__', None)

    def __call__(self, indices: Sequence[SeededIndex]) -> Sequence[Any]:
        """Read the samples of a batch.

        Args:
            indices: Indices of the samples.

        Returns:
            The samples.
        """
        if self.read_batch is not None:
            seed_generators(indices[0].seed)
            return self.read_batch([int(index) for index in indices])
        samples = []
        for index in indices:
            seed_generators(index.seed)
            samples.append(self.dataset[int(index)])
        return samples
