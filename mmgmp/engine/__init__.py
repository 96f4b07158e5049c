# Copyright (c) mmgmp authors.
from .hooks import CorruptSampleHook, DomainProtocolHook

__all__ = ['CorruptSampleHook', 'DomainProtocolHook']
