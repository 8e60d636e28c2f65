"""Parses the arms of `compare`: scenario names, plan files and `--arm` texts.

`report.repeat.arm_text` writes the texts that `parse_arm` reads.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mtl_core.cli.run_options import device_called
from mtl_core.errors import BadInput, InvalidRun
from mtl_core.freezing.plan_file import read_plan
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.nearest import available_names
from mtl_core.text import shortened
from mtl_core.training.arm import ComparisonArm, named_arm, plain_arm
from mtl_core.training.options import RunOptions, option_values

_RATES = ("learning-rate", "head-learning-rate")
_WEIGHT = "task-weight"
_EMPTY = option_values(RunOptions(), RunOptions)  # the default of each option
_PLAN_SUFFIXES = (".yaml", ".yml")


def arms_of(
    scenarios: Iterable[str], plans: Iterable[Path], texts: Iterable[str]
) -> tuple[ComparisonArm, ...]:
    """The arms of `--scenarios`, `--plan` and `--arm`, in this order.

    Raises InvalidRun with all problems at once, or if there is no arm.
    """
    arms: list[ComparisonArm] = []
    problems: list[str] = []
    builders: list[tuple[Callable[[Any], ComparisonArm], Any]] = [
        *((plain_arm, name) for name in scenarios),
        *((lambda path: named_arm(read_plan(path)), path) for path in plans),
        *((parse_arm, text) for text in texts),
    ]
    for build, source in builders:
        try:
            arms.append(build(source))
        except ValidationError as problem:
            problems.append(f"Arm '{source}': {_first_line(problem)}")
        except BadInput as problem:
            problems.append(str(problem))
    if problems:
        raise InvalidRun(" ".join(problems))
    if not arms:
        raise InvalidRun("--scenarios names none. Write names, e.g. --scenarios heads-only,full.")
    return tuple(arms)


def parse_arm(text: str) -> ComparisonArm:
    """Parse an arm: a scenario or a plan file, then `key=value` pairs, separated by commas.

    A plan file has a suffix of YAML or a slash. A part with a comma in it is put in double
    quotation marks. Raises InvalidRun that names the arm and what exists.
    """
    source, *parts = (part.strip() for part in _split(text))
    try:
        values = _values(parts)
        name = values.pop("name", None)
        is_file = source.endswith(_PLAN_SUFFIXES) or "/" in source
        return named_arm(read_plan(Path(source)) if is_file else source, name, **values)
    except ValidationError as problem:
        raise InvalidRun(f"Arm '{text}': {_first_line(problem)}") from None
    except BadInput as problem:
        raise InvalidRun(f"Arm '{text}': {problem}") from None


def with_vectors(
    arms: Iterable[ComparisonArm],
    requested: SentenceVector | None,
    vector_of_start: Callable[[str | None], SentenceVector | None],
) -> tuple[ComparisonArm, ...]:
    """The arms with the sentence vectors that the command determines for them.

    That is the vector of the run that an arm starts from, or else, for an arm with its own
    checkpoint, the `requested` one. All other arms do not change.
    """

    def stated(arm: ComparisonArm) -> ComparisonArm:
        vector = vector_of_start(arm.options.get("starts_from"))
        vector = vector or (requested if arm.checkpoint is not None else None)
        if vector is None or "sentence_vector" in arm.options:
            return arm
        options = {**arm.options, "sentence_vector": vector}
        return arm.model_copy(update={"options": options})

    return tuple(map(stated, arms))


def _split(text: str) -> list[str]:
    try:
        (parts,) = csv.reader([text], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as problem:
        raise InvalidRun(f"--arm {text}: {problem}. Write NAME,key=value,key=value.") from None
    if not parts:
        raise InvalidRun("--arm is empty. Write NAME,key=value,key=value.")
    return parts


def _values(parts: Sequence[str]) -> dict[str, Any]:
    """The values of an arm by field name, unchecked."""
    values: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for part in parts:
        key, equals, text = part.partition("=")
        if not equals:
            raise InvalidRun(f"'{part}' is not KEY=VALUE. {_known_keys(key)}")
        base, colon, task = key.partition(":")
        field = base.replace("-", "_")
        if key in ("name", "checkpoint"):
            _add(values, key, field, text)
        elif key in _RATES:
            _add(values, key, field, _number(key, text))
        elif base == _WEIGHT and colon:
            _add(values, key, "task_weights", {task: _number(key, text)})
        elif field in _EMPTY and bool(colon) == (isinstance(_EMPTY[field], dict) and text != ""):
            _add(options, key, field, _option(field, task, text))
        else:
            raise InvalidRun(f"There is no key '{key}'. {_known_keys(key)}")
    return {**values, **({"options": options} if options else {})}


def _option(field: str, task: str, text: str) -> Any:
    """The value of an option; that of an empty text is its empty value."""
    empty = _EMPTY[field]
    if isinstance(empty, dict):
        return {task: text} if text else {}
    if isinstance(empty, tuple):
        return (text,) if text else ()
    if field == "device":
        return device_called(text)
    return text or None


def _add(target: dict[str, Any], key: str, field: str, new: Any) -> None:
    """Add a value; values of several tasks, and lists, are joined."""
    old = target.get(field)
    if isinstance(old, dict) and isinstance(new, dict) and not old.keys() & new.keys():
        target[field] = {**old, **new}
    elif isinstance(old, tuple) and isinstance(new, tuple):
        target[field] = (*old, *new)
    elif field in target:
        raise InvalidRun(f"'{key}' is given twice; give it once.")
    else:
        target[field] = new


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidRun(f"{key} {text}: write a number, e.g. {key}=0.001.") from None


def _known_keys(key: str) -> str:
    options = [
        f"{name.replace('_', '-')}{':TASK' if isinstance(value, dict) else ''}"
        for name, value in _EMPTY.items()
    ]
    known = ["name", "checkpoint", *_RATES, f"{_WEIGHT}:TASK", *options]
    return available_names(key, known, "Keys")


def _first_line(problem: ValidationError) -> str:
    """The first problem as a sentence."""
    first = problem.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    if message.startswith("--") or first["type"] == "value_error":
        return f"{message.rstrip('.')}."
    key = "-".join(map(str, first["loc"])).replace("_", "-")
    return f"{key} {shortened(str(first['input']))}: {message[:1].lower()}{message[1:]}."
