# Copyright (c) mmgmp authors.
"""Checks of the entries of a plan. Each error names the file and the entry."""

from mmgmp.utils.setting import VARIABLES
from mmgmp.utils.suggestion import suggest

MAX_SEED = 2**32 - 1  # NumPy's largest


def check_keys(name: str, found: object, required: set, optional: set) -> None:
    """Check that a mapping has all required and no unknown keys."""
    if not isinstance(found, dict):
        what = 'nothing' if found is None else shorten(found)
        raise ValueError(f'{name} must be a mapping, got {what}')
    missing = sorted(required - set(found))
    unknown = sorted(set(found) - required - optional, key=str)
    if missing or unknown:
        hint = ''.join(suggest(key, required | optional) for key in unknown)
        raise ValueError(
            f'{name} must have {sorted(required)} and may have '
            f'{sorted(optional - required)}; missing {missing}, '
            f'unknown {unknown}{hint}'
        )


def check_name(name: str, value: object) -> None:
    """Check a name that tables show: one line of text."""
    check_text(name, value)
    text = str(value)
    if not text or text != text.strip() or not text.isprintable():
        raise ValueError(
            f'{name} must be one line of text, without blanks around it or '
            f'control characters, got {shorten(value)}'
        )


def check_text(name: str, value: object) -> None:
    """Check text, of any number of lines."""
    if not isinstance(value, str):
        is_scalar = isinstance(value, bool | int | float)
        hint = ', which YAML does not read as text: put it in quotes'
        raise ValueError(
            f'{name} must be text, got {shorten(value)}{hint * is_scalar}'
        )


def check_list(name: str, values: object, kind: type) -> None:
    """Check a list of different integers or texts."""
    if (
        not isinstance(values, list)
        or not values
        or not all(type(value) is kind for value in values)
        or len(set(values)) < len(values)
    ):
        raise ValueError(
            f'{name} must be a list of {kind.__name__} values, at least one '
            f'and each once, got {shorten(values)}'
        )


def check_seeds(name: str, seeds: object) -> None:
    """Check a list of seeds."""
    check_list(name, seeds, int)
    for seed in seeds:  # type: ignore[attr-defined]
        if not 0 <= seed <= MAX_SEED:
            raise ValueError(
                f'{name} must be from 0 to {MAX_SEED}, got {seed}'
            )


def check_chance(name: str, chance: object) -> None:
    """Check the accuracy of random guessing."""
    if type(chance) not in (int, float) or not 0 <= chance <= 1:  # type: ignore[operator]
        raise ValueError(
            f'{name} must be a fraction from 0 to 1, got {shorten(chance)}'
        )


def check_variables(name: str, variables: object) -> None:
    """Check the variables of a plan, a target or a method."""
    if not isinstance(variables, dict) or variables.keys() - VARIABLES.keys():
        unknown = variables if isinstance(variables, dict) else ()
        hint = ''.join(
            suggest(key, VARIABLES) for key in unknown if key not in VARIABLES
        )
        raise ValueError(
            f'{name} must map some of {list(VARIABLES)} to values, got '
            f'{shorten(variables)}{hint}'
        )
    for variable, value in variables.items():
        parts = value if isinstance(value, list) and value else [value]
        if not all(isinstance(x, str | bool | int | float) for x in parts):
            raise ValueError(
                f'{name}: {variable!r} must be text, a number, true, false or '
                f'a list of them, got {shorten(value)}'
            )


def check_overrides(name: str, overrides: object) -> None:
    """Check a mapping from dotted keys to values."""
    if not isinstance(overrides, dict) or not _has_text_keys(overrides):
        raise ValueError(
            f'{name} must map dotted keys of the config, as text, to values, '
            f'got {shorten(overrides)}'
        )


def check_sweep(name: str, sweep: object) -> None:
    """Check a mapping from dotted keys to lists of different values."""
    check_overrides(name, sweep)
    for key, values in sweep.items():  # type: ignore[attr-defined]
        if not isinstance(values, list) or not values:
            raise ValueError(
                f'{name}: {key!r} must have a list of values, got '
                f'{shorten(values)}'
            )
        check_overrides(name, {key: values})
        for index, value in enumerate(values):
            if value in values[:index]:
                raise ValueError(
                    f'{name}: {key!r} has the value {shorten(value)} twice in '
                    f'{shorten(values)}'
                )


def shorten(value: object) -> str:
    """Format a value for a message, with at most 200 characters."""
    text = repr(value)
    return text if len(text) <= 200 else f'{text[:200]}...'


def _has_text_keys(value: object) -> bool:
    if isinstance(value, dict):
        return all(
            isinstance(key, str) and _has_text_keys(inner)
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return all(map(_has_text_keys, value))
    return True
