# Copyright (c) mmgmp authors.
from .domain_adversarial import DomainAdversarial
from .gradient_reversal import gradient_reversal

__all__ = ['DomainAdversarial', 'gradient_reversal']
