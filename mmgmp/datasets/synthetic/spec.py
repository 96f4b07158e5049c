# Copyright (c) mmgmp authors.
from mmgmp.utils.mini_hac_spec import MiniHACSpec

from ..hac import HACDataset

__all__ = ['CLASSES', 'DOMAINS', 'SPLITS', 'MiniHACSpec']

CLASSES = HACDataset.METAINFO['classes']
DOMAINS = HACDataset.DOMAINS
SPLITS = ('train', 'test')
