"""From choices to a run spec: the one way in for the command line and the pages."""

import difflib
from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from mtl_core.errors import InvalidRun
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.alignment import check_max_length
from mtl_core.training.label_noise import check_noise
from mtl_core.training.spec import DeviceName, PrecisionName, RunSpec


def prepare_spec(
    model: ModelDescription,
    plan: Plan,
    *,
    checkpoint: str,
    scenario: str | None,
    data: str,
    epochs: float = 3.0,
    batch_size: int = 16,
    max_length: int = 128,
    seed: int = 0,
    examples: Mapping[str, int] | None = None,
    threads: int = 1,
    prefix_reuse: bool = True,
    measure: bool = True,
    label_noise: Mapping[str, float] | None = None,
    random_backbone: bool = False,
    device: DeviceName = "cpu",
    precision: PrecisionName = "float32",
    also_evaluate: Sequence[str] = (),
    starts_from: str | None = None,
) -> RunSpec:
    """Join choices into a spec, checked against the model before anything is loaded.

    Raises InvalidRun for a value out of range, PlanError where the plan does not fit the model.
    """
    parameter_tables(plan, model)
    _check_examples(examples or {}, model)
    check_noise(label_noise or {}, model.tasks)
    check_max_length(max_length, model.backbone.max_positions)
    try:
        return RunSpec(
            checkpoint=checkpoint,
            scenario=scenario,
            plan=plan,
            data=data,
            tasks=model.tasks,
            epochs=epochs,
            batch_size=batch_size,
            max_length=max_length,
            seed=seed,
            examples=dict(examples or {}),
            threads=threads,
            prefix_reuse=prefix_reuse,
            measure=measure,
            label_noise=dict(label_noise or {}),
            random_backbone=random_backbone,
            device=device,
            precision=precision,
            starts_from=starts_from,
            also_evaluate=tuple(dict.fromkeys(also_evaluate)),
        )
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        name = "-".join(str(part) for part in first["loc"]).replace("_", "-")
        asked = first["input"]
        raise InvalidRun(f"--{name} {asked}: {first['msg'].lower()}.") from None


def _check_examples(examples: Mapping[str, int], model: ModelDescription) -> None:
    names = [task.name for task in model.tasks]
    for name in examples:
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
            raise InvalidRun(f"There is no task '{name}'. Tasks: {', '.join(names)}.{hint}")
