# Copyright (c) mmgmp authors.
from .seeded_index import SeededIndex
from .seeded_items import SeededItems
from .seeded_sampler import SeededSampler

__all__ = ['SeededIndex', 'SeededItems', 'SeededSampler']
