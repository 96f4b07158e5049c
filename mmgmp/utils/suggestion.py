# Copyright (c) mmgmp authors.
from collections.abc import Iterable
from difflib import get_close_matches


def suggest(name: object, known: Iterable[object]) -> str:
    """Return the end of an error message about an unknown name.

    Args:
        name: What was given.
        known: What exists.

    Returns:
        The most similar known names, or nothing if none is similar.

    Example:
        >>> suggest('humn', ['human', 'animal'])
        "; did you mean 'human'?"
        >>> suggest('x', ['human'])
        ''
    """
    names = {str(x).casefold(): str(x) for x in known}
    close = get_close_matches(str(name).casefold(), names)
    similar = ' or '.join(repr(names[x]) for x in close)
    return f'; did you mean {similar}?' if close else ''
