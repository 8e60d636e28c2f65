"""Builds a bundle of runs, as a folder or as a zip file: note, figures, tables, scripts, models.

Texts have names instead of the paths of this machine; `spec.json` and `comparison.json` also have
the references of uploads.
"""

import io
import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.errors import BadInput
from mtl_core.export.copied_file import CopiedFile
from mtl_core.export.html import as_html
from mtl_core.export.included import RESULTS_ONLY, Included, included_files, needed_by
from mtl_core.export.markdown import as_markdown
from mtl_core.export.model_files import model_files
from mtl_core.export.parts import BundlePart
from mtl_core.export.png import png_of
from mtl_core.export.repeat_script import Repeated, repeat_script
from mtl_core.export.svg import svg_file
from mtl_core.export.tables import tables_of
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.report.blocks import Note
from mtl_core.report.load import Report, ReportRun
from mtl_core.report.needed import Needed
from mtl_core.report.note import note_of
from mtl_core.report.panel import Drawing
from mtl_core.report.repeat import (
    PLAN_FILE,
    compare_command,
    plan_files,
    train_command,
    with_threads,
)
from mtl_core.report.runs import environment_of
from mtl_core.store.record import ComparisonRecord
from mtl_core.training.events import event_to_json
from mtl_core.training.output_folder import atomic_folder, require_as_written

