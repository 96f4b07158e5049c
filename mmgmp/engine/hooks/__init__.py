# Copyright (c) mmgmp authors.
from .corrupt_sample_hook import CorruptSampleHook
from .domain_protocol_hook import DomainProtocolHook

__all__ = ['CorruptSampleHook', 'DomainProtocolHook']
