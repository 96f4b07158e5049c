# Copyright (c) mmgmp authors.
from .ratio_plot import plot_ratios
from .training_log import discrepancy_ratios, read_training_log

__all__ = ['discrepancy_ratios', 'plot_ratios', 'read_training_log']
