"""The plan file: a plan as YAML, to keep, edit and hand to others."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.strict_yaml import MAX_CHARACTERS, PLAIN_FLOAT, YamlProblem, read_yaml


def read_plan(path: Path) -> Plan:
    """Read a plan file. Raises InvalidPlan: unreadable, unknown or repeated key, bad value."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)  # a device or a pipe may have no end
    except FileNotFoundError:
        raise InvalidPlan(f"There is no plan file at {path}.") from None
    except (OSError, UnicodeDecodeError, ValueError) as problem:
        raise InvalidPlan(f"{path} cannot be read as UTF-8 text: {problem}.") from None
    return parse_plan(text, source=path.name)


def parse_plan(text: str, source: str = "the plan") -> Plan:
    """The plan in a YAML text. `source` names it in error messages."""
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
    """The plan that these keys and values make. Raises InvalidPlan with the first problem."""
    try:
        return Plan.model_validate(content)
    except ValidationError as problem:
        raise InvalidPlan(f"{source}: {_first_problem(problem)}") from None


def plan_to_yaml(plan: Plan) -> str:
    """The plan as YAML that `parse_plan` reads back to an equal plan; defaults that say nothing
    are left out."""
    content = plan.model_dump(mode="json", exclude_defaults=True)
    content |= {
        "learning_rate": plan.learning_rate,
        "head_learning_rate": plan.head_learning_rate,
        "schedule": str(plan.schedule),
    }
    return yaml.dump(content, Dumper=_PlanDumper, sort_keys=False, allow_unicode=True, width=100)


_SHOWN = 60  # characters of a wrong value that a message repeats
_NEEDED = {
    "tuple_type": "a list is needed, e.g. [heads, 'top:1']",
    "string_type": "text is needed (quote what YAML reads as something else)",
    "float_type": "a number is needed",
    "model_type": "keys such as 'name' and 'train' are needed",
    "dict_type": "keys with values are needed",
}


class _PlanDumper(yaml.SafeDumper):
    """Writes 5.0e-05, not 5e-05: other readers of YAML 1.1 take the latter for text."""


def _float(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    text = repr(value)
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return dumper.represent_scalar("tag:yaml.org,2002:float", text)


_PlanDumper.add_representer(float, _float)
_PlanDumper.add_implicit_resolver(*PLAIN_FLOAT)  # a name such as 2e-5 is then quoted


def _first_problem(problem: ValidationError) -> str:
    """One sentence about what is wrong: an unknown key first, for it explains a missing one."""
    found = problem.errors(include_url=False)
    first = next((each for each in found if each["type"] == "extra_forbidden"), found[0])
    place = _place(first["loc"])
    match first["type"]:
        case "extra_forbidden":
            known = list((Phase if "phases" in first["loc"] else Plan).model_fields)
            nearest = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            hint = f"did you mean '{nearest[0]}'? " if nearest else ""
            return f"{place} is not a key of a plan; {hint}Known: {', '.join(known)}."
        case "missing":
            return f"{place} is missing."
        case "too_short":
            return f"{place}: at least one is needed."
        case kind if kind in _NEEDED:
            what = _NEEDED[kind]
        case _:
            message = first["msg"].removeprefix("Value error, ")
            what = f"{message[0].lower()}{message[1:]}"
    given = first["input"]
    shown = isinstance(given, str | int | float) and len(repr(given)) <= _SHOWN
    return f"{place}: {what}{f', not {given!r}' if shown else ''}."


def _place(path: tuple[int | str, ...]) -> str:
    """Where in the file: `'epochs' of phase 2`; phases and entries are counted from 1."""
    match path:
        case ():
            return "the plan"
        case ("phases", int(number)):
            return f"phase {number + 1}"
        case ("phases", int(number), key, *_):
            return f"'{key}' of phase {number + 1}"
        case _:
            return f"'{'.'.join(str(part) for part in path)}'"