_SCRIPT = ".sh"
_EARLIER = "earlier"  # the runs from which the runs of the report start
_WEIGHTS = ".safetensors"  # do not compress


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file of a bundle: its path, and its text or the file to copy."""

    path: str
    content: str | bytes | CopiedFile


def bundle_files(
    report: Report,
    parts: Collection[BundlePart],
    now: datetime,
    *,
    png: bool = False,
    included: Included = RESULTS_ONLY,
) -> Iterator[BundleFile]:
    """Yields the files of a bundle; with `png` the figures as PNG too.

    Raises BadInput if only checkpoints are requested and no run has a saved model, or for data that
    are to be `included` and have changed; DamagedCheckpoint if a saved model has changed since it
    was written.
    """
    note = note_of(report, now)
    if BundlePart.NOTE in parts:
        yield BundleFile("note.html", as_html(note))
        yield BundleFile("note.md", as_markdown(note, "figures"))
    if BundlePart.NOTE in parts or BundlePart.FIGURES in parts:
        yield from _figures(note, whole=BundlePart.FIGURES in parts, png=png)
    if BundlePart.TABLES in parts:
        for name, text in tables_of(report):
            yield BundleFile(f"tables/{name}", text)
    only_models = set(parts) == {BundlePart.CHECKPOINT}
    if not only_models:
        yield from _repeat_files(report, included)
    for file in included_files(report, included):
        yield BundleFile(file.path, file)
    if BundlePart.CHECKPOINT in parts:
        yield from _checkpoints(report, required=only_models)


def note_page(report: Report) -> str:
    """Renders the note as one HTML file."""
    return as_html(note_of(report, datetime.now(UTC)))


def without_checkpoint(report: Report) -> tuple[str, ...]:
    """A sentence for each run without a saved model."""
    return tuple(each.saved_model for each in report.runs if isinstance(each.saved_model, str))


def write_folder(
    report: Report,
    parts: Collection[BundlePart],
    folder: Path,
    *,
    png: bool = False,
    included: Included = RESULTS_ONLY,
) -> None:
    """Writes the bundle into `folder`; after an error nothing is left in it.

    Raises OutputNotEmpty if the folder is not empty, and BadInput as `bundle_files` does.
    """
    with atomic_folder(folder) as draft:
        for file in bundle_files(report, parts, datetime.now(UTC), png=png, included=included):
            target = draft / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file.content, CopiedFile):
                with target.open("wb") as opened:
                    opened.writelines(file.content.pieces())
            elif isinstance(file.content, bytes):
                target.write_bytes(file.content)
            else:
                target.write_text(file.content, encoding="utf-8", newline="")
            if target.suffix == _SCRIPT:
                target.chmod(0o755)


def zipped(
    report: Report,
    parts: Collection[BundlePart],
    folder: str,
    included: Included = RESULTS_ONLY,
) -> bytes:
    """Builds the bundle as a zip file with all files in `folder`."""
    now = datetime.now(UTC)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle_files(report, parts, now, included=included):
            name = f"{folder}/{file.path}"
            info = zipfile.ZipInfo(name, now.timetuple()[:6])
            info.external_attr = (0o755 if name.endswith(_SCRIPT) else 0o644) << 16
            if isinstance(file.content, CopiedFile):
                info.file_size = file.content.size_bytes
                if not name.endswith(_WEIGHTS):
                    info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as opened:
                    opened.writelines(file.content.pieces())
                continue
            info.compress_type = zipfile.ZIP_DEFLATED
            content = file.content
            if isinstance(content, str):
                content = content.encode("utf-8", errors="replace")
            archive.writestr(info, content)
    return written.getvalue()


def _figures(note: Note, whole: bool, png: bool) -> Iterator[BundleFile]:
    facts = " · ".join(fact for fact in note.facts if fact)
    for drawing in note.drawings:
        yield from _figure(drawing, facts, whole, png)


def _figure(drawing: Drawing, facts: str, whole: bool, png: bool) -> Iterator[BundleFile]:
    title = f"{drawing.lead} {drawing.title}".strip()
    path = f"figures/{drawing.name}"
    themes = (("", drawing.light, LIGHT), (".dark", drawing.dark, DARK))
    for suffix, figure, colors in themes if whole else themes[:1]:
        svg = svg_file(figure, title, facts, colors, drawing.width)
        yield BundleFile(f"{path}{suffix}.svg", svg)
        if png:
            yield BundleFile(f"{path}{suffix}.png", png_of(svg))
    if whole:
        yield BundleFile(f"{path}.plotly.json", _json(drawing.light))


def _repeat_files(report: Report, included: Included) -> Iterator[BundleFile]:
    """What repeats the runs: specs, plans, events, and scripts."""
    data, checkpoints = needed_by(report, included.access)
    parts: list[tuple[Sequence[Needed], bool]] = [
        (data, included.data),
        (checkpoints, included.weights),
    ]
    inside = [each for needed, is_included in parts if is_included for each in needed]
    outside = [each for needed, is_included in parts if not is_included for each in needed]
    yield from _comparison_files(report, inside, outside)
    for run in report.earlier:
        yield from _run_files(report, run, f"{_EARLIER}/{run.id}")
    for run in report.runs:
        folder = f"runs/{run.id}"
        yield from _run_files(report, run, folder)
        script = repeat_script(_of_run(report, run), inside, outside)
        yield BundleFile(f"{folder}/repeat{_SCRIPT}", script)


def _run_files(report: Report, run: ReportRun, folder: str) -> Iterator[BundleFile]:
    spec = run.summary.spec
    whole = report.names.with_uploads(spec)
    yield BundleFile(f"{folder}/spec.json", f"{whole.model_dump_json(indent=2)}\n")
    yield BundleFile(f"{folder}/{PLAN_FILE}", plan_to_yaml(spec.plan))
    yield BundleFile(f"{folder}/environment.json", _json(environment_of(spec)))
    lines = "".join(f"{event_to_json(event)}\n" for event in run.events)
    yield BundleFile(f"{folder}/events.jsonl", lines)


def _comparison_files(
    report: Report, inside: Sequence[Needed], outside: Sequence[Needed]
) -> Iterator[BundleFile]:
    """The spec of a comparison, and a script to repeat it if the spec covers all of its runs."""
    record = report.record
    if record is None:
        return
    whole = report.names.with_uploads(record.spec)
    yield BundleFile("comparison.json", f"{whole.model_dump_json(indent=2)}\n")
    if report.whole_comparison is not None:
        script = repeat_script(_of_comparison(report, record), inside, outside)
        yield BundleFile(f"repeat{_SCRIPT}", script)
        for path, plan in plan_files(record.spec).items():
            yield BundleFile(path, plan_to_yaml(plan))


def _of_run(report: Report, run: ReportRun) -> Repeated:
    spec = run.summary.spec
    known = {each.id: each.summary.spec for each in (*report.runs, *report.earlier)}
    earlier: list[str] = []
    before = spec.starts_from
    while before in known and before not in earlier:
        earlier.insert(0, before)
        before = known[before].starts_from
    command = with_threads(spec.threads, train_command(spec, run.model))
    return Repeated(f"run {run.id}", [spec], command, earlier)


def _of_comparison(report: Report, record: ComparisonRecord) -> Repeated:
    reference = report.reference_arm
    return Repeated(
        f"comparison {record.id}",
        [run.summary.spec for run in report.runs],
        with_threads(report.threads, compare_command(record.spec, reference)),
        [run.id for run in report.earlier],
        [] if reference is None else ["--reference", reference],
    )


def _checkpoints(report: Report, required: bool) -> Iterator[BundleFile]:
    found = {run.id: run.saved_model for run in report.runs}
    folders = {run: each for run, each in found.items() if isinstance(each, Path)}
    if required and not folders:
        raise BadInput(f"No run has a saved model to export. {' '.join(map(str, found.values()))}")
    for run, folder in folders.items():
        require_as_written(folder)
        for file in model_files(folder, report.names):
            yield BundleFile(f"checkpoints/{run}/{file.path}", file)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
