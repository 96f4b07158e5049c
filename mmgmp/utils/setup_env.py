# Copyright (c) mmgmp authors.
from mmaction.utils import register_all_modules as register_mmaction


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register the modules of mmgmp and of MMAction2 in the registries.

    Importing this function has registered those of mmgmp. It is meant for
    notebooks and scripts that build modules without a
    :class:`mmengine.runner.Runner`; a config that is run needs only
    ``custom_imports = dict(imports=['mmgmp'])``.

    Args:
        init_default_scope: Whether to make ``mmaction``, the scope in which
            mmgmp registers its modules, the default scope.
    """
    register_mmaction(init_default_scope)
