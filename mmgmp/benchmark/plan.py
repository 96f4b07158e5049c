# Copyright (c) mmgmp authors.
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from mmgmp.utils.setting import VARIABLES

from .run import Run

REQUIRED = {'results', 'targets', 'seeds', 'methods'}
OPTIONAL = {'title', 'note', 'baseline', 'chance', 'smoke', 'variables'}
METHOD_KEYS = {'config', 'overrides', 'sweep', 'variables'}
SMOKE_KEYS = {'targets', 'seeds', 'methods', 'overrides'}


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        label: Its name.
        config: Config file.
        overrides: Settings in place of the config's, by dotted key.
        varied: Label of the method that is varied, key and value, if this is
            a row of a sweep.
        variables: What the config reads, in place of the plan's, such as the
            modalities.
    """

    label: str
    config: str
    overrides: dict = field(default_factory=dict)
    varied: tuple | None = None
    variables: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a benchmark compares: methods x targets x seeds.

    Attributes:
        name: Stem of the plan's file.
        results: CSV file of the results, which plans may share.
        targets: Name of each target -> the variables that it sets.
        seeds: Seeds of each method on each target.
        methods: Methods by label.
        baseline: Label of the method that the others are compared with.
        title: Heading of the table.
        note: Sentence for the report, such as that a plan was not run.
        chance: Accuracy of guessing, in [0, 1].
        variables: What all configs read, such as the data set; see
            :data:`mmgmp.utils.setting.VARIABLES`.
    """

    name: str
    results: Path
    targets: dict[str, dict]
    seeds: tuple[int, ...]
    methods: dict[str, Method]
    baseline: str | None = None
    title: str = ''
    note: str = ''
    chance: float | None = None
    variables: dict = field(default_factory=dict)

    def runs(self) -> list[Run]:
        """All runs, seed by seed, so that early rows cover all methods."""
        return [
            Run(
                method.label,
                method.config,
                target,
                seed,
                method.overrides,
                {**self.variables, **variables, **method.variables},
            )
            for seed in self.seeds
            for target, variables in self.targets.items()
            for method in self.methods.values()
        ]

    def swept(self, sweeps: dict[str, list]) -> 'Plan':
        """Vary settings of all methods but the baseline, one at a time.

        Args:
            sweeps: Dotted key of a config -> values.

        Returns:
            A plan that holds, after the methods, one for each of them, key
            and value.
        """
        methods = dict(self.methods)
        for label, method in self.methods.items():
            if label != self.baseline:
                for variant in _variants(method, sweeps):
                    methods[variant.label] = variant
        return replace(self, methods=methods)


