# Copyright (c) mmgmp authors.

import torch
from mmaction.models.recognizers import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.model import ModuleDict
from torch import Tensor


@MODELS.register_module()
class MultimodalRecognizer(BaseRecognizer):
    """Recognizer of several modalities with any number of objectives.

    Training sums the losses of the head and of the objectives; prediction
    uses the backbone and the head alone.

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
        return self.backbone(inputs), {}

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
            data_samples: N samples with ``gt_label`` and, where an objective
                uses it, ``domain``.
            **kwargs: Not used.

        Returns:
            Loss terms (keys with ``loss`` in them) and logged scalars.

        Raises:
            ValueError: A modality is missing, or a domain is not one of the
                source domains.
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
        labels = torch.cat([s.gt_label for s in data_samples]).to(device)
        logits = self.cls_head(features)
        losses = self.cls_head.loss(features, logits, labels)
        if self.objectives:
            domains = _stack_domains(data_samples).to(device)
        for name, objective in self.objectives.items():
            terms = objective(features, logits, labels, domains)
            if shared := sorted(terms.keys() & losses.keys()):
                raise KeyError(
                    f'objective {name!r} returns {shared}, which another '
                    'objective or the head returns too'
                )
            losses.update(terms)
        return losses


def _stack_domains(data_samples: list[ActionDataSample]) -> Tensor:
    """Domains of a training batch, (N,) int64."""
    domains = [sample.get('domain') for sample in data_samples]
    if any(domain is None or domain < 0 for domain in domains):
        raise ValueError(
            'an objective trains on source domains, but the batch has the '
            f'domains {domains}: pass `domain` through `algorithm_keys` of '
            'PackActionInputs and train on source domains only'
        )
    return torch.tensor(domains)
