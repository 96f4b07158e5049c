# Copyright (c) mmgmp authors.
from .hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from .hooks.check_invalid_loss_hook import CheckInvalidLossHook
from .hooks.corrupt_sample_hook import CorruptSampleHook
from .hooks.domain_protocol_hook import DomainProtocolHook
from .hooks.replica_check_hook import ReplicaCheckHook
from .hooks.step_seed_hook import StepSeedHook
from .hooks.target_history_hook import TargetHistoryHook
from .short_log_processor import ShortLogProcessor

__all__ = [
    'AtomicCheckpointHook',
    'CheckInvalidLossHook',
    'CorruptSampleHook',
    'DomainProtocolHook',
    'ReplicaCheckHook',
    'ShortLogProcessor',
    'StepSeedHook',
    'TargetHistoryHook',
]
