"""Plan files: read and write a plan as YAML."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.nearest import did_you_mean
from mtl_core.strict_yaml import MAX_CHARACTERS, PLAIN_FLOAT, YamlProblem, read_yaml


def read_plan(path: Path) -> Plan:
    """Read a plan file.

    Raises InvalidPlan if the file cannot be read, has unknown or repeated keys, or a bad value.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)  # bounded: a device or a pipe may be endless
    except FileNotFoundError:
        raise InvalidPlan(f"There is no plan file at {path}.") from None
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise InvalidPlan(f"{path} cannot be read as UTF-8 text: {problem}.") from None
    return parse_plan(text, source=path.name)


def parse_plan(text: str, source: str = "the plan") -> Plan:
    """Parse a plan from YAML text. `source` names the text in error messages.

    Raises InvalidPlan as `read_plan` does.
    """
    try:
        content = read_yaml(text)
    except YamlProblem as problem:
        raise InvalidPlan(f"{source} is not a plan: {problem}.") from None
    if not isinstance(content, dict):
        raise InvalidPlan(
            f"{source} is not a plan: expected keys such as 'name' and 'phases' at the top. "
            "`python -m mtl_core plan --checkpoint minilm-l6 --scenario gradual` prints one."
        )
    return checked_plan(content, source)


def checked_plan(content: dict[str, Any], source: str) -> Plan:
    """Validate the keys and values of a plan. Raises InvalidPlan with the first problem."""
    try:
        return Plan.model_validate(content)
    except ValidationError as problem:
        raise InvalidPlan(f"{source}: {_first_problem(problem)}") from None


def plan_to_yaml(plan: Plan) -> str:
    """Format a plan as YAML; `parse_plan` reads it back to an equal plan.

    Default values are left out, except learning rates and schedule.
    """
    content = plan.model_dump(mode="json", exclude_defaults=True)
    content |= {
        "learning_rate": plan.learning_rate,
        "head_learning_rate": plan.head_learning_rate,
        "schedule": str(plan.schedule),
    }
    return yaml.dump(content, Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=100)


_LONGEST_VALUE_SHOWN = 60  # characters of a wrong value that a message quotes
_EXPECTED = {
    "tuple_type": "expected a list, e.g. [heads, 'top:1']",
    "string_type": "expected text (put quotes around text that YAML reads as another type)",
    "float_type": "expected a number",
    "model_type": "expected keys such as 'name' and 'train'",
    "dict_type": "expected keys with values",
}


class _PlanDumper(yaml.SafeDumper):
    """Writes 5.0e-05 instead of 5e-05, which YAML 1.1 parsers read as text."""


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_PlanDumper.add_representer(float, _float)
_PlanDumper.add_implicit_resolver(*PLAIN_FLOAT)  # quotes a plan name such as 2e-5


def _first_problem(problem: ValidationError) -> str:
    """One sentence about the problem; an unknown key first, because it explains a missing key."""
    found = problem.errors(include_url=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = _place(first["loc"])
    match first["type"]:
        case "extra_forbidden":
            known = list((Phase if "phases" in first["loc"] else Plan).model_fields)
            hint = did_you_mean(str(first["loc"][-1]), known)
            return f"{place} is not a plan key.{hint} Known keys: {', '.join(known)}."
        case "missing":
            return f"{place} is missing."
        case "too_short":
            return f"{place}: expected at least one."
        case kind if kind in _EXPECTED:
            what = _EXPECTED[kind]
        case _:
            message = first["msg"].removeprefix("Value error, ")
            what = f"{message[0].lower()}{message[1:]}"
    given = first["input"]
    shown = isinstance(given, str | int | float) and len(repr(given)) <= _LONGEST_VALUE_SHOWN
    return f"{place}: {what}{f', got {given!r}' if shown else ''}."


def _place(path: tuple[int | str, ...]) -> str:
    """The location in the file as text: `'epochs' of phase 2`; counted from 1."""
    match path:
        case ():
            return "the plan"
        case ("phases", int(number)):
            return f"phase {number + 1}"
        case ("phases", int(number), key, *_):
            return f"'{key}' of phase {number + 1}"
        case _:
            return f"'{'.'.join(str(part) for part in path)}'"
