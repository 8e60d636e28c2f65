"""The `train` command: fine-tunes once, in this process."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mtl_core.cli.console import discard_stdout
from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.cli.options import (
    CheckpointOption,
    DataOption,
    EventFormat,
    OutputOption,
    PlanOption,
    ScenarioOption,
)
from mtl_core.cli.run_options import checked_rate, run_options
from mtl_core.cli.run_output import event_printer
from mtl_core.cli.signals import sigterm_as_interrupt
from mtl_core.cli.stored_runs import vector_of_start
from mtl_core.engine.foreground import StopRun
from mtl_core.engine.lab import Lab
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.settings import Settings
from mtl_core.store.record import RunRecord
from mtl_core.training.events import RunEvent, RunStarted
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Starting


@run_options(RunSpec)
def train(
    checkpoint: CheckpointOption = EMBEDDED,
    scenario: ScenarioOption = None,
    plan: PlanOption = None,
    data: DataOption = "sample",
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the encoder; overrides the plan's.")
    ] = None,
    head_learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of the heads; overrides the plan's.")
    ] = None,
    *,
    options: dict[str, Any],
    output: OutputOption = None,
    form: Annotated[EventFormat, typer.Option("--format")] = EventFormat.TEXT,
) -> None:
    """Fine-tune once and print the events of the run, which is also stored."""
    settings = Settings.from_environment()
    vector = options.pop("sentence_vector") or vector_of_start(options["starts_from"], settings)
    loaded = load_model_and_plan(checkpoint, scenario, plan, data, vector)
    spec = prepare_spec(
        loaded.model,
        loaded.plan.with_rates(checked_rate(learning_rate), checked_rate(head_learning_rate)),
        checkpoint=checkpoint,
        scenario=loaded.scenario,
        data=data or "sample",
        threads=settings.threads,
        **options,
    )
    # The path is stored, and a later --starts-from may be used in another folder.
    with Lab(settings, reserved=True) as lab:
        run_and_print(lab, spec, output and output.absolute(), form)


def run_and_print(
    lab: Lab,
    spec: RunSpec,
    output: Path | None,
    form: EventFormat,
    resumed: RunRecord | None = None,
) -> str:
    """Fine-tune in this process and print the events; `resumed` is a run that continues.

    Returns the id of the run.
    """
    ids: list[str] = []
    with event_printer(form) as print_event:

        def print_or_stop(event: RunEvent | Starting) -> None:
            if isinstance(event, RunStarted):
                ids.append(event.run)
            try:
                print_event(event)
            except (BrokenPipeError, SystemExit):  # Rich raises SystemExit for a broken pipe
                raise StopRun("The reader of the events closed the pipe.") from None

        try:
            with sigterm_as_interrupt():
                lab.run_in_foreground(spec, output, print_or_stop, resumed, print_or_stop)
        except StopRun:
            discard_stdout()
            raise typer.Abort from None
    return resumed.id if resumed else ids[0]
