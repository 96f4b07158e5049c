# Copyright (c) mmgmp authors.
"""The classes and domains of some clips."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from .table import Clip


def class_names(clips: Iterable[Clip]) -> tuple[str, ...]:
    """List the classes of some clips in alphabetical order."""
    return tuple(sorted({clip.label for clip in clips} - {''}))


def domain_names(clips: Iterable[Clip]) -> tuple[str, ...]:
    """List the domains of some clips in alphabetical order."""
    return tuple(sorted({clip.domain for clip in clips}))


def missing_classes(clips: Sequence[Clip]) -> dict[str, list[str]]:
    """Find classes without a clip in a domain.

    Returns:
        Domain -> classes of other domains that it lacks. A domain without any
        label is left out.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        if clip.label:
            found[clip.domain].add(clip.label)
    return {
        domain: [name for name in class_names(clips) if name not in classes]
        for domain, classes in sorted(found.items())
        if len(classes) < len(class_names(clips))
    }
