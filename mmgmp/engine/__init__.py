# Copyright (c) mmgmp authors.
from .hooks import (
    AtomicCheckpointHook,
    CorruptSampleHook,
    DomainProtocolHook,
    ReplicaCheckHook,
    StepSeedHook,
)

__all__ = [
    'AtomicCheckpointHook',
    'CorruptSampleHook',
    'DomainProtocolHook',
    'ReplicaCheckHook',
    'StepSeedHook',
]
