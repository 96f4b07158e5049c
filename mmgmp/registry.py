# Copyright (c) mmgmp authors.
from mmaction.utils import register_all_modules as register_mmaction
from mmengine.registry import Registry

# Rules that weight task gradients, see mmgmp.optim.Weighting. MMAction2 has no
# registry for them. The scope is the same as for all other types of mmgmp.
WEIGHTINGS = Registry(
    'weighting', scope='mmaction', locations=['mmgmp.optim.weightings']
)


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register the modules of mmgmp and MMAction2 in the registries.

    Importing this function registers those of mmgmp. Notebooks and scripts
    need it if they build modules without a :class:`mmengine.runner.Runner`. A
    config for a runner only needs
    ``custom_imports = dict(imports=['mmgmp'])``.

    Args:
        init_default_scope: Whether to set the default scope to ``mmaction``,
            the scope in which mmgmp registers its modules.
    """
    register_mmaction(init_default_scope)
