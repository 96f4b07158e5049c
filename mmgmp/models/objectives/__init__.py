# Copyright (c) mmgmp authors.
from .boomda import Boomda
from .domain_adversarial import DomainAdversarial
from .gradient_reversal import gradient_reversal
from .objective import Objective
from .unimodal_domain_adversarial import UnimodalDomainAdversarial

__all__ = [
    'Boomda',
    'DomainAdversarial',
    'Objective',
    'UnimodalDomainAdversarial',
    'gradient_reversal',
]
