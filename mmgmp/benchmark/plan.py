# Copyright (c) mmgmp authors.
"""The plan of a benchmark: which methods run on which targets and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
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
        label: Name of the row.
        config: Config file.
        overrides: Settings that replace the config's, by dotted key.
        varied: For a row of a sweep: label of the method whose setting is
            varied, key and value of the setting.
        variables: Variables that replace the plan's, such as the modalities.
    """

    label: str
    config: str
    overrides: dict = field(default_factory=dict)
    varied: tuple | None = None
    variables: dict = field(default_factory=dict)

    def variants(self, sweeps: Mapping[str, Sequence]) -> list['Method']:
        """Create one method for each key and value, with all else equal."""
        return [
            Method(
                f'{self.label}, {key.rpartition(".")[2]}={value}',
                self.config,
                {**self.overrides, key: value},
                (self.label, key, value),
                self.variables,
            )
            for key, values in sweeps.items()
            for value in values
        ]


@dataclass(frozen=True)
class Plan:
    """What a benchmark compares: methods x targets x seeds.

    Attributes:
        name: Stem of the plan's file.
        results: CSV file of the results. Plans may share it.
        targets: Name of each target -> the variables that it sets.
        seeds: Seeds of each method on each target.
        methods: Methods by label.
        baseline: Label of the method to compare the others with.
        title: Heading of the table.
        note: Sentence for the report, such as the reason why a plan was not
            run.
        chance: Accuracy of random guessing, in [0, 1].
        variables: Variables of all configs, such as the data set; see
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

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, seed by seed, so that early rows cover all methods."""
        return tuple(
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
        )

    def swept(self, sweeps: Mapping[str, Sequence]) -> 'Plan':
        """Vary settings of all methods but the baseline, one at a time.

        Args:
            sweeps: Dotted key of a config -> values.

        Returns:
            A plan with one more method for each method, key and value.
        """
        methods = dict(self.methods)
        for label, method in self.methods.items():
            if label != self.baseline:
                for variant in method.variants(sweeps):
                    methods[variant.label] = variant
        return replace(self, methods=methods)


def load_plan(path: str | Path, smoke: bool = False) -> Plan:
    """Read a plan.

    Args:
        path: YAML file with ``results``, ``targets`` (a list of domains, or
            name -> variables), ``seeds`` and ``methods`` (label ->
            ``config``, ``variables``, ``overrides``, ``sweep``), and
            optionally ``variables``, ``baseline``, ``title``, ``note``,
            ``chance`` and ``smoke``.
        smoke: Whether to reduce the plan by its ``smoke`` entry: ``targets``,
            ``seeds``, ``methods`` (labels to keep) and ``overrides`` (of all
            methods). The results then go to ``work_dirs``.

    Returns:
        The plan. A method with ``sweep`` (key -> values) is followed by one
        method for each key and value, with all else equal.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The file is not a YAML mapping, or an entry is missing,
            unknown or of the wrong type; the message names it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f'plan {path} does not exist')
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is not a YAML file: {error}') from error
    _check_keys(f'{path}: plan', content, REQUIRED, OPTIONAL)
    targets = _read_targets(path, content['targets'])
    variables = _read_variables(f'{path}: the plan', content, targets)
    if not isinstance(content['methods'], dict) or not content['methods']:
        raise ValueError(
            f'{path}: `methods` must map labels to methods, got '
            f'{content["methods"]!r}'
        )
    methods = {}
    for label, entry in content['methods'].items():
        name = f'{path}: method {label!r}'
        _check_keys(name, entry, {'config'}, METHOD_KEYS)
        method = Method(
            label,
            entry['config'],
            entry.get('overrides') or {},
            variables=_read_variables(name, entry, targets),
        )
        for row in [method, *method.variants(entry.get('sweep') or {})]:
            methods[row.label] = row
    if smoke:
        content, methods = _reduce(path, content, methods)
        targets = _read_targets(path, content['targets'])
    _check_list(path, 'seeds', content['seeds'], int)
    baseline = content.get('baseline')
    if baseline is not None and baseline not in methods:
        raise ValueError(
            f'{path}: `baseline` must be one of the methods '
            f'{list(methods)}, got {baseline!r}'
        )
    return Plan(
        name=f'{path.stem}-smoke' if smoke else path.stem,
        results=Path(content['results']),
        targets=targets,
        seeds=tuple(content['seeds']),
        methods=methods,
        baseline=baseline,
        title=content.get('title', path.stem),
        note=content.get('note', ''),
        chance=content.get('chance'),
        variables=variables,
    )


def _read_targets(path: Path, targets: list | dict) -> dict[str, dict]:
    """Read the variables of each target. A target in a list is a domain."""
    if not isinstance(targets, dict) or not targets:
        _check_list(path, 'targets', targets, str)
        return {target: dict(target=target) for target in targets}
    for name, variables in targets.items():
        _check_variables(f'{path}: `variables` of target {name!r}', variables)
    return targets


def _read_variables(name: str, entry: dict, targets: dict[str, dict]) -> dict:
    """Read variables of the plan or a method, which targets must not set."""
    variables = entry.get('variables') or {}
    _check_variables(f'{name}: `variables`', variables)
    taken = variables.keys() & {key for t in targets.values() for key in t}
    if taken:
        raise ValueError(
            f'{name}: `variables` sets {sorted(taken)}, which `targets` also '
            'sets: remove them from `variables`'
        )
    return variables


def _reduce(
    path: Path, content: dict, methods: dict[str, Method]
) -> tuple[dict, dict[str, Method]]:
    """Apply the `smoke` entry."""
    smoke = content.get('smoke')
    if smoke is None:
        raise ValueError(f'{path} has no `smoke` entry, which --smoke needs')
    _check_keys(f'{path}: smoke', smoke, set(), SMOKE_KEYS)
    labels = smoke.get('methods', list(methods))
    unknown = [label for label in labels if label not in methods]
    if unknown:
        raise ValueError(
            f'{path}: `smoke` keeps the methods {unknown}, which are not '
            f'among {list(methods)}'
        )
    replaced = {k: smoke[k] for k in ('targets', 'seeds') if k in smoke}
    results = f'work_dirs/benchmark/{path.stem}-smoke/results.csv'
    overrides = smoke.get('overrides') or {}
    kept = {
        label: replace(
            methods[label],
            overrides={**methods[label].overrides, **overrides},
        )
        for label in labels
    }
    return {**content, **replaced, 'results': results}, kept


def _check_keys(name: str, found: dict, required: set, optional: set) -> None:
    if not isinstance(found, dict):
        raise ValueError(f'{name} must be a mapping, got {found!r}')
    missing, unknown = required - set(found), set(found) - required - optional
    if missing or unknown:
        raise ValueError(
            f'{name} must have {sorted(required)} and may have '
            f'{sorted(optional - required)}; missing {sorted(missing)}, '
            f'unknown {sorted(unknown)}'
        )


def _check_variables(name: str, variables: dict) -> None:
    if not isinstance(variables, dict) or variables.keys() - VARIABLES.keys():
        raise ValueError(
            f'{name} must map some of {list(VARIABLES)} to values, got '
            f'{variables!r}'
        )


def _check_list(path: Path, key: str, values: object, kind: type) -> None:
    if (
        not isinstance(values, list)
        or not values
        or not all(type(value) is kind for value in values)
        or len(set(values)) < len(values)
    ):
        raise ValueError(
            f'{path}: `{key}` must be a list of {kind.__name__} values, at '
            f'least one and each once, got {values!r}'
        )
