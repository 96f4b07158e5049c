# Copyright (c) mmgmp authors.
"""Run a tool of MMAction2 with the fixes of :mod:`mmgmp.compat`.

Most tools read the config first, whose ``custom_imports`` applies the fixes.
This module is for the others, such as ``publish_model.py``, and finds the
tools of an installed MMAction2::

    python -m mmgmp.stock_tool analysis_tools/confusion_matrix.py CONFIG ...
"""

import runpy
import sys
from pathlib import Path

import mmaction

import mmgmp  # noqa: F401, applies the fixes


def tool_folders() -> list[Path]:
    """List where the tools of MMAction2 can be: in a wheel, and in a clone."""
    package = Path(mmaction.__file__).parent
    folders = [package / '.mim/tools', package.parent / 'tools']
    return [folder for folder in folders if folder.is_dir()]


def find_tool(name: str) -> Path:
    """Find a tool.

    Args:
        name: Its path below ``tools``, such as
            ``analysis_tools/get_flops.py``.

    Returns:
        The file.

    Raises:
        FileNotFoundError: There is no such tool. The message lists the tools.
    """
    folders = tool_folders()
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    kinds = ('analysis_tools', 'visualizations', 'deployment', 'misc')
    known = sorted(
        str(path.relative_to(folder))
        for folder in folders
        for kind in kinds
        for path in (folder / kind).glob('*.py')
    )
    raise FileNotFoundError(
        f'MMAction2 has no tool {name!r}; it has {known} and others'
    )


def main() -> None:
    """Run the tool that the command line names, with its arguments."""
    if len(sys.argv) < 2 or sys.argv[1] in ('-h', '--help'):
        sys.exit('usage: python -m mmgmp.stock_tool TOOL [ARGUMENTS]')
    try:
        tool = find_tool(sys.argv[1])
    except FileNotFoundError as error:
        sys.exit(f'stock_tool: error: {error}')
    sys.argv = [str(tool), *sys.argv[2:]]
    # Python adds the folder of a script to the module search path.
    sys.path.insert(0, str(tool.parent))
    runpy.run_path(str(tool), run_name='__main__')


if __name__ == '__main__':
    main()
