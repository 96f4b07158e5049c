# Copyright (c) mmgmp authors.
from mmaction.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop
from torch import nn

from mmgmp.datasets.wrappers import dataset_leaves
from mmgmp.utils.checkpoints import CheckpointError
from mmgmp.utils.resume import changed_settings, check_resumable
from mmgmp.utils.weights import TRAINING_ONLY, load_complete, load_matching


@HOOKS.register_module()
class LoadedCheckpointHook(Hook):
    """Check that a loaded checkpoint belongs to the model and to the run.

    MMEngine only warns, and continues with random weights.

    * A test needs all weights of the model, except those of the objectives,
      and the classes of the training. A warning says if they were trained on
      a domain of the test.
    * A resumed training needs in addition the states of the optimizer and the
      schedulers, the seed, the optimizer and not more epochs than planned. A
      warning lists all other settings that differ.
    * A training that starts from other weights (``load_from``) may have other
      objectives and another head, which a warning lists. At least half of
      each encoder must match, unless it has ``pretrained`` weights.

    Raises:
        ValueError: A check fails, or weights are not finite.
    """

    priority = 'VERY_LOW'

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check a checkpoint, and complete its weights.

        Args:
            runner: Runner of the training, validation or test.
            checkpoint: Content of the checkpoint.
        """
        if not isinstance(runner, Runner):
            return  # FlexibleRunner and its sharded models
        # Otherwise, a user's own code loads it.
        by_runner = runner._load_from is not None and not runner._has_loaded
        path = str(runner._load_from) if by_runner else 'that was loaded'
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        is_training = isinstance(runner._train_loop, BaseLoop)
        if by_runner and not is_training:
            load_complete(model, checkpoint, path, TRAINING_ONLY)
            _check_classes(runner._test_loop, checkpoint, path)
            _warn_of_seen_domains(runner, checkpoint, path)
        elif by_runner and runner._resume:
            # MMEngine would execute it as a config.
            (checkpoint.get('meta') or {}).pop('config', None)
            check_resumable(checkpoint, path, runner.cfg)
            load_complete(model, checkpoint, path)
            _check_classes(runner._train_loop, checkpoint, path)
            _check_optimizer(runner, checkpoint['optimizer'], path)
            _warn_of_changes(runner, checkpoint['meta'], path)
        else:
            _load_from(runner, model, checkpoint, path)
        # MMEngine loads them again.
        checkpoint['state_dict'] = model.state_dict()


def _check_classes(loop: object, checkpoint: dict, path: str) -> None:
    """Check that an output of the classifier means the same class."""
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    trained = meta.get('classes')
    if not trained or not isinstance(loop, BaseLoop):
        return
    for leaf in dataset_leaves(loop.dataloader.dataset):
        classes = getattr(leaf, 'metainfo', {}).get('classes')
        if classes and [*classes] != [*trained]:
            raise CheckpointError(
                f'checkpoint {path} was trained on the classes {[*trained]}, '
                f'but {type(leaf).__name__} has {[*classes]}: use the data '
                'set and the order of classes of the training'
            )


def _warn_of_seen_domains(runner: Runner, checkpoint: dict, path: str) -> None:
    """Warn if a test is on a domain of the training."""
    if not isinstance(runner._test_loop, BaseLoop):
        return
    meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    trained = meta.get('domains', ())
    tested = {
        domain: None
        for leaf in dataset_leaves(runner.test_loop.dataloader.dataset)
        for domain in getattr(leaf, 'metainfo', {}).get('domains', ())
    }
    if seen := [domain for domain in tested if domain in trained]:
        runner.logger.warning(
            f'The weights of checkpoint {path} were trained on '
            f'{list(trained)}, so they have seen the labels of the '
            f'tested {seen}'
        )


def _load_from(
    runner: Runner, model: nn.Module, checkpoint: dict, path: str
) -> None:
    backbone = getattr(model, 'backbone', None)
    ready = getattr(backbone, 'pretrained', None) or ()
    if isinstance(ready, str):
        ready = ()
    misfit = load_matching(model, checkpoint, path, ready)
    if misfit:
        runner.logger.warning(
            f'Only a part of checkpoint {path} fits the model, and the rest '
            f'of the model keeps its initial weights; {misfit}'
        )


def _check_optimizer(runner: Runner, state: dict, path: str) -> None:
    """Check that an optimizer has the same groups of parameters."""
    optimizer = getattr(runner.optim_wrapper, 'optimizer', None)
    if optimizer is None:  # several optimizers
        return
    counts = [
        [len(group['params']) for group in groups]
        for groups in (state.get('param_groups', ()), optimizer.param_groups)
    ]
    if counts[0] != counts[1]:
        raise CheckpointError(
            f'checkpoint {path} has the optimizer state of {sum(counts[0])} '
            f'trained parameters in {len(counts[0])} groups, but this run has '
            f'{sum(counts[1])} in {len(counts[1])}: resume with the config of '
            'the first run'
        )


def _warn_of_changes(runner: Runner, meta: dict, path: str) -> None:
    """Name the settings in which a resumed run differs."""
    changes = [
        f'{name} was {before} and is {after}'
        for name, (before, after) in changed_settings(meta, runner.cfg).items()
    ]
    loop = runner._train_loop
    if isinstance(loop, EpochBasedTrainLoop) and meta['epoch']:
        length = len(loop.dataloader)
        if not 0 <= meta['iter'] - meta['epoch'] * length < length:
            changes.insert(
                0,
                f'an epoch had {meta["iter"] / meta["epoch"]:g} iterations '
                f'and has {length}',
            )
    if changes:
        runner.logger.warning(
            f'The resumed run differs from that of checkpoint {path}, so it '
            'does not continue it exactly. The optimizer and the schedulers '
            f'keep the values of the checkpoint: {"; ".join(changes)}'
        )
