# Copyright (c) mmgmp authors.
"""Settings of Sphinx: ``sphinx-build docs docs/_build``."""

project = 'mmgmp'
copyright = 'mmgmp authors'
extensions = ['myst_parser']
exclude_patterns = ['_build']
myst_heading_anchors = 3
# Links to files outside docs/ lead somewhere only in the repository.
suppress_warnings = ['myst.xref_missing']
html_theme = 'alabaster'
