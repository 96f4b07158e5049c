# Copyright (c) mmgmp authors.

import torch
from mmaction.models.recognizers import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor

# In place of the label, and of the domain, of an unlabelled sample.
UNLABELLED = -1


@MODELS.register_module()
class MultimodalRecognizer(BaseRecognizer):
    """Recognizer of several modalities with any number of objectives.

    Training sums the losses of the head and of the objectives; prediction
    uses the backbone, the neck and the head alone.

    A training sample without ``gt_label`` is one of an unlabelled target
    domain. The head and most objectives do not see it; an objective whose
    attribute ``uses_unlabelled`` is true does, with the label and the domain
    -1. Such an objective has a fifth argument, the labels that the data
    samples hide as ``hidden_label``, to log how good its guesses are, and
    not to learn from them.

    Args:
        backbone: Config of a :class:`MultimodalBackbone`.
        cls_head: Config of a :class:`MultimodalHead`.
        objectives: Name -> config of a training objective: a module that maps
            ``(features, logits, labels, domains)`` to a dict of loss terms
            and of logged scalars.
        **kwargs: Arguments of
            :class:`mmaction.models.recognizers.BaseRecognizer`.
    """

    def __init__(
        self,
        backbone: dict,
        cls_head: dict,
        objectives: dict[str, dict] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(backbone=backbone, cls_head=cls_head, **kwargs)
        self.objectives = ModuleDict(
            {n: MODELS.build(cfg) for n, cfg in (objectives or {}).items()}
        )

    @property
    def modality_modules(self) -> dict[str, str]:
        """Modality -> prefix of its encoder, for optim wrappers."""
        return {m: f'backbone.{m}' for m in self.backbone.modalities}

    def extract_feat(
        self, inputs: dict[str, Tensor], **kwargs
    ) -> tuple[dict[str, Tensor], dict]:
        """Encode the modalities.

        Args:
            inputs: Modality -> preprocessed batch.
            **kwargs: Not used.

        Returns:
            Modality -> (N, D_m) features, and an empty dict.
        """
        features = self.backbone(inputs)
        if self.with_neck:
            features = self.neck(features)
        return features, {}

    def loss(
        self,
        inputs: dict[str, Tensor],
        data_samples: list[ActionDataSample],
        **kwargs,
    ) -> dict[str, Tensor]:
        """Losses of the head and of the objectives.

        Args:
            inputs: Modality -> preprocessed batch of N samples; all
                modalities.
            data_samples: N samples with ``gt_label``, or without if they are
                unlabelled, and, where an objective uses it, ``domain``.
            **kwargs: Not used.

        Returns:
            Loss terms (keys with ``loss`` in them) and logged scalars.

        Raises:
            ValueError: A modality is missing, no sample has a label, or the
                domain of a labelled sample is not one of the source domains.
            KeyError: Two objectives return the same key.
        """
        missing = [m for m in self.backbone.modalities if m not in inputs]
        if missing:
            raise ValueError(
                f'training needs all of {self.backbone.modalities}, but the '
                f'batch has no {missing}; a modality may be missing at test '
                'time only'
            )
        features, _ = self.extract_feat(inputs)
        device = next(iter(features.values())).device
        labels = _stack_labels(data_samples)
        rows = [features, self.cls_head(features), labels.to(device)]
        if self.objectives:
            rows.append(_stack_domains(data_samples, labels).to(device))
        labelled = rows
        if bool((labels == UNLABELLED).any()):
            known = (labels != UNLABELLED).nonzero()[:, 0].to(device)
            labelled = [_select(part, known) for part in rows]
        losses = self.cls_head.loss(*labelled[:3])
        for name, objective in self.objectives.items():
            uses_all = getattr(objective, 'uses_unlabelled', False)
            if uses_all:
                terms = objective(*rows, _hidden_labels(data_samples, device))
            else:
                terms = objective(*labelled)
            if shared := sorted(terms.keys() & losses.keys()):
                raise KeyError(
                    f'objective {name!r} returns {shared}, which another '
                    'objective or the head returns too'
                )
            losses.update(terms)
        return losses


def _stack_labels(data_samples: list[ActionDataSample]) -> Tensor:
    """Labels of a training batch, (N,) int64, -1 where there is none."""
    labels = torch.cat(
        [
            sample.gt_label if 'gt_label' in sample else torch.tensor([-1])
            for sample in data_samples
        ]
    ).cpu()
    if bool((labels == UNLABELLED).all()):
        raise ValueError(
            'no sample of the batch has a label: a batch needs samples of a '
            'source domain, too'
        )
    return labels


def _stack_domains(
    data_samples: list[ActionDataSample], labels: Tensor
) -> Tensor:
    """Domains of a training batch, (N,) int64, -1 where there is no label."""
    known = (labels != UNLABELLED).tolist()
    domains = [sample.get('domain') for sample in data_samples]
    domains = [d if k else UNLABELLED for d, k in zip(domains, known)]
    of_sources = [d for d, k in zip(domains, known) if k]
    if any(domain is None or domain < 0 for domain in of_sources):
        raise ValueError(
            'an objective trains on source domains, but the batch has the '
            f'domains {domains}: pass `domain` through `algorithm_keys` of '
            'PackActionInputs and train on source domains only'
        )
    return torch.tensor(domains)


def _hidden_labels(
    data_samples: list[ActionDataSample], device: torch.device
) -> Tensor:
    """Hidden labels, (N,) int64, -1 where there is none."""
    hidden = [s.get('hidden_label', UNLABELLED) for s in data_samples]
    return torch.tensor(hidden, device=device)


def _select(
    part: Tensor | dict[str, Tensor], index: Tensor
) -> Tensor | dict[str, Tensor]:
    """Rows of a tensor, or of each tensor of a dict."""
    if isinstance(part, dict):
        return {name: tensor[index] for name, tensor in part.items()}
    return part[index]
