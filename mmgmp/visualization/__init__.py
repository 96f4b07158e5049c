# Copyright (c) mmgmp authors.
from .accuracy import plot_accuracies
from .confusion import plot_confusion
from .curves import plot_curves
from .embedding import embed_tsne, plot_embedding
from .logs import read_training_log
from .sensitivity import plot_sensitivity

__all__ = [
    'embed_tsne',
    'plot_accuracies',
    'plot_confusion',
    'plot_curves',
    'plot_embedding',
    'plot_sensitivity',
    'read_training_log',
]
