# Copyright (c) mmgmp authors.
from .hooks import (
    AtomicCheckpointHook,
    CorruptSampleHook,
    DomainProtocolHook,
    ReplicaCheckHook,
    RNGStateHook,
)

__all__ = [
    'AtomicCheckpointHook',
    'CorruptSampleHook',
    'DomainProtocolHook',
    'RNGStateHook',
    'ReplicaCheckHook',
]
