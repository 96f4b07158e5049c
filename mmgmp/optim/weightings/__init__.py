# Copyright (c) mmgmp authors.
from .gmp_weighting import GMPWeighting, discrepancy_ratio

__all__ = ['GMPWeighting', 'discrepancy_ratio']