def load_plan(path: str | Path, smoke: bool = False) -> Plan:
    """Read a plan.

    Args:
        path: YAML file with ``results``, ``targets`` (a list of domains, or
            name -> variables), ``seeds``, ``methods`` (label -> ``config``,
            ``variables``, ``overrides``, ``sweep``) and, if wanted,
            ``variables``, ``baseline``, ``title``, ``note``, ``chance`` and
            ``smoke``.
        smoke: Whether to replace what the plan's ``smoke`` names: ``targets``,
            ``seeds``, ``methods`` (labels to keep), ``overrides`` (of all
            methods). Its results go to ``work_dirs``.

    Returns:
        The plan; a method with ``sweep`` (key -> values) is followed by one
        method for each key and value, all else equal.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is no YAML mapping, or an entry is missing,
            unknown or of the wrong kind; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'there is no plan {path}')
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is no YAML file: {error}') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path} must be a mapping, got {content!r}')
    _check_keys(path, 'plan', content, REQUIRED, OPTIONAL)
    _check_lists(path, content)
    _check_variables(path, 'the plan', content.get('variables') or {})
    _check_overlap(path, 'the plan', content, content)
    methods = {}
    for label, entry in content['methods'].items():
        _check_overlap(path, f'method {label!r}', entry, content)
        for method in _read_method(path, label, entry):
            methods[method.label] = method
    reduced = content.get('smoke')
    if smoke:
        if reduced is None:
            raise ValueError(f'{path} has no `smoke` entry to reduce it by')
        _check_keys(path, 'smoke', reduced, set(), SMOKE_KEYS)
        methods = _reduced(path, methods, reduced)
        content.update(
            {
                key: reduced[key]
                for key in ('targets', 'seeds')
                if key in reduced
            },
            results=f'work_dirs/benchmark/{path.stem}-smoke/results.csv',
        )
        _check_lists(path, content)
    baseline = content.get('baseline')
    if baseline is not None and baseline not in methods:
        raise ValueError(
            f'{path}: `baseline` must be one of the methods '
            f'{list(methods)}, got {baseline!r}'
        )
    return Plan(
        name=f'{path.stem}-smoke' if smoke else path.stem,
        results=Path(content['results']),
        targets=_read_targets(content['targets']),
        seeds=tuple(content['seeds']),
        methods=methods,
        baseline=baseline,
        title=content.get('title', path.stem),
        note=content.get('note', ''),
        chance=content.get('chance'),
        variables=content.get('variables') or {},
    )


def _read_method(path: Path, label: str, entry: dict) -> list[Method]:
    """A method, and the methods of its sweep."""
    if not isinstance(entry, dict):
        raise ValueError(
            f'{path}: method {label!r} must be a mapping with `config`, got '
            f'{entry!r}'
        )
    _check_keys(path, f'method {label!r}', entry, {'config'}, METHOD_KEYS)
    method = Method(
        label,
        entry['config'],
        entry.get('overrides') or {},
        variables=entry.get('variables') or {},
    )
    _check_variables(path, f'method {label!r}', method.variables)
    return [method, *_variants(method, entry.get('sweep') or {})]


def _variants(method: Method, sweeps: dict[str, Sequence]) -> list[Method]:
    return [
        Method(
            f'{method.label}, {key.rpartition(".")[2]}={value}',
            method.config,
            {**method.overrides, key: value},
            (method.label, key, value),
            method.variables,
        )
        for key, values in sweeps.items()
        for value in values
    ]


def _reduced(
    path: Path, methods: dict[str, Method], reduced: dict
) -> dict[str, Method]:
    labels = reduced.get('methods', list(methods))
    unknown = [label for label in labels if label not in methods]
    if unknown:
        raise ValueError(
            f'{path}: `smoke` keeps the methods {unknown}, which are not '
            f'among {list(methods)}'
        )
    more = reduced.get('overrides') or {}
    return {
        label: replace(
            methods[label], overrides={**methods[label].overrides, **more}
        )
        for label in labels
    }


def _check_keys(
    path: Path, name: str, found: dict, required: set, optional: set
) -> None:
    missing, unknown = required - set(found), set(found) - required - optional
    if missing or unknown:
        raise ValueError(
            f'{path}: {name} must have {sorted(required)} and may have '
            f'{sorted(optional - required)}; missing {sorted(missing)}, '
            f'unknown {sorted(unknown)}'
        )


def _read_targets(targets: list | dict) -> dict[str, dict]:
    """Variables of each target; a target in a list is its domain."""
    if isinstance(targets, list):
        return {target: dict(target=target) for target in targets}
    return targets


def _check_overlap(path: Path, name: str, entry: dict, content: dict) -> None:
    """Refuse a variable that would take the place of a target's."""
    of_targets = {
        variable
        for variables in _read_targets(content['targets']).values()
        for variable in variables
    }
    variables = entry.get('variables') if isinstance(entry, dict) else None
    if isinstance(variables, dict) and variables.keys() & of_targets:
        raise ValueError(
            f'{path}: `variables` of {name} sets '
            f'{sorted(variables.keys() & of_targets)}, which `targets` set: '
            'name the targets there'
        )


def _check_variables(path: Path, name: str, variables: dict) -> None:
    if not isinstance(variables, dict) or variables.keys() - VARIABLES.keys():
        raise ValueError(
            f'{path}: `variables` of {name} must map some of '
            f'{list(VARIABLES)} to values, got {variables!r}'
        )


def _check_lists(path: Path, content: dict) -> None:
    if isinstance(content['targets'], dict) and content['targets']:
        for name, variables in content['targets'].items():
            _check_variables(path, f'target {name!r}', variables)
    else:
        _check_list(path, 'targets', content['targets'], str)
    _check_list(path, 'seeds', content['seeds'], int)
    if not isinstance(content['methods'], dict) or not content['methods']:
        raise ValueError(
            f'{path}: `methods` must map labels to methods, got '
            f'{content["methods"]!r}'
        )


def _check_list(path: Path, key: str, values: list, kind: type) -> None:
    if (
        not isinstance(values, list)
        or not values
        or not all(type(value) is kind for value in values)
        or len(set(values)) < len(values)
    ):
        raise ValueError(
            f'{path}: `{key}` must list different {kind.__name__} values, at '
            f'least one, got {values!r}'
        )
