"""The `compare` command: trains several scenarios with several seeds and compares them."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from mtl_core.cli.compare.arms import arms_of, with_vectors
from mtl_core.cli.compare.options import (
    ArmsOption,
    ExamplesOption,
    HeadRateOption,
    MarginOption,
    NameOption,
    OutputOption,
    PlansOption,
    RateOption,
    ReferenceOption,
    ResumeOption,
    ScenariosOption,
    SecondsOption,
    SeedsOption,
    SeparateRunsOption,
    SweepOption,
    examples_of,
    factors_of,
    names_of,
    seeds_of,
)
from mtl_core.cli.model_and_plan import load_model
from mtl_core.cli.options import CheckpointOption, DataOption, ReportFormat
from mtl_core.cli.run_options import checked_rate, run_options
from mtl_core.cli.signals import sigterm_as_interrupt
from mtl_core.cli.stored_runs import vector_of_start
from mtl_core.engine.lab import Lab
from mtl_core.errors import InternalError, InvalidRun
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.nearest import available_names
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.options import RunOptions, refused
from mtl_core.training.output_folder import require_empty

_SEEDS = "0,1,2"
_POLL_SECONDS = 0.25  # between two checks of the progress
_STOP_SECONDS = 5.0  # a run stops within two


@run_options(RunOptions, without={"examples"})
def compare(
    checkpoint: CheckpointOption = EMBEDDED,
    scenarios: ScenariosOption = None,
    plan: PlansOption = None,
    arm: ArmsOption = None,
    seeds: SeedsOption = None,
    data: DataOption = "sample",
    seconds: SecondsOption = None,
    learning_rate: RateOption = None,
    head_learning_rate: HeadRateOption = None,
    sweep: SweepOption = "",
    examples: ExamplesOption = None,
    *,
    options: dict[str, Any],
    separate_runs: SeparateRunsOption = False,
    margin: MarginOption = None,
    reference: ReferenceOption = None,
    name: NameOption = None,
    resume: ResumeOption = None,
    output: OutputOption = None,
    form: Annotated[ReportFormat, typer.Option("--format")] = ReportFormat.TEXT,
) -> None:
    """Fine-tune each plan with each seed, and print which is best and which are equivalent.

    --scenarios, --plan and --arm name the plans. With several numbers of --examples each is
    trained with each, and plans are compared at equal numbers. The runs are stored; models are
    saved for the first seed with the largest number. Ctrl-C stops the comparison; resume it with
    --resume.
    """
    _require_either(scenarios is not None or bool(plan or arm), resume)
    if output is not None:
        require_empty(output)
    if resume is not None:
        _require_no_margin(margin)
        _resume(resume, seeds, output, form, reference)
        return
    settings = Settings.from_environment()
    start_vector = partial(vector_of_start, settings=settings)
    requested = options.pop("sentence_vector")
    arms = arms_of(names_of(scenarios or ""), plan or [], arm or [])
    vector = requested or start_vector(options["starts_from"])
    _, model = load_model(checkpoint, data, vector)
    values: dict[str, object] = {
        "checkpoint": checkpoint,
        "arms": with_vectors(arms, requested, start_vector),
        "seeds": seeds_of(_SEEDS if seeds is None else seeds),
        "data": data or "sample",
        "seconds": seconds,
        "learning_rate": checked_rate(learning_rate),
        "head_learning_rate": checked_rate(head_learning_rate),
        "sweep": factors_of(sweep),
        **examples_of(examples or []),
        "separate_runs": separate_runs,
        "margin": margin,
        "sentence_vector": model.sentence_vector,
        **options,
    }
    spec = _spec(values)
    _require_compared(reference, spec.arm_names)
    _start(spec, settings, name, output, form, reference)


def _start(
    spec: ComparisonSpec,
    settings: Settings,
    name: str | None,
    output: Path | None,
    form: ReportFormat,
    reference: str | None,
) -> None:
    with Lab(settings, reserved=True) as lab:
        record = train_and_print(lab, queue(lab, spec, name), output, form, reference)
    require_finished(record)


def _require_either(names_arms: bool, resume: str | None) -> None:
    if names_arms == (resume is not None):
        raise InvalidRun(
            "Choose what to compare, e.g. --scenarios heads-only,top-1,full, --plan FILE or --arm, "
            "or resume an earlier comparison with --resume ID, but not both. `scenarios` lists all "
            "names."
        )


def _require_no_margin(margin: float | None) -> None:
    if margin is not None:
        raise InvalidRun(
            "--margin is chosen before the runs: it cannot be changed with --resume. Start a new "
            "comparison with --margin."
        )


def _require_compared(reference: str | None, arms: Sequence[str]) -> None:
    if reference is not None and reference not in arms:
        raise InvalidRun(
            f"--reference {reference} is not compared. {available_names(reference, arms, 'Arms')}"
        )


def _spec(values: dict[str, object]) -> ComparisonSpec:
    try:
        return ComparisonSpec.model_validate(values)
    except ValidationError as problem:
        raise refused(problem) from None


def queue(lab: Lab, spec: ComparisonSpec, name: str | None = None) -> ComparisonRecord:
    """Add the runs of a comparison to the queue of `lab`, with models described in this process."""
    return lab.queue_comparison(
        spec, lambda ref, vector: load_model(ref, spec.data, vector)[1], name
    )


def _resume(
    comparison: str,
    seeds: str | None,
    output: Path | None,
    form: ReportFormat,
    reference: str | None,
) -> None:
    """Continue a comparison, with the `seeds` that it lacks, and print its results."""
    more_seeds = () if seeds is None else seeds_of(seeds)
    with Lab(Settings.from_environment(), reserved=True) as lab:
        _require_compared(reference, lab.store.comparison(comparison).spec.arm_names)
        record = lab.resume_comparison(lab.add_seeds(comparison, more_seeds).id)
        record = train_and_print(lab, record, output, form, reference)
    require_finished(record)


def train_and_print(
    lab: Lab,
    record: ComparisonRecord,
    output: Path | None,
    form: ReportFormat,
    reference: str | None = None,
) -> ComparisonRecord:
    """Train the runs in child processes, then print the results and write `output`.

    Returns the comparison with its ended runs, of which some may have failed.
    """
    # These import the report, which `compare --help` does not need.
    from mtl_core.cli.compare.progress import ProgressDisplay
    from mtl_core.cli.compare.results import load_results, print_results
    from mtl_core.cli.compare.results_json import as_json

    with ProgressDisplay(lab, record) as display, _stop_on_interrupt(lab, record.id):
        while not display.update().ended:
            sleep(_POLL_SECONDS)
    record = lab.store.comparison(record.id)
    results = load_results(lab.store, record, lab.settings, reference)
    if form is ReportFormat.JSON:
        print(json.dumps(as_json(lab.store, record, results), indent=2))
    else:
        print_results(record, results)
    if output is not None:
        _export(lab, record, output, reference)
    return record


@contextmanager
def _stop_on_interrupt(lab: Lab, comparison: str) -> Iterator[None]:
    """On an exception, stop the comparison and print how to resume it."""
    try:
        with sigterm_as_interrupt():
            yield
    except BaseException:
        lab.stop_comparison(comparison)
        until = monotonic() + _STOP_SECONDS
        while not lab.comparison_progress(comparison).ended and monotonic() < until:
            sleep(_POLL_SECONDS)
        progress = lab.comparison_progress(comparison)
        print(
            f"Stopped: {progress.finished} of {progress.total} runs are finished. Resume it with "
            f"`python -m mtl_core compare --resume {comparison}`.",
            file=sys.stderr,
        )
        raise


def _export(lab: Lab, record: ComparisonRecord, output: Path, reference: str | None) -> None:
    # Plotly takes half a second to import.
    from mtl_core.cli.stored_runs import data_of, model_of
    from mtl_core.export.bundle import write_folder
    from mtl_core.export.parts import BundlePart
    from mtl_core.report.load import load_report

    finished = [run.id for run in record.runs if run.state is RunState.FINISHED]
    if finished:
        report = load_report(
            lab.store,
            finished,
            lambda spec: model_of(spec, lab.settings),
            lambda spec, examples: data_of(spec, examples, lab.settings),
            record,
            reference=reference,
            folders=lab.settings.own_folders,
        )
        write_folder(report, BundlePart.ALL.parts, output)
        print(f"Written to {output}", file=sys.stderr)


def require_finished(record: ComparisonRecord) -> None:
    """Raises InternalError, which means exit code 1, if a run did not finish."""
    others = [run for run in record.runs if run.state is not RunState.FINISHED]
    if others:
        first = next((run for run in others if not run.diverged), others[0])
        resume = f" Resume it with `python -m mtl_core compare --resume {record.id}`."
        raise InternalError(
            f"{len(others)} of {len(record.runs)} runs did not finish. {first.name}, seed "
            f"{first.spec.seed}: {first.reason}{'' if first.diverged else resume}"
        )
