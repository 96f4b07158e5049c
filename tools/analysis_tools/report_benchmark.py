# Copyright (c) mmgmp authors.
"""Write the page of results from the rows of one or more plans."""

import argparse
import os
from pathlib import Path

from mmgmp.benchmark.plan import load_plan
from mmgmp.benchmark.report import page_section
from mmgmp.benchmark.results_store import ResultsStore

HEAD = """\
<!-- Written by the command below; do not edit. -->
# Results

Every number and figure on this page is made from the rows in
[docs/results]({link}) by

```shell
{command}
```

[Compare methods](compare.md) says how the runs are made and how to read the
tables. In short: each method has its shipped config, no setting was chosen by
its accuracy on a target, and the weights that are tested are those that are
best on the source domains, unless a table says otherwise.
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
    for path in args.plans:
        plan = load_plan(path)
        frame = ResultsStore(plan.results).read()
        parts.append(page_section(plan, path, frame, figures, link))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text('\n'.join(parts), encoding='utf-8')


if __name__ == '__main__':
    main()
