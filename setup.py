# Copyright (c) mmgmp authors.
"""Add to pyproject.toml what depends on files: ``mmgmp/.mim`` and links."""

import os
import re
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
MIM_FOLDERS = ('configs', 'tools')
MIM_FILES = ('model-index.yml',)
# Web address of the source tree of the release, such as
# https://HOST/OWNER/mmgmp/blob/v0.1.0. It is set when a release is built.
SOURCE_URL = os.environ.get('MMGMP_SOURCE_URL', '').rstrip('/')
RELATIVE_LINK = re.compile(r'(!?)\[([^\]]+)\]\((?![a-z]+:|#)([^)]+)\)')


class BuildPyWithMim(build_py):
    """Copy the configs and tools, which ``mim`` looks for, into the package.

    They are copied into the build folder, so the source tree does not change.
    An editable installation has no copies, so ``mim`` finds no configs there.
    """

    def run(self) -> None:
        """Run the command."""
        super().run()
        if self.editable_mode:
            return
        mim = Path(self.build_lib, 'mmgmp', '.mim')
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        ignore = shutil.ignore_patterns('__pycache__')
        for name in MIM_FOLDERS:
            shutil.copytree(ROOT / name, mim / name, ignore=ignore)
        for name in MIM_FILES:
            shutil.copyfile(ROOT / name, mim / name)


def long_description() -> str:
    """Read the README for the package index, which has no other files.

    Relative links get the address of the source tree, or become plain text
    without one.
    """
    link = rf'\1[\2]({SOURCE_URL}/\3)' if SOURCE_URL else r'\2'
    text = ROOT.joinpath('README.md').read_text('utf-8')
    return RELATIVE_LINK.sub(link, text)


setup(
    cmdclass={'build_py': BuildPyWithMim},
    long_description=long_description(),
    long_description_content_type='text/markdown',
    project_urls=dict(Source=SOURCE_URL) if SOURCE_URL else {},
)
