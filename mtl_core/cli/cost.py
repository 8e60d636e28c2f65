"""The `cost` command: estimates the memory, FLOPs and time of a training step."""

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.table import Table

from mtl_core.cli.console import plain_console
from mtl_core.cli.model_and_plan import ModelAndPlan, load_model_and_plan
from mtl_core.cli.options import (
    CheckpointOption,
    DataOption,
    ListFormat,
    PlanOption,
    ScenarioOption,
)
from mtl_core.cli.run_options import run_options
from mtl_core.cost.cards import card_fits, fit_sentence, gpu_memory
from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.explanation import (
    COUNTING_METHOD,
    embedding_note,
    memory_reason,
    reuse_note,
    share,
)
from mtl_core.cost.profile import CostProfile
from mtl_core.cost.profile_cache import load_profile
from mtl_core.cost.speed import Speed, load_speed, save_speed
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.settings import Settings
from mtl_core.tasks.alignment import check_max_length
from mtl_core.text import bytes_text, megabytes
from mtl_core.training.options import RunOptions, refused


@run_options(RunOptions, only={"batch_size", "max_length", "frozen_dropout", "sentence_vector"})
def cost(
    checkpoint: CheckpointOption = EMBEDDED,
    scenario: ScenarioOption = None,
    plan: PlanOption = None,
    data: DataOption = None,
    *,
    options: dict[str, Any],
    phase: Annotated[int, typer.Option(help="The phase to show, from 1.")] = 1,
    output: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
) -> None:
    """Estimate the memory, FLOPs and time of a training step of a plan, without training."""
    vector = options.pop("sentence_vector")
    try:
        shape = RunOptions(**options)
    except ValidationError as problem:
        raise refused(problem) from None
    if scenario is None and plan is None:
        scenario = "heads-only"
    loaded = load_model_and_plan(checkpoint, scenario, plan, data, vector)
    check_max_length(shape.max_length, loaded.model.backbone.max_positions)
    settings = Settings.from_environment()
    table = parameter_table(loaded.plan, loaded.model, phase)
    whole = parameter_table(scenario_plan("full", loaded.model), loaded.model)
    profile = load_profile(loaded.checkpoint, settings, _trace)
    here, full = (
        step_cost(
            profile,
            loaded.model,
            each,
            shape.batch_size,
            shape.max_length,
            frozen_dropout=dropout,
        )
        for each, dropout in ((table, shape.frozen_dropout), (whole, False))
    )
    speed = load_speed(settings) or _measure(settings)
    if output is ListFormat.JSON:
        print(json.dumps(_as_json(here, full, speed), indent=2))
        return
    of_several = f", phase {phase} of {len(loaded.plan.phases)}: {table.phase.name}"
    _print(loaded, here, full, speed, of_several if len(loaded.plan.phases) > 1 else "")
    console = plain_console()
    console.print(memory_reason(here, full, table, loaded.model.backbone), soft_wrap=True)
    console.print(reuse_note(here, full), soft_wrap=True)
    if bound := embedding_note(table, loaded.model.backbone):
        console.print(bound, soft_wrap=True)
    console.print(COUNTING_METHOD, soft_wrap=True)
    console.print(_gpu_line(here), soft_wrap=True)


def _gpu_line(cost: StepCost) -> str:
    memory = gpu_memory(cost)
    return (
        f"On a GPU (calculated, not measured): {bytes_text(memory.float32)} in float32, at least "
        f"{bytes_text(memory.bfloat16)} with bfloat16 autocast. {fit_sentence(cost)} "
        "--format json has the largest batch of common cards."
    )


def _as_json(cost: StepCost, full: StepCost, speed: Speed) -> dict[str, object]:
    """The cost with the field names of the JSON output."""
    return {
        "forward_flops": cost.forward_flops,
        "backward_flops": cost.backward_flops,
        "saved_activation_bytes": cost.saved_activation_bytes,
        "gradient_bytes": cost.gradient_bytes,
        "optimizer_bytes": cost.optimizer_bytes,
        "weight_bytes": cost.weight_bytes,
        "relative_to_full": {
            "flops": cost.flops / full.flops,
            "memory": cost.memory_bytes / full.memory_bytes,
        },
        "estimated_seconds_per_step": speed.seconds(cost),
        "reused": {
            "forward_flops": cost.reused_forward_flops,
            "relative_flops": cost.reused_flops / full.flops,
            "estimated_seconds_per_step": speed.seconds(cost, reused=True),
        },
        "gpu": {
            "float32_bytes": gpu_memory(cost).float32,
            "bfloat16_bytes_at_least": gpu_memory(cost).bfloat16,
            "largest_batch": {
                fit.card.names: {"float32": fit.float32, "bfloat16_at_best": fit.bfloat16}
                for fit in card_fits(cost)
            },
        },
        "batch_size": cost.batch_size,
        "max_length": cost.max_length,
    }


def _print(loaded: ModelAndPlan, cost: StepCost, full: StepCost, speed: Speed, phase: str) -> None:
    plain_console().print(
        f"One step of {cost.batch_size} sentences × {cost.max_length} tokens · "
        f"{loaded.checkpoint.name} · {loaded.plan.name}{phase}"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for column in ("this plan", "full", "of full"):
        table.add_column(column, justify="right")
    for name, part, whole in (
        ("weights", cost.weight_bytes, full.weight_bytes),
        ("gradients", cost.gradient_bytes, full.gradient_bytes),
        ("optimizer", cost.optimizer_bytes, full.optimizer_bytes),
        ("saved activations", cost.saved_activation_bytes, full.saved_activation_bytes),
        ("memory", cost.memory_bytes, full.memory_bytes),
    ):
        table.add_row(name, megabytes(part), megabytes(whole), share(part, whole))
    table.add_section()
    for name, part, whole in (
        ("forward", cost.forward_flops, full.forward_flops),
        ("backward", cost.backward_flops, full.backward_flops),
        ("one step", cost.flops, full.flops),
        ("one step, frozen layers reused", cost.reused_flops, full.flops),
    ):
        table.add_row(name, _gigaflops(part), _gigaflops(whole), share(part, whole))
    for name, reused in (("estimated time", False), ("… frozen layers reused", True)):
        seconds, whole_seconds = speed.seconds(cost, reused), speed.seconds(full)
        table.add_row(
            name, f"{seconds:.2g} s", f"{whole_seconds:.2g} s", share(seconds, whole_seconds)
        )
    plain_console().print(table)


def _gigaflops(flops: int) -> str:
    value = flops / 1e9
    return f"{value:,.0f} GFLOP" if value >= 9.95 or value == 0 else f"{value:.2g} GFLOP"


def _trace(checkpoint: Checkpoint) -> CostProfile:
    from mtl_core.cost.trace import trace_costs  # imports torch, which takes seconds

    return trace_costs(checkpoint)


def _measure(settings: Settings) -> Speed:
    """Measure the speed of this machine and store it for later commands and the pages."""
    from mtl_core.cost.calibrate import measure_speed

    typer.echo("Measuring the speed of this machine, once; this takes a few seconds …", err=True)
    speed = measure_speed(settings)
    save_speed(speed, settings)
    return speed
