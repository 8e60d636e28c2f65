"""The `compare` command: several scenarios, each with several seeds, as one thing."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from mtl_core.cli.compare_options import (
    ExamplesOption,
    HeadRateOption,
    NameOption,
    OutputOption,
    RateOption,
    ResumeOption,
    ScenariosOption,
    SecondsOption,
    SeedsOption,
    SweepOption,
    examples_of,
    factors_of,
    names_of,
    seeds_of,
)
from mtl_core.cli.model_and_plan import DEFAULT_CHECKPOINT, load_model
from mtl_core.cli.options import CheckpointOption, DataOption, ReportFormat
from mtl_core.cli.run_options import checked_rate, run_options
from mtl_core.engine.lab import Lab
from mtl_core.errors import InternalError, InvalidRun
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.folder import require_empty
from mtl_core.training.options import RunOptions, refused

_LOOK_SECONDS = 0.25  # between two looks at how far it has come
_STOP_SECONDS = 5.0  # a run ends within two


@run_options(RunOptions, without={"examples"})
def compare(
    checkpoint: CheckpointOption = DEFAULT_CHECKPOINT,
    scenarios: ScenariosOption = None,
    seeds: SeedsOption = "0,1,2",
    data: DataOption = "sample",
    seconds: SecondsOption = None,
    learning_rate: RateOption = None,
    head_learning_rate: HeadRateOption = None,
    sweep: SweepOption = "",
    examples: ExamplesOption = None,
    *,
    options: dict[str, Any],
    name: NameOption = None,
    resume: ResumeOption = None,
    output: OutputOption = None,
    form: Annotated[ReportFormat, typer.Option("--format")] = ReportFormat.TEXT,
) -> None:
    """Fine-tune each scenario with each seed, and say which is best and what is within noise.

    With several numbers of --examples each scenario runs with each, and plans are told apart where
    they learned from as many. The runs are kept in the store; those of the first seed and the
    largest number keep their models. Ctrl-C stops the comparison, and --resume goes on with it.
    """
    _require_either(scenarios, resume)
    if output is not None:
        require_empty(output)
    if resume is not None:
        _carry_out(resume, None, None, output, form)
        return
    asked: dict[str, object] = {
        "checkpoint": checkpoint,
        "scenarios": names_of(scenarios or ""),
        "seeds": seeds_of(seeds),
        "data": data or "sample",
        "seconds": seconds,
        "learning_rate": checked_rate(learning_rate),
        "head_learning_rate": checked_rate(head_learning_rate),
        "sweep": factors_of(sweep),
        **examples_of(examples or []),
        **options,
    }
    _carry_out(None, _spec(asked), name, output, form)


def _require_either(scenarios: str | None, resume: str | None) -> None:
    if (scenarios is None) == (resume is None):
        raise InvalidRun(
            "Name what to compare, e.g. --scenarios heads-only,top-1,full, or go on with an "
            "earlier comparison by --resume ID, and not both. `scenarios` lists what exists."
        )


def _spec(asked: dict[str, object]) -> ComparisonSpec:
    try:
        return ComparisonSpec.model_validate(asked)
    except ValidationError as problem:
        raise refused(problem) from None


def _carry_out(
    resume: str | None,
    spec: ComparisonSpec | None,
    name: str | None,
    output: Path | None,
    form: ReportFormat,
) -> None:
    """Run it to its end in children of this process, tell it, and write what was asked for."""
    from mtl_core.cli.compare_json import as_json
    from mtl_core.cli.compare_telling import ComparisonTelling, grouped, print_results

    with Lab(Settings.from_environment(), reserved=True) as lab:
        if spec is not None:
            _, model = load_model(spec.checkpoint, spec.data)
            record = lab.queue_comparison(spec, model, name)
        else:
            record = lab.resume_comparison(resume or "")
        with ComparisonTelling(lab, record) as tell, _stopped_when_interrupted(lab, record.id):
            while not tell.look().ended:
                sleep(_LOOK_SECONDS)
        record = lab.store.comparison(record.id)
        results = grouped(lab.store, record, lab.settings)
        if form is ReportFormat.JSON:
            print(json.dumps(as_json(lab.store, record, results), indent=2))
        else:
            print_results(record, results)
        if output is not None:
            _export(lab, record, output)
    _require_finished(record)


@contextmanager
def _stopped_when_interrupted(lab: Lab, comparison: str) -> Iterator[None]:
    """Stop the comparison where this command is interrupted, and say how to go on."""
    from mtl_core.cli.signals import sigterm_as_interrupt

    try:
        with sigterm_as_interrupt():
            yield
    except BaseException:
        lab.stop_comparison(comparison)
        until = monotonic() + _STOP_SECONDS
        while not lab.comparison_progress(comparison).ended and monotonic() < until:
            sleep(_LOOK_SECONDS)
        progress = lab.comparison_progress(comparison)
        print(
            f"Stopped: {progress.finished} of {progress.total} runs are finished. Go on with "
            f"`python -m mtl_core compare --resume {comparison}`.",
            file=sys.stderr,
        )
        raise


def _export(lab: Lab, record: ComparisonRecord, output: Path) -> None:
    # Plotly takes half a second, and is only needed where something is written.
    from mtl_core.cli.stored_runs import data_of, model_of
    from mtl_core.export.bundle import write_folder
    from mtl_core.export.what import What
    from mtl_core.report.load import load_report

    finished = [run.id for run in record.runs if run.state is RunState.FINISHED]
    if finished:
        report = load_report(
            lab.store,
            finished,
            lambda spec: model_of(spec, lab.settings),
            lambda spec, examples: data_of(spec, examples, lab.settings),
            record,
        )
        write_folder(report, What.ALL.parts, output)
        print(f"Written to {output}", file=sys.stderr)


def _require_finished(record: ComparisonRecord) -> None:
    """Raises InternalError, and so the exit code 1, where a run did not finish."""
    others = [run for run in record.runs if run.state is not RunState.FINISHED]
    if others:
        first = others[0]
        raise InternalError(
            f"{len(others)} of {len(record.runs)} runs did not finish. {first.name}, seed "
            f"{first.spec.seed}: {first.reason} Go on with "
            f"`python -m mtl_core compare --resume {record.id}`."
        )
