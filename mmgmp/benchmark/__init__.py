# Copyright (c) mmgmp authors.
from mmgmp.dependencies import check_extra

check_extra(
    'mmgmp.benchmark',
    'benchmark',
    ('filelock', 'pandas', 'submitit', 'tabulate', 'yaml'),
)
