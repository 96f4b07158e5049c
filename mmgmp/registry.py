# Copyright (c) mmgmp authors.
from importlib import import_module
from types import ModuleType

from mmengine.registry import Registry
from wrapt import register_post_import_hook

# Rules that weight task gradients, see mmgmp.optim.Weighting. MMAction2 has no
# registry for them. The scope is the same as for all other types of mmgmp.
WEIGHTINGS = Registry(
    'weighting', scope='mmaction', locations=['mmgmp.optim.weightings']
)

# Registry of MMAction2 -> packages that add types to it.
PACKAGES = dict(
    DATASETS=('mmgmp.datasets',),
    DATA_SAMPLERS=('mmgmp.datasets',),
    TRANSFORMS=('mmgmp.datasets',),
    MODELS=('mmgmp.models', 'mmgmp.released.models'),
    WEIGHT_INITIALIZERS=('mmgmp.models',),
    OPTIM_WRAPPERS=('mmgmp.optim',),
    HOOKS=('mmgmp.engine',),
    LOG_PROCESSORS=('mmgmp.engine',),
    METRICS=('mmgmp.evaluation',),
    INFERENCERS=('mmgmp.apis',),
)


def extend_registries() -> None:
    """Let the registries of MMAction2 find the types of mmgmp.

    A registry imports its locations when a type is first looked up in it.
    MMAction2 takes several seconds to import, so this function waits for it.
    """
    register_post_import_hook(_add_locations, 'mmaction.registry')
    # Its confusion matrix has to read the predictions of mmgmp, also if a
    # config names the class itself instead of looking it up.
    register_post_import_hook(
        lambda _: import_module('mmgmp.evaluation'), 'mmaction.evaluation'
    )


def _add_locations(registries: ModuleType) -> None:
    for name, packages in PACKAGES.items():
        registry = getattr(registries, name)
        registry._locations.extend(packages)
        # It may have been used before mmgmp was imported.
        registry._imported = False


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register the modules of mmgmp and MMAction2 in the registries.

    Notebooks and scripts need it if they build modules without a
    :class:`mmengine.runner.Runner`. A config for a runner only needs
    ``custom_imports = dict(imports=['mmgmp'])``.

    Args:
        init_default_scope: Whether to set the default scope to ``mmaction``,
            the scope in which mmgmp registers its modules.
    """
    from mmaction.utils import register_all_modules as register_mmaction

    register_mmaction(init_default_scope)
    for packages in PACKAGES.values():
        for name in packages:
            import_module(name)
