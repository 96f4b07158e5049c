# Copyright (c) mmgmp authors.
"""The first line of the setting of one's own clips.

It works in a clone and with an installed wheel, in any folder.
"""

from .setting import configs_folder
from .suggestion import suggest


def encoders(name: str) -> str:
    """Find the config from which a setting of one's own clips inherits.

    Args:
        name: Name of a file in ``configs/_base_/clips`` without ``.py``:
            ``'small'``, or ``'pretrained'`` for the published encoders.

    Returns:
        Path for ``_base_`` of the setting.

    Raises:
        ValueError: The name is unknown; the message lists the names.
    """
    folder = configs_folder() / '_base_' / 'clips'
    names = sorted(path.stem for path in folder.glob('*.py'))
    if name not in names:
        raise ValueError(
            f'the encoders must be one of {names}, got {name!r}'
            f'{suggest(name, names)}'
        )
    return str(folder / f'{name}.py')
