# Copyright (c) mmgmp authors.
from .seeded_index import SeededIndex
from .seeded_items import SeededItems
from .seeded_sampler import SeededSampler
from .source_target_batch_sampler import SourceTargetBatchSampler
from .source_target_sampler import SourceTargetSampler

__all__ = [
    'SeededIndex',
    'SeededItems',
    'SeededSampler',
    'SourceTargetBatchSampler',
    'SourceTargetSampler',
]
