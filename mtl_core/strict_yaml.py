"""YAML as people mean it: repeated keys are refused, with their line."""

from typing import Any

import yaml

_MAX_CHARACTERS = 1_000_000


class YamlProblem(ValueError):
    """Text that is not YAML, repeats a key, or is too long; the message names the line."""


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader keeps the last of two equal keys; this one refuses them."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise YamlProblem(
                    f"line {key_node.start_mark.line + 1}: the key {key!r} is no text"
                )
            if key in seen:
                raise YamlProblem(
                    f"line {key_node.start_mark.line + 1}: the key '{key}' is repeated"
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> object:
    """Parse YAML into plain values. Raises YamlProblem, whose message names the line."""
    if len(text) > _MAX_CHARACTERS:
        raise YamlProblem(f"{len(text):,} characters; at most {_MAX_CHARACTERS:,} are read")
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise YamlProblem("aliases (*name) are not read; write the value out")
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        what = getattr(problem, "problem", None) or "not YAML"
        raise YamlProblem(f"{where}{what}") from None
    except RecursionError:
        raise YamlProblem("nested too deeply to be read") from None
