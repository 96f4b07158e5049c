# Copyright (c) mmgmp authors.
from collections.abc import Sequence

import torch
from mmaction.models.recognizers import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.logging import MessageHub
from mmengine.model import ModuleDict
from torch import Tensor

from mmgmp.utils.numbers import check_number

from ..build_part import build_part
from ..train_batch import (
    UNLABELLED,
    TrainBatch,
    stack_domains,
    stack_labels,
)

TASKS = ('semantic', 'domain', 'plain')


@MODELS.register_module()
class MultimodalRecognizer(BaseRecognizer):
    """Multimodal recognizer with any number of training objectives.

    Training minimizes the sum of the losses of the head and the objectives.
    Prediction uses only the backbone, the neck and the head. The recognizer
    passes widths, classes and domains to its parts, so a config sets them
    once.

    A training sample without ``gt_label`` belongs to an unlabelled target
    domain. Only objectives with ``uses_unlabelled`` get such samples; the head
    and the other objectives do not.

    If several objectives share loss terms, for example because they have the
    same type, the first keeps the names of its loss terms and logged scalars.
    Those of the others get the name of the objective as a prefix, as in
    ``local/loss_domain``.

    Args:
        backbone: Config of a :class:`MultimodalBackbone`.
        cls_head: Config of a :class:`MultimodalHead`.
        in_channels: Modality -> width of the features of its encoder.
        num_classes: Number of classes K.
        num_domains: Number of source domains C, for objectives that need it.
        modalities: Order of the encoders and of their features, which
            determines the columns of a concatenation. The default is
            alphabetical. The order of a dict has no effect, because MMEngine
            sorts it when it writes a config.
        neck: Config of a module that maps the features of all modalities,
            such as :class:`ModalityProjection`. Its ``out_channels`` are the
            widths for the head and the objectives.
        objectives: Name -> config of an :class:`Objective`. They are built
            in alphabetical order.
        **kwargs: Arguments of
            :class:`mmaction.models.recognizers.BaseRecognizer`.

    Raises:
        ValueError: The modalities of ``modalities`` or ``in_channels`` differ
            from the ``encoders`` of the backbone, a part sets an argument of
            the recognizer, the name of an objective contains ``'loss'``, a
            slash or a dot, or its ``tasks`` have a task other than
            ``'semantic'``, ``'domain'`` and ``'plain'``; there are fewer than
            two classes, or ``train_cfg`` or ``test_cfg`` is not empty.

    Example::

        model = dict(
            type='MultimodalRecognizer',
            backbone=dict(type='MultimodalBackbone', ...),
            cls_head=dict(type='MultimodalHead'),
            in_channels=dict(video=2304, audio=512),
            num_classes=7,
            num_domains=2,
            objectives=dict(domain=dict(type='DomainAdversarial')))
    """

    def __init__(
        self,
        backbone: dict,
        cls_head: dict,
        in_channels: dict[str, int],
        num_classes: int,
        num_domains: int | None = None,
        modalities: Sequence[str] | None = None,
        neck: dict | None = None,
        objectives: dict[str, dict] | None = None,
        **kwargs,
    ) -> None:
        check_number('num_classes', num_classes, 2, integer=True)
        if unread := [k for k in ('train_cfg', 'test_cfg') if kwargs.get(k)]:
            raise ValueError(
                f'`{unread[0]}` has no effect on MultimodalRecognizer, got '
                f'{kwargs[unread[0]]}: remove it'
            )
        encoders = backbone['encoders']
        order = sorted(encoders) if modalities is None else list(modalities)
        for name, value in (
            ('modalities', order),
            ('in_channels', in_channels),
        ):
            if sorted(value) != sorted(encoders):
                raise ValueError(
                    f'`{name}` must name each of the modalities '
                    f'{list(encoders)} of the backbone once, got {value}'
                )
        encoders = {m: encoders[m] for m in order}
        super().__init__(backbone=dict(backbone, encoders=encoders), **kwargs)
        widths = {m: in_channels[m] for m in order}
        self.in_channels = widths
        if neck is not None:
            self.neck = build_part('neck', neck, in_channels=widths)
            widths = self.neck.out_channels
        values = dict(in_channels=widths, num_classes=num_classes)
        self.cls_head = build_part('cls_head', cls_head, **values)
        self.objectives = ModuleDict()
        self._prefixes: dict[str, str] = {}
        for name, cfg in sorted((objectives or {}).items()):
            if any(part in name for part in ('loss', '/', '.')):
                raise ValueError(
                    f'`objectives`: {name!r} cannot name an objective: the '
                    'name may become a prefix of logged values, so it must '
                    "not contain 'loss', '/' or '.'"
                )
            objective = build_part(
                f'objectives.{name}', cfg, num_domains=num_domains, **values
            )
            if unknown := {*objective.tasks.values()} - {*TASKS}:
                raise ValueError(
                    f'`tasks` of {type(objective).__name__} has the tasks '
                    f'{sorted(unknown)}; a loss term belongs to one of {TASKS}'
                )
            alike = any(
                type(other) is type(objective)
                or other.tasks.keys() & objective.tasks.keys()
                for other in self.objectives.values()
            )
            self._prefixes[name] = f'{name}/' if alike else ''
            self.objectives[name] = objective

    @property
    def loss_tasks(self) -> dict[str, list[str]]:
        """Task -> globs of its loss terms, for optim wrappers.

        These are the ``tasks`` of the head and the objectives.
        """
        declared = [*self.cls_head.tasks.items()]
        for name, objective in self.objectives.items():
            prefix = self._prefixes[name]
            declared += [
                (prefix + glob, task) for glob, task in objective.tasks.items()
            ]
        tasks: dict[str, dict[str, None]] = {task: {} for task in TASKS}
        for glob, task in declared:
            tasks[task][glob] = None
        return {task: list(globs) for task, globs in tasks.items() if globs}

    @property
    def modality_modules(self) -> dict[str, str]:
        """Modality -> prefix of its encoder, for optim wrappers."""
        return {m: f'backbone.{m}' for m in self.backbone.modalities}

    def extract_feat(
        self, inputs: dict[str, Tensor] | Tensor, **kwargs
    ) -> tuple[dict[str, Tensor], dict]:
        """Encode the modalities.

        Args:
            inputs: Modality -> preprocessed batch. With a single modality, it
                may be the batch itself, as get_flops.py of MMAction2 gives.
            **kwargs: Not used.

        Returns:
            Modality -> (N, D_m) features, and an empty dict.
        """
        if isinstance(inputs, Tensor):
            inputs = self._only_modality(inputs)
        features = self.backbone(inputs)
        for modality, feature in features.items():
            if feature.shape[1] != self.in_channels[modality]:
                raise ValueError(
                    f'`in_channels` of {modality} is '
                    f'{self.in_channels[modality]}, but its encoder gives '
                    f'{feature.shape[1]} channels: set `in_channels`'
                )
        if self.with_neck:
            features = self.neck(features)
        return features, {}

    def _only_modality(self, batch: Tensor) -> dict[str, Tensor]:
        modalities = self.backbone.modalities
        if len(modalities) > 1:
            raise ValueError(
                f'`inputs` must have a batch for each of {modalities}, got '
                'one tensor'
            )
        return {modalities[0]: batch}

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[ActionDataSample],
        **kwargs,
    ) -> dict[str, Tensor]:
        """Compute the losses of the head and the objectives.

        Args:
            inputs: Modality -> preprocessed batch of N samples. No modality
                may be absent.
            data_samples: N samples, with ``gt_label`` if they are labelled,
                and with ``domain`` if an objective needs it.
            **kwargs: Not used.

        Returns:
            Loss terms (keys that contain ``loss``) and logged scalars.

        Raises:
            ValueError: A modality is missing, no sample has a label, or a
                labelled sample has no source domain.
            KeyError: Two objectives return the same key.
        """
        missing = [m for m in self.backbone.modalities if m not in inputs]
        if missing:
            raise ValueError(
                f'training needs all of {self.backbone.modalities}, but the '
                f'batch has no {missing}; modalities may be missing only at '
                'test time'
            )
        batch, labelled = self._train_batch(inputs, data_samples)
        losses = self.cls_head.loss(labelled)
        for name, objective in self.objectives.items():
            seen = batch if objective.uses_unlabelled else labelled
            terms = {
                self._prefixes[name] + key: value
                for key, value in objective(seen, self).items()
            }
            if shared := sorted(terms.keys() & losses.keys()):
                raise KeyError(
                    f'objective {name!r} returns {shared}, which another '
                    'objective or the head returns too'
                )
            losses.update(terms)
        return losses

    def _train_batch(
        self, inputs: dict[str, Tensor], data_samples: list[ActionDataSample]
    ) -> tuple[TrainBatch, TrainBatch]:
        """Return the batch, and its labelled samples."""
        # Copy the labels to the CPU before the encoders occupy the device.
        labels = stack_labels(data_samples)
        domains = torch.full_like(labels, UNLABELLED)
        if self.objectives:
            domains = stack_domains(data_samples, labels)
        hidden = [s.get('hidden_label', UNLABELLED) for s in data_samples]
        features, _ = self.extract_feat(inputs)
        device = next(iter(features.values())).device
        batch = TrainBatch(
            inputs=inputs,
            features=features,
            logits=self.cls_head(features),
            labels=labels.to(device),
            domains=domains.to(device),
            hidden_labels=torch.tensor(hidden, device=device),
            progress=_progress(),
        )
        partly = bool((labels == UNLABELLED).any())
        return batch, batch.labelled() if partly else batch


def _progress() -> float:
    """Get the completed fraction of the iterations; 0 without a runner."""
    hub = MessageHub.get_current_instance()
    max_iters = hub.get_info('max_iters')
    return hub.get_info('iter') / max_iters if max_iters else 0.0
