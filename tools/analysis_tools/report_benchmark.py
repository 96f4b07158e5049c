# Copyright (c) mmgmp authors.
"""Write the results page from the stored rows of one or more plans."""

import argparse
import os
from pathlib import Path

from mmgmp.benchmark.plan import load_plan
from mmgmp.benchmark.report import page_section
from mmgmp.benchmark.results import Results
from mmgmp.utils import one_line_errors

HEAD = """\
<!-- Written by the command below; do not edit. -->
# Results

This command computes every number and figure on this page from the rows in
[docs/results]({link}):

```shell
{command}
```

[Compare methods](compare.md) explains how to make the runs and how to read the
tables. In short: each method uses its shipped config, no setting was chosen by
its accuracy on a target, and the tested weights have the highest validation
accuracy on the source domains, unless a table says otherwise.
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('plans', nargs='+', help='YAML files')
    parser.add_argument('--out', type=Path, default=Path('docs/benchmark.md'))
    args = parser.parse_args()
    figures = args.out.parent / 'results'
    link = os.path.relpath(figures, args.out.parent)
    command = 'python tools/analysis_tools/report_benchmark.py'
    command += ''.join(f' \\\n    {plan}' for plan in args.plans)
    parts = [HEAD.format(link=link, command=command)]
    with one_line_errors():
        plans = [load_plan(path) for path in args.plans]
    for path, plan in zip(args.plans, plans):
        results = Results.read(plan)
        parts.append(page_section(results, path, figures, link))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text('\n'.join(parts), encoding='utf-8')


if __name__ == '__main__':
    main()
