# Copyright (c) mmgmp authors.
from .domain_adversarial import DomainAdversarial
from .gradient_reversal import gradient_reversal
from .unimodal_domain_adversarial import UnimodalDomainAdversarial

__all__ = [
    'DomainAdversarial',
    'UnimodalDomainAdversarial',
    'gradient_reversal',
]
