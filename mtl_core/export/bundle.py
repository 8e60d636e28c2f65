"""A bundle: which files are exported of which runs, as a folder or as one zip file."""

import io
import json
import shutil
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mtl_core.analysis.written import written_model
from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.errors import BadInput
from mtl_core.export.checkpoint import files_below
from mtl_core.export.html import as_html
from mtl_core.export.markdown import as_markdown
from mtl_core.export.svg import svg_file
from mtl_core.export.tables import tables_of
from mtl_core.export.what import What
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.report.blocks import Note
from mtl_core.report.drawings import Drawing
from mtl_core.report.load import Report, ReportRun
from mtl_core.report.note import note_of
from mtl_core.report.repeat import PLAN_FILE, compare_script, repeat_script
from mtl_core.report.runs import environment_of
from mtl_core.training.events import event_to_json
from mtl_core.training.folder import written_whole

_SCRIPT = ".sh"


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file: its path inside the bundle, and its text or the file it is a copy of."""

    path: str
    content: str | Path


def bundle_files(report: Report, parts: Collection[What], now: datetime) -> Iterator[BundleFile]:
    """The files of a bundle. Raises BadInput where only checkpoints are asked for and no run has
    one."""
    note = note_of(report, now)
    if What.NOTE in parts:
        yield BundleFile("note.html", as_html(note))
        yield BundleFile("note.md", as_markdown(note, "figures"))
    if What.NOTE in parts or What.FIGURES in parts:
        yield from _figures(note, whole=What.FIGURES in parts)
    if What.TABLES in parts:
        for name, text in tables_of(report):
            yield BundleFile(f"tables/{name}", text)
    only_models = set(parts) == {What.CHECKPOINT}
    if not only_models:
        yield from _to_repeat_all(report)
        for run in report.runs:
            yield from _to_repeat(run)
    if What.CHECKPOINT in parts:
        yield from _checkpoints(report, required=only_models)


def note_page(report: Report) -> str:
    """The note alone, as one HTML file."""
    return as_html(note_of(report, datetime.now(UTC)))


def without_checkpoint(report: Report) -> tuple[str, ...]:
    """A sentence for each run whose trained model cannot be put into a bundle."""
    found = [written_model(run.summary) for run in report.runs]
    return tuple(each for each in found if isinstance(each, str))


def write_folder(report: Report, parts: Collection[What], folder: Path) -> None:
    """Write the bundle into `folder`, whole or not at all.

    Raises OutputNotEmpty for a folder that holds something, and what `bundle_files` raises.
    """
    with written_whole(folder) as draft:
        for file in bundle_files(report, parts, datetime.now(UTC)):
            target = draft / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(file.content, Path):
                shutil.copyfile(file.content, target)
            else:
                target.write_text(file.content, encoding="utf-8", newline="")
            if target.suffix == _SCRIPT:
                target.chmod(0o755)


def zipped(report: Report, parts: Collection[What], folder: str) -> bytes:
    """The bundle as a zip file, everything in it below `folder`."""
    now = datetime.now(UTC)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in bundle_files(report, parts, now):
            name = f"{folder}/{file.path}"
            if isinstance(file.content, Path):
                archive.write(file.content, name, zipfile.ZIP_STORED)  # weights do not shrink
                continue
            info = zipfile.ZipInfo(name, now.timetuple()[:6])
            info.external_attr = (0o755 if name.endswith(_SCRIPT) else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.content.encode("utf-8", errors="replace"))
    return written.getvalue()


def _figures(note: Note, whole: bool) -> Iterator[BundleFile]:
    facts = " · ".join(fact for fact in note.facts if fact)
    for drawing in note.drawings:
        yield from _figure(drawing, facts, whole)


def _figure(drawing: Drawing, facts: str, whole: bool) -> Iterator[BundleFile]:
    title = f"{drawing.lead} {drawing.title}".strip()
    path = f"figures/{drawing.name}"
    yield BundleFile(f"{path}.svg", svg_file(drawing.light, title, facts, LIGHT, drawing.width))
    if whole:
        yield BundleFile(
            f"{path}.dark.svg", svg_file(drawing.dark, title, facts, DARK, drawing.width)
        )
        yield BundleFile(f"{path}.plotly.json", _json(drawing.light))


def _to_repeat(run: ReportRun) -> Iterator[BundleFile]:
    spec, folder = run.summary.spec, f"runs/{run.id}"
    yield BundleFile(f"{folder}/spec.json", f"{spec.model_dump_json(indent=2)}\n")
    yield BundleFile(f"{folder}/{PLAN_FILE}", plan_to_yaml(spec.plan))
    yield BundleFile(f"{folder}/repeat{_SCRIPT}", repeat_script(run.id, spec, run.model))
    yield BundleFile(f"{folder}/environment.json", _json(environment_of(spec)))
    lines = "".join(f"{event_to_json(event)}\n" for event in run.events)
    yield BundleFile(f"{folder}/events.jsonl", lines)


def _to_repeat_all(report: Report) -> Iterator[BundleFile]:
    """The spec of a comparison, and a script that runs it as a whole where its spec says all."""
    record = report.record
    if record is None:
        return
    yield BundleFile("comparison.json", f"{record.spec.model_dump_json(indent=2)}\n")
    if report.whole_comparison is not None:
        script = compare_script(record.id, record.spec, report.threads)
        yield BundleFile(f"repeat{_SCRIPT}", script)


def _checkpoints(report: Report, required: bool) -> Iterator[BundleFile]:
    found = {run.id: written_model(run.summary) for run in report.runs}
    folders = {run: each for run, each in found.items() if isinstance(each, Path)}
    if required and not folders:
        raise BadInput(f"There is no trained model to export. {' '.join(map(str, found.values()))}")
    for run, folder in folders.items():
        for name, file in files_below(folder):
            yield BundleFile(f"checkpoints/{run}/{name}", file)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
