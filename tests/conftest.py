# Copyright (c) mmgmp authors.
"""Every test starts from the same seed, in the scope of mmaction."""

import pytest
from mmengine.runner import set_random_seed

from mmgmp.utils import register_all_modules

register_all_modules()


@pytest.fixture(autouse=True)
def seed():
    set_random_seed(0, deterministic=True)
