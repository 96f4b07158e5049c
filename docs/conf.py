# Copyright (c) mmgmp authors.
"""Settings of Sphinx: ``sphinx-build docs docs/_build``."""

import re

from sphinx.addnodes import pending_xref

project = 'mmgmp'
copyright = 'mmgmp authors'
extensions = ['myst_parser']
exclude_patterns = ['_build']
myst_heading_anchors = 3
# Links to files outside docs/ lead somewhere only in the repository.
suppress_warnings = ['myst.xref_missing']
html_theme = 'alabaster'

# README of the repository -> page that includes it.
PAGES = {
    r'.*/configs/(\w+)/README': r'methods/\1',
    r'.*/tools/data/(\w+)/README': r'data/\1',
}


def link_pages(app, doctree):
    """Lead links to a README to the page that includes it."""
    for node in doctree.findall(pending_xref):
        for readme, page in PAGES.items():
            node['reftarget'] = re.sub(readme, page, node['reftarget'])


def setup(app):
    """Connect to Sphinx."""
    app.connect('doctree-read', link_pages)
