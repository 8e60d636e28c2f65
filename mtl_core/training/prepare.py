"""Builds run specs; the command line and the pages both use it."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mtl_core.errors import InvalidRun
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.description import ModelDescription
from mtl_core.nearest import did_you_mean
from mtl_core.tasks.alignment import check_max_length
from mtl_core.training.label_noise import check_label_noise
from mtl_core.training.options import refused
from mtl_core.training.spec import RunSpec


def prepare_spec(
    model: ModelDescription,
    plan: Plan,
    *,
    checkpoint: str,
    scenario: str | None,
    data: str,
    threads: int = 1,
    **options: Any,
) -> RunSpec:
    """Build a spec, checked against the model before anything is loaded.

    `options` are values of `RunSpec`'s options by field name; those left out have their defaults.
    Without a sentence vector among them, that of `model` is used. Raises InvalidRun for a value out
    of range, PlanError if the plan does not fit the model, and UnsupportedArchitecture for a pooler
    that the model does not have.
    """
    model = model.reading(options.setdefault("sentence_vector", model.sentence_vector))
    parameter_tables(plan, model)
    _check_examples(options.get("examples", {}), model)
    check_label_noise(options.get("label_noise", {}), model.tasks)
    check_max_length(
        options.get("max_length", RunSpec.model_fields["max_length"].default),
        model.backbone.max_positions,
    )
    if "also_evaluate" in options:
        options["also_evaluate"] = tuple(dict.fromkeys(options["also_evaluate"]))
    try:
        return RunSpec(
            checkpoint=checkpoint,
            scenario=scenario,
            plan=plan,
            data=data,
            tasks=model.tasks,
            threads=threads,
            **options,
        )
    except ValidationError as problem:
        raise refused(problem) from None


def _check_examples(examples: Mapping[str, int], model: ModelDescription) -> None:
    names = [task.name for task in model.tasks]
    for name in examples:
        if name not in names:
            hint = did_you_mean(name, names)
            raise InvalidRun(f"There is no task '{name}'. Tasks: {', '.join(names)}.{hint}")
