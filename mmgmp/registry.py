# Copyright (c) mmgmp authors.
"""Registry of what MMAction2 has none for."""

from mmengine.registry import Registry

# Rules that weigh task gradients, see mmgmp.optim.Weighting. In the scope of
# MMAction2, as everything else that mmgmp registers.
WEIGHTINGS = Registry(
    'weighting', scope='mmaction', locations=['mmgmp.optim.weightings']
)
