# Copyright (c) mmgmp authors.
"""Cells of CSV files that a spreadsheet does not run as a formula."""

import re
from collections.abc import Iterable
from typing import Any

# Beginnings that spreadsheets take for a formula, after
# https://owasp.org/www-community/attacks/CSV_Injection, with the quotes that
# `guard_cell` may have added and the blanks that some programs strip.
_FORMULA = re.compile(r"['\s]*[=+\-@＝＋－＠]|'*[\t\r\n]")  # noqa: RUF001


def guard_cell(value: Any) -> Any:
    """Put a quote before text that a spreadsheet would run as a formula.

    Numbers, also as text (``'-1.5'``), and all other values are unchanged.

    Args:
        value: Value of a cell.

    Example:
        >>> [guard_cell(v) for v in ('=A1', '-x', '-1.5', -2, 'a=b', None)]
        ["'=A1", "'-x", '-1.5', -2, 'a=b', None]
    """
    if (
        isinstance(value, str)
        and _FORMULA.match(value)
        and not _is_number(value)
    ):
        return f"'{value}"
    return value


def unguard_cell(text: str) -> str:
    """Undo :func:`guard_cell`.

    Example:
        >>> [unguard_cell(v) for v in ("'=A1", '-1.5', "it's", "'tis")]
        ['=A1', '-1.5', "it's", "'tis"]
    """
    if text.startswith("'") and _FORMULA.match(text[1:]):
        return text[1:]
    return text


def guard_row(values: Iterable[Any]) -> list:
    """Apply :func:`guard_cell` to the cells of a row."""
    return [guard_cell(value) for value in values]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
