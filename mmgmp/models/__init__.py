# Copyright (c) mmgmp authors.
from .backbones.multimodal_backbone import MultimodalBackbone
from .fusions.concat_fusion import ConcatFusion
from .fusions.fusion import Fusion
from .heads.classifier import Classifier
from .heads.fusion_classifier import FusionClassifier
from .heads.multimodal_head import MultimodalHead
from .losses.coral_losses import BalancedCoralLoss, CoralLoss
from .losses.information_bottleneck_loss import InformationBottleneckLoss
from .necks.modality_projection import ModalityProjection
from .objectives.boomda import Boomda
from .objectives.domain_adversarial import DomainAdversarial
from .objectives.objective import Objective
from .objectives.unimodal_domain_adversarial import UnimodalDomainAdversarial
from .pretrained_init import MatchingPretrainedInit
from .recognizers.multimodal_recognizer import MultimodalRecognizer
from .train_batch import TrainBatch

__all__ = [
    'BalancedCoralLoss',
    'Boomda',
    'Classifier',
    'ConcatFusion',
    'CoralLoss',
    'DomainAdversarial',
    'Fusion',
    'FusionClassifier',
    'InformationBottleneckLoss',
    'MatchingPretrainedInit',
    'ModalityProjection',
    'MultimodalBackbone',
    'MultimodalHead',
    'MultimodalRecognizer',
    'Objective',
    'TrainBatch',
    'UnimodalDomainAdversarial',
]
