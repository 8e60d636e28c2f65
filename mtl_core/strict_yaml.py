"""Strict YAML: repeated keys are refused, `2e-5` is a number, and a date is text."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

MAX_CHARACTERS = 50_000  # PyYAML takes seconds for more
_MAX_DEPTH = 32  # PyYAML takes seconds for a thousand brackets
_MANY_BRACKETS = re.compile(rf"(?:[\[{{]\s*){{{_MAX_DEPTH + 1}}}")
_TAG = "tag:yaml.org,2002:"
PLAIN_FLOAT = (
    f"{_TAG}float",
    re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+\Z"),
    list("-+0123456789"),
)
"""Tag, pattern and first characters of `2e-5`, which YAML 1.1 reads as text."""


class YamlProblem(ValueError):
    """Invalid YAML. `line` counts from 1 and is None if unknown; the message begins with it."""

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(problem if line is None else f"line {line}: {problem}")
        self.problem, self.line = problem, line


def read_yaml(text: str) -> object:
    """Parse YAML into plain values.

    Raises YamlProblem for invalid YAML, repeated keys, keys that are not text, aliases, more than
    MAX_CHARACTERS and deep nesting.
    """
    if len(text) > MAX_CHARACTERS:
        raise YamlProblem(f"it is longer than the {MAX_CHARACTERS:,} characters that are read")
    _require_shallow(text)
    with _yaml_problems():
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of SafeLoader


def compose_yaml(text: str) -> yaml.Node | None:
    """Parse YAML into a tree of nodes with line numbers; None for an empty document.

    Scalars are not converted: `no` is text. Keys are not compared, and aliases are allowed.
    Raises YamlProblem for invalid YAML and deep nesting.
    """
    _require_shallow(text)
    with _yaml_problems():
        node: yaml.Node | None = yaml.compose(text, Loader=_NodeLoader)
        return node


def _require_shallow(text: str) -> None:
    """Raises YamlProblem for brackets that PyYAML would take a second to scan."""
    if (deep := _MANY_BRACKETS.search(text)) is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise YamlProblem("nested too deeply to be read", line)


@contextmanager
def _yaml_problems() -> Iterator[None]:
    """Turns the errors of PyYAML into YamlProblem."""
    try:
        yield
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if getattr(error, "context", None) == "while scanning an alias":
            raise _alias_problem(mark) from None
        what = getattr(error, "problem", None) or getattr(error, "reason", None)
        raise YamlProblem(str(what or "not YAML"), _line(mark)) from None


class _NodeLoader(yaml.SafeLoader):
    """PyYAML's safe loader with a limit on nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _MAX_DEPTH and self.check_event(yaml.CollectionStartEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise YamlProblem("nested too deeply to be read", _line(mark))
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _StrictLoader(_NodeLoader):
    """Refuses aliases and repeated keys, of which PyYAML's safe loader keeps the last."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise _alias_problem(mark)
        return super().compose_node(parent, index)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (YamlProblem, yaml.YAMLError):
            raise
        except (ValueError, KeyError, AttributeError, TypeError):
            # errors that PyYAML does not convert: `!!int ten`, a number of 5,000 digits
            kind = node.tag.removeprefix(_TAG)
            raise YamlProblem(f"not a valid {kind}", _line(node.start_mark)) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise YamlProblem(f"the key {key!r} is not text", _line(key_node.start_mark))
            if key in seen:
                raise YamlProblem(f"the key '{key}' is repeated", _line(key_node.start_mark))
            seen.add(key)
        return super().construct_mapping(node, deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != f"{_TAG}timestamp"]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(*PLAIN_FLOAT)


def _alias_problem(mark: Any) -> YamlProblem:
    return YamlProblem(
        "an unquoted * begins an alias, and aliases are not supported; "
        "put a pattern in quotes, e.g. '*.bias'",
        _line(mark),
    )


def _line(mark: Any) -> int | None:
    """The line of a mark, counting from 1; None without a mark."""
    return None if mark is None else int(mark.line) + 1
