# Copyright (c) mmgmp authors.
"""Write the results page from the stored rows of one or more plans."""

import argparse
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from mmgmp.utils import one_line_errors
from mmgmp.utils.atomic_local_backend import AtomicLocalBackend

MARK = '<!-- Written by the command below; do not edit. -->'
HEAD = f"""\
{MARK}
# Results

This command computes every number and figure on this page from the rows in
[docs/results]({{link}}):

```shell
{{command}}
```

[Compare methods](compare.md) explains how to make the runs and how to read the
tables. In short: each method uses its shipped config, no setting was chosen by
its accuracy on a target, and the tested weights have the highest validation
accuracy on the source domains, unless a table says otherwise.
"""


def check_out(path: Path) -> None:
    """Check that a page can be written without loss.

    Raises:
        ValueError: The path is a folder, a link, or a file other than such a
            page.
    """
    if path.is_symlink():
        reason = 'is a link'
    elif path.is_dir():
        reason = 'is a folder'
    elif path.exists() and not path.read_bytes().startswith(MARK.encode()):
        reason = f'does not begin with {MARK!r}, so this tool did not write it'
    else:
        return
    raise ValueError(f'--out {path} {reason}: choose another file')


def write_page(plans: Sequence[str], out: Path) -> None:
    """Write the page and its figures.

    Args:
        plans: YAML files.
        out: The page.
    """
    # These import PyTorch, which `--help` does without.
    from mmgmp.benchmark.plan import load_plan
    from mmgmp.benchmark.preflight import check_configs
    from mmgmp.benchmark.report import page_section
    from mmgmp.benchmark.results import Results

    check_out(out)
    figures = out.parent / 'results'
    link = os.path.relpath(figures, out.parent)
    command = 'python tools/analysis_tools/report_benchmark.py'
    command += ''.join(f' \\\n    {shlex.quote(plan)}' for plan in plans)
    parts = [HEAD.format(link=link, command=command)]
    loaded = [load_plan(path) for path in plans]
    names = [plan.name for plan in loaded]
    if len(set(names)) < len(names):
        raise ValueError(
            f'the plans have the names {names}: each needs a name of its own, '
            'because the figures are named after them'
        )
    for plan in loaded:
        check_configs(plan)
    for path, plan in zip(plans, loaded, strict=True):
        results = Results.read(plan)
        parts.append(page_section(results, path, figures, link))
    try:
        AtomicLocalBackend().put_text('\n'.join(parts), out)
    except OSError as error:
        raise ValueError(f'--out cannot be written: {error}') from error


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('plans', nargs='+', help='YAML files')
    parser.add_argument('--out', type=Path, default=Path('docs/benchmark.md'))
    args = parser.parse_args()
    with one_line_errors():
        write_page(args.plans, args.out)


if __name__ == '__main__':
    main()
