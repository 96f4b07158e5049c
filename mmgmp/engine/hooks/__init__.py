# Copyright (c) mmgmp authors.
from .atomic_checkpoint_hook import AtomicCheckpointHook
from .check_invalid_loss_hook import CheckInvalidLossHook
from .corrupt_sample_hook import CorruptSampleHook
from .domain_protocol_hook import DomainProtocolHook
from .replica_check_hook import ReplicaCheckHook
from .step_seed_hook import StepSeedHook
from .target_history_hook import TargetHistoryHook

__all__ = [
    'AtomicCheckpointHook',
    'CheckInvalidLossHook',
    'CorruptSampleHook',
    'DomainProtocolHook',
    'ReplicaCheckHook',
    'StepSeedHook',
    'TargetHistoryHook',
]
