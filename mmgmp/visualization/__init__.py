# Copyright (c) mmgmp authors.
from .accuracy_plot import plot_accuracies
from .adaptation_log import adaptation_curves
from .adaptation_plot import plot_adaptation
from .embedding_plot import plot_embedding
from .ratio_plot import plot_ratios
from .sensitivity_plot import plot_sensitivity
from .training_log import discrepancy_ratios, read_training_log
from .tsne import embed_tsne

__all__ = [
    'adaptation_curves',
    'discrepancy_ratios',
    'embed_tsne',
    'plot_accuracies',
    'plot_adaptation',
    'plot_embedding',
    'plot_ratios',
    'plot_sensitivity',
    'read_training_log',
]
