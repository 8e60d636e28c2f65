"""YAML as people mean it: repeated keys are refused, `2e-5` is a number, and a date is text."""

import re
from typing import Any

import yaml

MAX_CHARACTERS = 50_000  # more takes PyYAML seconds
_MAX_DEPTH = 32  # PyYAML takes seconds for a thousand brackets
_TAG = "tag:yaml.org,2002:"
PLAIN_FLOAT = (
    f"{_TAG}float",
    re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+\Z"),
    list("-+0123456789"),
)
"""Tag, form and first characters of `2e-5`, which YAML 1.1 takes for text."""


class YamlProblem(ValueError):
    """Text that is not YAML, repeats a key, is too long or too deep; the message names the line."""


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader keeps the last of two equal keys; this one refuses them."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (YamlProblem, yaml.YAMLError):
            raise
        except (ValueError, KeyError, AttributeError, TypeError):
            # what PyYAML's own constructors let through: `!!int ten`, a number of 5,000 digits
            kind = node.tag.removeprefix(_TAG)
            raise YamlProblem(
                f"{_line(node.start_mark)}this is no {kind} that can be read"
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise YamlProblem(f"{_line(key_node.start_mark)}the key {key!r} is no text")
            if key in seen:
                raise YamlProblem(f"{_line(key_node.start_mark)}the key '{key}' is repeated")
            seen.add(key)
        return super().construct_mapping(node, deep)


_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != f"{_TAG}timestamp"]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(*PLAIN_FLOAT)


def read_yaml(text: str) -> object:
    """Parse YAML into plain values. Raises YamlProblem, whose message names the line."""
    if len(text) > MAX_CHARACTERS:
        raise YamlProblem(f"it is longer than the {MAX_CHARACTERS:,} characters that are read")
    try:
        _check_events(text)
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as problem:
        if getattr(problem, "context", None) == "while scanning an alias":
            raise _alias(getattr(problem, "problem_mark", None)) from None
        where = _line(getattr(problem, "problem_mark", None))
        what = getattr(problem, "problem", None) or getattr(problem, "reason", None)
        raise YamlProblem(f"{where}{what or 'not YAML'}") from None


def _check_events(text: str) -> None:
    """Refuse aliases and deep nesting before any value is built."""
    depth = 0
    for event in yaml.parse(text):
        if isinstance(event, yaml.AliasEvent):
            raise _alias(event.start_mark)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            raise YamlProblem(f"{_line(event.start_mark)}nested too deeply to be read")


def _alias(mark: Any) -> YamlProblem:
    return YamlProblem(
        f"{_line(mark)}an unquoted * begins an alias, and aliases are not read; "
        "put a pattern in quotes, e.g. '*.bias'"
    )


def _line(mark: Any) -> str:
    """The line of a mark: PyYAML has two classes of them, and sometimes none at hand."""
    return "" if mark is None else f"line {mark.line + 1}: "
