# Copyright (c) mmgmp authors.
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .corrupt_sample_hook import CorruptSampleHook
from .domain_protocol_hook import DomainProtocolHook
from .replica_check_hook import ReplicaCheckHook
from .rng_state_hook import RNGStateHook

__all__ = [
    'AtomicCheckpointHook',
    'CorruptSampleHook',
    'DomainProtocolHook',
    'RNGStateHook',
    'ReplicaCheckHook',
]
