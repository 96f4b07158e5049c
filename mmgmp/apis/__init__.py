# Copyright (c) mmgmp authors.
from .train_select_test import (
    format_summary,
    mean_summary,
    train_select_test,
)

__all__ = ['format_summary', 'mean_summary', 'train_select_test']
