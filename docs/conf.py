# Copyright (c) mmgmp authors.
"""Sphinx configuration: ``sphinx-build -W -n docs docs/_build``."""

import os
import re
from pathlib import Path
from pydoc import locate

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import get_node_source, make_refnode

from mmgmp import __version__

project = 'mmgmp'
copyright = 'mmgmp authors'
version = release = __version__
extensions = [
    # Reads Markdown with MyST, and notebooks.
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.mathjax',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
    'sphinx_design',
]
exclude_patterns = ['_build', '**.ipynb_checkpoints']

# The outputs in the notebooks are shown as they are.
nb_execution_mode = 'off'
myst_enable_extensions = ['colon_fence', 'dollarmath']
myst_heading_anchors = 3

autodoc_default_options = {
    'members': True,
    'member-order': 'bysource',
    'show-inheritance': True,
}
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

# The build needs no network, so it has no inventories of other projects: their
# types are shown as plain text. Every name of this package must resolve.
nitpicky = True
nitpick_ignore_regex = [(r'py:.*', r'(?!mmgmp\b)[a-z_]\w*\..*')]

toc_object_entries_show_parents = 'hide'

html_theme = 'furo'
html_title = f'mmgmp {version}'
html_theme_options = dict(
    light_css_variables={
        'color-brand-primary': '#0f766e',
        'color-brand-content': '#0f766e',
        'color-brand-visited': '#0f766e',
    },
    dark_css_variables={
        'color-brand-primary': '#5eead4',
        'color-brand-content': '#5eead4',
        'color-brand-visited': '#5eead4',
    },
)
html_static_path = ['_static']
html_css_files = ['custom.css']

ROOT = Path(__file__).parents[1]
# Files of the repository that a page includes -> that page.
PAGES = {
    r'configs/(\w+)/README\.md': r'methods/\1',
    r'tools/data/(\w+)/README\.md': r'data/\1',
    r'tools/model_converters/README\.md': 'converters',
    r'README\.md': 'index',
    r'CHANGELOG\.md': 'changelog',
    r'CONTRIBUTING\.md': 'contributing',
    r'docs/(.+)\.(?:md|ipynb)': r'\1',
}


def resolve_links(app: Sphinx, doctree: nodes.document) -> None:
    """Resolve links as GitHub does: from the file in which they are written.

    A link to a file that a page includes leads to the page, a link to another
    file downloads it, and a link to a folder is shown as text. Sphinx reports
    a link to anything else.
    """
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for node in list(doctree.findall(pending_xref)):
        if node['reftype'] != 'myst':
            continue
        target, anchor = node['reftarget'], node.get('reftargetid')
        if node['refdomain'] == 'doc':
            if target in app.env.found_docs:
                continue
            path = Path(app.srcdir, f'{target}.md').resolve()
        else:
            target, _, anchor = target.partition('#')
            path = Path(node.source).parent.joinpath(target).resolve()
        if not (path.exists() and path.is_relative_to(ROOT)):
            continue
        name = path.relative_to(ROOT).as_posix()
        pages = [
            match.expand(page)
            for pattern, page in PAGES.items()
            if (match := re.fullmatch(pattern, name))
        ]
        if pages:
            node['refdomain'] = 'doc'
            node['reftarget'] = pages[0]
            node['reftargetid'] = anchor or None
        elif path.is_dir():
            node.replace_self(node.children)
        else:
            node.replace_self(
                download_reference(
                    '',
                    '',
                    *node.children,
                    reftarget=os.path.relpath(path, folder),
                    refdoc=app.env.docname,
                    refexplicit=True,
                )
            )


def resolve_names(
    app: Sphinx,
    env: BuildEnvironment,
    node: pending_xref,
    text: nodes.TextElement,
) -> nodes.Node | None:
    """Resolve a name in a docstring as Python would, from where it is written.

    An object that a page describes is linked, and an internal one is shown as
    code. A name that does not exist, or that is ambiguous, is reported.
    """
    if node.get('refdomain') != 'py':
        return None
    target = node['reftarget']
    documented = env.get_domain('py').objects
    scope = get_node_source(node).partition('docstring of ')[2].split('.')
    for n in range(len(scope), -1, -1):
        name = '.'.join([*scope[:n], target])
        found = locate(name) if name.startswith('mmgmp.') else None
        if found is not None:
            where = getattr(found, '__module__', None)
            path = f'{where}.{getattr(found, "__qualname__", None)}'
            pages = {documented[path][:2]} if path in documented else set()
            break
    else:
        suffix = f'.{target}'
        pages = {e[:2] for p, e in documented.items() if p.endswith(suffix)}
        if len(pages) != 1:
            return None
    for page, anchor in pages:
        return make_refnode(app.builder, node['refdoc'], page, anchor, text)
    return text


def skip_fields(
    app: Sphinx, kind: str, name: str, member: object, *args: object
) -> bool | None:
    """Skip the fields of a named tuple, which its docstring describes."""
    return True if type(member).__name__ == '_tuplegetter' else None


def setup(app: Sphinx) -> None:
    """Connect to Sphinx, before it collects the files to download."""
    app.connect('doctree-read', resolve_links, priority=400)
    app.connect('missing-reference', resolve_names)
    app.connect('autodoc-skip-member', skip_fields)
