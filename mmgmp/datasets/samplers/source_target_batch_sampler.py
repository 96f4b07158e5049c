# Copyright (c) mmgmp authors.
from mmaction.registry import DATA_SAMPLERS
from torch.utils.data import BatchSampler, Sampler

from .source_target_sampler import SourceTargetSampler


@DATA_SAMPLERS.register_module()
class SourceTargetBatchSampler(BatchSampler):
    """Batches with fixed numbers of source and unlabelled target samples.

    Of ``batch_size`` samples ``num_target`` are of the target; see
    :class:`SourceTargetSampler` for what an epoch is. It takes the place of
    the shuffling ``sampler`` of the dataloader, from which it has the dataset,
    the seed and the rank, and works with stock loops and hooks.

    Args:
        sampler: Shuffling sampler of MMEngine, given by the Runner.
        batch_size: Samples of a batch on one rank, given by the Runner.
        num_target: Target samples among them. With 0, and a ``batch_size``
            that is smaller by so many, the same source batches come without
            the target: the source-only baseline.

    Raises:
        ValueError: ``sampler`` does not shuffle, or a number does not fit;
            see :class:`SourceTargetSampler`.

    Example:
        >>> train_dataloader = dict(
        ...     batch_size=32,
        ...     sampler=dict(type='DefaultSampler', shuffle=True),
        ...     batch_sampler=dict(
        ...         type='SourceTargetBatchSampler', num_target=16),
        ...     drop_last=False,  # batches are always full
        ...     dataset=dict(
        ...         type='ConcatDataset',
        ...         ignore_keys=['domains'],
        ...         datasets=[
        ...             dict(type='HACDataset', domains=['human'], ...),
        ...             dict(
        ...                 type='HACDataset',
        ...                 domains=['cartoon'],
        ...                 source_domains=['human'],
        ...                 labelled=False,
        ...                 ...)]))
    """

    def __init__(
        self, sampler: Sampler, batch_size: int, num_target: int
    ) -> None:
        if not getattr(sampler, 'shuffle', False):
            raise ValueError(
                '`sampler` must be a sampler of MMEngine with shuffle=True, '
                f'whose place {type(self).__name__} takes, got '
                f'{type(sampler).__name__} with shuffle='
                f'{getattr(sampler, "shuffle", None)}'
            )
        super().__init__(
            SourceTargetSampler(
                sampler.dataset,
                batch_size - num_target,
                num_target,
                sampler.seed,
                sampler.rank,
                sampler.world_size,
            ),
            batch_size,
            drop_last=True,
        )
