# Copyright (c) mmgmp authors.
"""Read YAML that a user wrote, and refuse what PyYAML would misread."""

import re
from pathlib import Path

import yaml

try:  # 5 times as fast
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader

# Far above any plan, and low enough that each check takes less than a second.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 30
MAX_NODES = 20_000
LETTERS_PER_NODE = 50
CORE = 'tag:yaml.org,2002:'
MERGE = f'{CORE}merge'
PLAIN = ('null', 'bool', 'int', 'float', 'str', 'seq', 'map', 'merge')
# Numbers that YAML 1.1 reads to the base 8 or 60.
OLD = re.compile(r'[-+]?0[0-9_]+$|.*:')


class PlanLoader(SafeLoader):
    """Safe loader that reads ``1e-3`` as a number, as YAML 1.2 does."""


PlanLoader.add_implicit_resolver(
    f'{CORE}float',
    re.compile(r'[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d+$'),
    list('-+.0123456789'),
)


def read_plan_file(path: str | Path) -> object:
    """Read a YAML file with plain data.

    Anchors, aliases and merge keys are allowed. Tags such as ``!!python/...``
    are not, so reading never runs code.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        FileNotFoundError: The file does not exist, or is no regular file.
        ValueError: The file is not YAML, has a key twice in one mapping, has a
            value other than text, numbers, true, false and null, or is so
            large, nested or full of aliases that it is no plan. The message
            is one line with the file and, where there is one, the line.
    """
    path = Path(path)
    if not path.is_file():
        reason = 'is not a file' if path.exists() else 'does not exist'
        raise FileNotFoundError(f'plan {path} {reason}')
    if (size := path.stat().st_size) > MAX_BYTES:
        raise ValueError(
            f'{path} has {size} bytes, but a plan has at most {MAX_BYTES}: '
            'is this the right file?'
        )
    return parse_yaml(path.read_bytes(), str(path))


def parse_yaml(data: str | bytes, name: str) -> object:
    """Parse YAML, see :func:`read_plan_file`.

    Args:
        data: The text.
        name: What to call it in errors.
    """
    try:
        _check_depth(data, name)
        node = yaml.compose(data, Loader=PlanLoader)
        if node is None:
            return None
        _check_size(node, name)
        loader = PlanLoader('')
        _check_nodes(node, loader, name)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        raise ValueError(_describe(error, name)) from None


def _check_depth(data: str | bytes, name: str) -> None:
    """Refuse deep nesting before the recursive composer sees it."""
    depth = 0
    for event in yaml.parse(data, Loader=PlanLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(
                f'{_place(name, event)} is nested more than {MAX_DEPTH} '
                'levels deep, which no plan is'
            )


def _check_size(root: yaml.Node, name: str) -> None:
    """Refuse aliases that contain themselves or expand to many values."""
    sizes: dict[int, int | None] = {}

    def size_of(node: yaml.Node) -> int:
        if id(node) in sizes:
            if (known := sizes[id(node)]) is None:
                raise ValueError(
                    f'{_place(name, node)} contains itself by an alias'
                )
            return known
        sizes[id(node)] = None
        size = 1 + sum(map(size_of, _children(node)))
        if isinstance(node, yaml.ScalarNode):
            size += len(node.value) // LETTERS_PER_NODE
        if size > MAX_NODES:
            raise ValueError(
                f'{_place(name, node)} has more than {MAX_NODES} values with '
                'its aliases expanded, which no plan has'
            )
        sizes[id(node)] = size
        return size

    size_of(root)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _check_nodes(
    root: yaml.Node, loader: yaml.constructor.SafeConstructor, name: str
) -> None:
    """Check the keys and the values of a document."""
    checked = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in checked:
            continue
        checked.add(id(node))
        waiting += _children(node)
        if node.tag.removeprefix(CORE) not in PLAIN:
            raise ValueError(
                f'{_place(name, node)}: a value of the type '
                f'{node.tag.removeprefix(CORE)!r} has no place in a plan; put '
                'quotes around it if it is text'
            )
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, loader, name)
        elif isinstance(node, yaml.ScalarNode) and node.tag != MERGE:
            _construct(node, loader, name)


def _check_keys(
    node: yaml.MappingNode,
    loader: yaml.constructor.SafeConstructor,
    name: str,
) -> None:
    """Refuse a key that a mapping has twice: PyYAML keeps the last one."""
    lines: dict[object, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ValueError(
                f'{name}, line {line}: a key must be text, not a list or a '
                'mapping'
            )
        key: object = '<<'
        if key_node.tag != MERGE:
            key = _construct(key_node, loader, name)
        if key in lines:
            raise ValueError(
                f'{name}, line {line}: the key {key!r} is already in line '
                f'{lines[key]}: rename or remove one'
            )
        lines[key] = line


def _construct(
    node: yaml.ScalarNode,
    loader: yaml.constructor.SafeConstructor,
    name: str,
) -> object:
    """Construct a scalar. Impossible ones raise many kinds of errors."""
    try:
        value = loader.construct_object(node)
    except yaml.YAMLError:
        raise
    except Exception as error:
        raise ValueError(
            f'{_place(name, node)}: {node.value[:50]!r} is not a value of the '
            f'type {node.tag.removeprefix(CORE)!r}'
        ) from error
    if value != value:
        raise ValueError(f'{_place(name, node)}: a plan has no use for NaN')
    is_number = isinstance(value, (int, float))
    if is_number and not isinstance(value, bool) and OLD.match(node.value):
        raise ValueError(
            f'{_place(name, node)}: {node.value!r} is read as {value}, by the '
            'rules for octal numbers and times: write it in quotes if it is '
            'text, and without a leading 0 if it is a number'
        )
    return value


def _place(name: str, part: yaml.Node | yaml.Event) -> str:
    return f'{name}, line {part.start_mark.line + 1}'


def _describe(error: yaml.YAMLError, name: str) -> str:
    """Describe an error of PyYAML in one line."""
    if isinstance(error, yaml.reader.ReaderError):
        return f'{name} is not a text file in UTF-8: {error.reason}'
    if not isinstance(error, yaml.MarkedYAMLError):
        return f'{name} is not a YAML file: {" ".join(str(error).split())}'
    parts = ' '.join(filter(None, (error.context, error.problem)))
    mark = error.problem_mark or error.context_mark
    where = '' if mark is None else f', line {mark.line + 1},'
    return f'{name}{where} is not a YAML file: {" ".join(parts.split())}'
