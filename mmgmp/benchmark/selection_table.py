# Copyright (c) mmgmp authors.
"""How much the rule of selection matters, as a table."""

import pandas as pd
from tabulate import tabulate

from .cells import LEFT_OUT, escape_markdown, estimate_cell
from .collect import compare_plan
from .plan import Plan
from .scores import SELECTIONS


def recorded_selections(frame: pd.DataFrame) -> list[str]:
    """Rules of selection that rows were recorded for, in a fixed order."""
    return [rule for rule in SELECTIONS if (frame['selection'] == rule).any()]


def selection_table(
    plan: Plan, frame: pd.DataFrame, selections: list[str]
) -> str:
    """Mean over the targets by each rule of selection.

    Args:
        plan: The plan.
        frame: Rows of :meth:`ResultsStore.read`.
        selections: Rules, see :func:`recorded_selections`.

    Returns:
        Markdown: a row per method, a column per rule, and what the rules are.
    """
    columns = {}
    for rule in selections:
        methods = compare_plan(plan, frame, rule).methods
        columns[rule] = {
            label: estimate_cell(method.mean) if method.complete else LEFT_OUT
            for label, method in methods.items()
        }
    table = tabulate(
        [
            [
                escape_markdown(label),
                *(columns[rule][label] for rule in columns),
            ]
            for label in plan.methods
        ],
        headers=['Method', *columns],
        tablefmt='pipe',
        disable_numparse=True,
        colalign=['left', *['right'] * len(columns)],
    )
    return '\n'.join(
        [
            '**Rules of selection: mean over the targets in percent, ± '
            'standard deviation over the seeds.**',
            '',
            table,
            '',
            *(
                f'- {rule}: {SELECTIONS[rule].removeprefix(f"{rule}: ")}.'
                for rule in selections
            ),
            '',
        ]
    )
