"""The `repeat` command: trains the runs of a bundle again, wherever it was made."""

import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from mtl_core import __version__
from mtl_core.cli.compare.command import queue, require_finished, train_and_print
from mtl_core.cli.compare.options import ReferenceOption
from mtl_core.cli.options import EventFormat, ReportFormat
from mtl_core.cli.repeat.files import Found, find_files
from mtl_core.cli.repeat.losses import losses_words
from mtl_core.cli.repeat.unpacked import UnpackedBundle, UnpackedRun, read_bundle
from mtl_core.cli.train import run_and_print
from mtl_core.engine.lab import Lab
from mtl_core.errors import InvalidRun
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.text import listed
from mtl_core.training.comparison import ComparisonSpec, arm_key
from mtl_core.training.output_folder import require_empty


class RepeatFormat(StrEnum):
    """The output formats of `repeat`: those of `train` for a run, of `compare` for a comparison."""

    TEXT = "text"
    JSONL = "jsonl"
    JSON = "json"

    @property
    def of_runs(self) -> EventFormat:
        """The format in which runs are printed while they train."""
        return EventFormat.JSONL if self is RepeatFormat.JSONL else EventFormat.TEXT


def repeat(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="An unpacked bundle of a comparison, or runs/RUN in a bundle."
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="A manifest, or its folder, with the data of the runs. Files are recognised by "
            "their SHA-256. Repeatable.",
        ),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            metavar="PATH",
            help="A folder with the checkpoint of the runs, recognised by the SHA-256 of its "
            "weights. Repeatable.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Save the model of the run, or the bundle of the comparison, here."
        ),
    ] = None,
    reference: ReferenceOption = None,
    form: Annotated[
        RepeatFormat,
        typer.Option("--format", help="jsonl for a run, json for a comparison."),
    ] = RepeatFormat.TEXT,
) -> None:
    """Train a run or a comparison of a bundle again, and compare the losses.

    repeat.sh in the bundle starts this. Runs from which others start are trained first. What is
    missing on this machine is listed before anything is trained.
    """
    bundle = read_bundle(folder)
    _require_fitting(bundle, form, reference)
    if output is not None:
        require_empty(output)
    settings = _with_threads(Settings.from_environment(), bundle.threads)
    found = find_files(bundle, settings, data or [], checkpoint or [])
    for note in _notes(bundle):
        print(note, file=sys.stderr)
    started = _train_earlier(bundle, found, settings, form)
    if bundle.comparison is None:
        _train_run(bundle.repeated[0], found, settings, started, output, form)
    else:
        spec = found.in_comparison(bundle.comparison, started)
        _compare(bundle, spec, settings, output, form, reference)


def _require_fitting(bundle: UnpackedBundle, form: RepeatFormat, reference: str | None) -> None:
    """Raises InvalidRun for options of the other kind of bundle."""
    is_run = bundle.comparison is None
    if form is (RepeatFormat.JSON if is_run else RepeatFormat.JSONL):
        other = RepeatFormat.JSONL if is_run else RepeatFormat.JSON
        raise InvalidRun(f"--format {form} is not for this bundle. Write --format {other}.")
    if is_run and reference is not None:
        raise InvalidRun("--reference is for a comparison, and this is a single run. Leave it out.")


def _with_threads(settings: Settings, threads: int | None) -> Settings:
    """The settings with the number of threads of the bundle's runs: losses depend on it."""
    if threads is None:
        return settings
    return settings.model_copy(update={"threads": threads, "comparison_threads": None})


def _notes(bundle: UnpackedBundle) -> Iterator[str]:
    """Sentences on what is different here, where losses may differ in their last digits."""
    spec = next((run.spec for run in bundle.runs if run.spec.versions), None)
    if spec is None:
        return
    from mtl_core.models.matrix_products import processor_name  # imports torch

    different = [
        f"{name} {known} (here {here})"
        for name, known in spec.versions.items()
        if name != "python" and (here := _version(name)) != known
    ]
    if spec.processor and spec.processor != processor_name():
        different.append(f"the processor {spec.processor} (here {processor_name()})")
    if different:
        yield f"Note: made with {listed(different)}. Losses may differ in their last digits."


def _version(package: str) -> str:
    if package == "freeze-lab":
        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _train_earlier(
    bundle: UnpackedBundle, found: Found, settings: Settings, form: RepeatFormat
) -> dict[str, str]:
    """Train the runs from which others start, and save their models; their new ids by the old."""
    started: dict[str, str] = {}
    if not bundle.earlier:
        return started
    with Lab(settings, reserved=True) as lab:
        for run in bundle.earlier:
            print(f"First run {run.id}, from which others start.", file=sys.stderr)
            spec = found.in_run(run.spec, started)
            record = lab.store.add(spec, RunState.RUNNING)
            model = settings.run_folder(record.id)
            if form is RepeatFormat.JSON:  # standard output is for the comparison
                lab.run_in_foreground(spec, model, lambda _: None, record)
            else:
                run_and_print(lab, spec, model, form.of_runs, record)
            print(losses_words(lab.store, [(run, record.id)]), file=sys.stderr)
            started[run.id] = record.id
    return started


def _train_run(
    run: UnpackedRun,
    found: Found,
    settings: Settings,
    started: dict[str, str],
    output: Path | None,
    form: RepeatFormat,
) -> None:
    with Lab(settings, reserved=True) as lab:
        spec = found.in_run(run.spec, started)
        repeated = run_and_print(lab, spec, output and output.absolute(), form.of_runs)
        print(losses_words(lab.store, [(run, repeated)]), file=sys.stderr)


def _compare(
    bundle: UnpackedBundle,
    spec: ComparisonSpec,
    settings: Settings,
    output: Path | None,
    form: RepeatFormat,
    reference: str | None,
) -> None:
    shown = ReportFormat.JSON if form is RepeatFormat.JSON else ReportFormat.TEXT
    with Lab(settings, reserved=True) as lab:
        record = train_and_print(lab, queue(lab, spec), output, shown, reference)
        repeated = {(arm_key(run.spec), run.spec.seed): run.id for run in record.runs}
        pairs = [
            (run, repeated[key])
            for run in bundle.repeated
            if (key := (arm_key(run.spec), run.spec.seed)) in repeated
        ]
        print(losses_words(lab.store, pairs), file=sys.stderr)
    require_finished(record)
