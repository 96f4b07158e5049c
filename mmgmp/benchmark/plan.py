# Copyright (c) mmgmp authors.
"""The plan of a benchmark: which methods run on which targets and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from mmgmp.datasets.files import nfc
from mmgmp.utils.suggestion import suggest

from .plan_checks import (
    check_chance,
    check_keys,
    check_list,
    check_name,
    check_overrides,
    check_seeds,
    check_sweep,
    check_text,
    check_variables,
    shorten,
)
from .plan_file import read_plan_file
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
        source: File of the plan, for errors.
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
    source: str = 'plan'

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

        Raises:
            ValueError: `sweeps` has a value twice, or two methods would have
                the same label.
        """
        check_sweep('--sweep', sweeps)
        methods = dict(self.methods)
        for label, method in self.methods.items():
            if label != self.baseline:
                _add(methods, method.variants(sweeps), self.source)
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
        ValueError: The file is not a YAML mapping or has a key twice, or an
            entry is missing, unknown, of the wrong type or impossible; the
            message names it. The configs are not read.
    """
    path = Path(path)
    content: dict = read_plan_file(path)  # type: ignore[assignment]
    check_keys(f'{path}: plan', content, REQUIRED, OPTIONAL)
    targets = _read_targets(path, content['targets'])
    variables = _read_variables(f'{path}: the plan', content, targets)
    if not isinstance(content['methods'], dict) or not content['methods']:
        raise ValueError(
            f'{path}: `methods` must map labels to methods, got '
            f'{shorten(content["methods"])}'
        )
    methods: dict[str, Method] = {}
    for label, entry in content['methods'].items():
        _add(methods, _read_method(path, label, entry, targets), path)
    if smoke:
        content, methods = _reduce(path, content, methods)
        targets = _read_targets(path, content['targets'])
    check_seeds(f'{path}: `seeds`', content['seeds'])
    check_name(f'{path}: `results`', content['results'])
    check_name(f'{path}: `title`', content.get('title', path.stem))
    check_text(f'{path}: `note`', content.get('note', ''))
    if (chance := content.get('chance')) is not None:
        check_chance(f'{path}: `chance`', chance)
    baseline = content.get('baseline')
    if baseline is not None and baseline not in list(methods):
        raise ValueError(
            f'{path}: `baseline` must be one of the methods '
            f'{list(methods)}, got {shorten(baseline)}'
            f'{suggest(baseline, methods)}'
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
        chance=chance,
        variables=variables,
        source=str(path),
    )


def _read_method(
    path: Path, label: str, entry: dict, targets: dict[str, dict]
) -> list[Method]:
    """Read a method and the variants of its sweep."""
    name = f'{path}: method {shorten(label)}'
    check_name(f'{path}: the label of a method', label)
    check_keys(name, entry, {'config'}, METHOD_KEYS)
    check_name(f'{name}: `config`', entry['config'])
    overrides, sweep = {}, {}
    if entry.get('overrides') is not None:
        overrides = entry['overrides']
        check_overrides(f'{name}: `overrides`', overrides)
    if entry.get('sweep') is not None:
        sweep = entry['sweep']
        check_sweep(f'{name}: `sweep`', sweep)
    variables = _read_variables(name, entry, targets)
    method = Method(label, entry['config'], overrides, variables=variables)
    return [method, *method.variants(sweep)]


def _add(
    methods: dict[str, Method], added: Sequence[Method], source: str | Path
) -> None:
    """Add methods, each with a label of its own."""
    for method in added:
        known = {nfc(other.label): other for other in methods.values()}
        if other := known.get(nfc(method.label)):
            raise ValueError(
                f'{source}: two methods have the label {method.label!r}: '
                f'{_origin(other)}, and {_origin(method)}'
            )
        methods[method.label] = method


def _origin(method: Method) -> str:
    if method.varied is None:
        return f'a method of {method.config}'
    label, key, value = method.varied
    return f'the sweep of {label!r} with {key}={value!r}'


def _read_targets(path: Path, targets: list | dict) -> dict[str, dict]:
    """Read the variables of each target. A target in a list is a domain."""
    if not isinstance(targets, dict) or not targets:
        check_list(f'{path}: `targets`', targets, str)
        targets = {target: dict(target=target) for target in targets}
    for name, variables in targets.items():
        check_name(f'{path}: the name of a target', name)
        check_variables(f'{path}: `variables` of target {name!r}', variables)
    return targets


def _read_variables(name: str, entry: dict, targets: dict[str, dict]) -> dict:
    """Read variables of the plan or a method, which targets must not set."""
    variables = entry.get('variables')
    if variables is None:
        return {}
    check_variables(f'{name}: `variables`', variables)
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
    check_keys(f'{path}: smoke', smoke, set(), SMOKE_KEYS)
    labels = smoke.get('methods', list(methods))
    check_list(f'{path}: `methods` of `smoke`', labels, str)
    unknown = [label for label in labels if label not in methods]
    if unknown:
        raise ValueError(
            f'{path}: `smoke` keeps the methods {unknown}, which are not '
            f'among {list(methods)}{suggest(unknown[0], methods)}'
        )
    replaced = {k: smoke[k] for k in ('targets', 'seeds') if k in smoke}
    results = f'work_dirs/benchmark/{path.stem}-smoke/results.csv'
    overrides = smoke.get('overrides')
    if overrides is None:
        overrides = {}
    check_overrides(f'{path}: `overrides` of `smoke`', overrides)
    kept = {
        label: replace(
            methods[label],
            overrides={**methods[label].overrides, **overrides},
        )
        for label in labels
    }
    return {**content, **replaced, 'results': results}, kept
