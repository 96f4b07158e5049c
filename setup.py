# Copyright (c) mmgmp authors.
"""Add ``mmgmp/.mim`` to a built package; pyproject.toml has the rest."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
MIM_FOLDERS = ('configs', 'tools')
MIM_FILES = ('model-index.yml',)


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


setup(cmdclass={'build_py': BuildPyWithMim})
