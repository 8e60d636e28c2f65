"""An arm of a comparison: a plan, and the settings in which its runs differ from the others."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_serializer, field_validator, model_validator

from mtl_core.freezing.plan import Plan, Weight
from mtl_core.nearest import available_names
from mtl_core.text import last_part, printable
from mtl_core.training.options import RunOptions, argument_text, refused, value_texts
from mtl_core.values import Frozen

NAME_LENGTH = 80
_Rate = Annotated[float, Field(gt=0, lt=10, allow_inf_nan=False)]


class ComparisonArm(Frozen):
    """A plan to compare, with the values in which it differs from the other arms.

    `name` is unique in the comparison. The plan is that of `scenario` for the arm's checkpoint, or
    `plan`: exactly one of them is given. `learning_rate` and `head_learning_rate` replace the
    plan's rates, and `task_weights` its loss weights of these tasks. `options` are values of
    RunOptions by field name. What an arm does not have is that of the comparison; the sentence
    vector of an arm with its own `checkpoint` is then what that checkpoint was trained with.
    """

    name: Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)]
    scenario: str | None = None
    plan: Plan | None = None
    checkpoint: str | None = None
    learning_rate: _Rate | None = None
    head_learning_rate: _Rate | None = None
    task_weights: dict[str, Weight] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not (clean := clean_name(name)):
            raise ValueError("an arm needs a name")
        return clean

    @field_validator("options")
    @classmethod
    def _check_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        unknown = [name for name in options if name not in RunOptions.model_fields]
        if unknown:
            known = available_names(unknown[0], list(RunOptions.model_fields), "Options")
            raise ValueError(f"there is no option '{unknown[0]}'. {known}")
        try:
            checked = RunOptions.model_validate(options)
        except ValidationError as problem:
            raise ValueError(str(refused(problem))) from None
        return {name: getattr(checked, name) for name in options}

    @field_serializer("options")
    def _write_options(self, options: dict[str, Any]) -> dict[str, Any]:
        written = RunOptions.model_validate(options).model_dump(mode="json")
        return {name: written[name] for name in options}

    @model_validator(mode="after")
    def _check_plan(self) -> "ComparisonArm":
        if (self.scenario is None) == (self.plan is None):
            raise ValueError(f"arm '{self.name}' needs either a scenario or a plan")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether the arm is a scenario under its own name with all values of the comparison."""
        named = self.scenario is not None and clean_name(self.scenario) == self.name
        return named and not self.differences

    @property
    def differences(self) -> tuple[tuple[str, str], ...]:
        """The arm's own values as keys and texts of the command line: ("epochs", "2").

        The text of a value that is empty or None is empty.
        """
        found = [("checkpoint", self.checkpoint)] if self.checkpoint else []
        found += self.plan_differences
        for name, value in self.options.items():
            found += _texts(name.replace("_", "-"), value)
        return tuple(found)

    @property
    def plan_differences(self) -> tuple[tuple[str, str], ...]:
        """The part of `differences` that changes the plan: learning rates and loss weights."""
        rates = {
            "learning-rate": self.learning_rate,
            "head-learning-rate": self.head_learning_rate,
        }
        found = [(key, repr(rate)) for key, rate in rates.items() if rate is not None]
        for task, weight in self.task_weights.items():
            found.append((f"task-weight:{task}", argument_text(weight)))
        return tuple(found)


def clean_name(name: str) -> str:
    """Return the name as an arm has it: printable, single spaces, at most NAME_LENGTH long."""
    return printable(name)[:NAME_LENGTH].rstrip()


def difference_words(differences: Iterable[tuple[str, str]]) -> list[str]:
    """Format differences of an arm: "checkpoint tiny", "task weight of ner 0.5"."""
    return [
        f"{key.replace('-', ' ').replace(':', ' of ')} {text or 'none'}"
        for key, text in differences
    ]


def plain_arm(scenario: str) -> ComparisonArm:
    """Return the arm of a scenario that differs from the others in its plan only."""
    return ComparisonArm(name=clean_name(scenario), scenario=scenario)


def named_arm(source: str | Plan, name: str | None = None, **values: Any) -> ComparisonArm:
    """Build an arm from a scenario or a plan, and the values of `ComparisonArm` that it has.

    The default name lists the differences: `full (tiny)`, `top-1 (learning-rate 0.001)`. Raises
    ValidationError.
    """
    what = {"scenario": source} if isinstance(source, str) else {"plan": source}
    base = source if isinstance(source, str) else source.name
    arm = ComparisonArm.model_validate({"name": name or clean_name(base), **what, **values})
    if name or not arm.differences:
        return arm
    return arm.model_copy(update={"name": _default_name(base, arm.differences)})


def _default_name(base: str, differences: tuple[tuple[str, str], ...]) -> str:
    words = [
        last_part(text) if key == "checkpoint" else f"{key.replace(':', ' ')} {text or 'none'}"
        for key, text in differences
    ]
    return clean_name(f"{base} ({', '.join(words)})")


def _texts(key: str, value: object) -> list[tuple[str, str]]:
    if value in (None, {}, ()):
        return [(key, "")]
    if isinstance(value, bool):
        return [(key, "yes" if value else "no")]
    return [(key if task is None else f"{key}:{task}", text) for task, text in value_texts(value)]
