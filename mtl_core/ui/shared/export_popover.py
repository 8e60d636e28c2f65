"""The Export popover for runs: a note as HTML, a zip of everything, and the trained model."""

import shlex
from collections.abc import Mapping, Sequence

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import CheckpointError, FreezeLabError
from mtl_core.export.bundle import note_page, zipped
from mtl_core.export.included import RESULTS_ONLY, Included
from mtl_core.export.model_files import model_files
from mtl_core.export.parts import BundlePart
from mtl_core.report.load import Report, load_report, sentences_of
from mtl_core.report.portable import path_names
from mtl_core.store.model_folder import saved_model
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset
from mtl_core.text import bytes_text
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.export_data import LARGEST_BYTES, data_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import download
from mtl_core.ui.shared.run_cache import model_of, summary_of
from mtl_core.ui.shared.shot import shot_links

_WIDTH = 400
_WITHOUT_MODELS = BundlePart.ALL.parts - {BundlePart.CHECKPOINT}


def export_popover(
    lab: Lab,
    records: Sequence[RunRecord],
    comparison: ComparisonRecord | None = None,
    reference: str | None = None,
    *,
    is_long: bool = False,
) -> None:
    """Draw downloads of `records`; each file is created on click.

    `comparison` is the comparison that the runs belong to; None for individually selected runs.
    `reference` is the label of the plan that the page compares the others with. If the page
    `is_long`, there is a screenshot link for its first screen as well.
    """
    ids = [record.id for record in records]
    named = [comparison.id] if comparison else ids
    stem = _stem(named)
    with st.popover("Export", icon=":material/download:"), st.container(width=_WIDTH):
        download(
            "Note as one HTML page",
            f"{stem}.html",
            "text/html",
            Key.EXPORT_NOTE,
            lambda: note_of_runs(lab, ids, comparison, reference),
        )
        included = data_choice(lab, records)
        download(
            "Note, figures, tables and scripts as zip",
            f"{stem}.zip",
            "application/zip",
            Key.EXPORT_ZIP,
            lambda: zip_of_runs(lab, ids, stem, comparison, reference, included),
        )
        has_model = len(ids) == 1 and _model_download(lab, records[0], stem)
        shot_links(first_screen=is_long)
        whole = " and the comparison" if comparison else ""
        st.caption(
            "The HTML page works offline, supports light and dark themes, and can be printed. The "
            "zip also contains the note in Markdown, figures as SVG, all data as CSV, and scripts "
            f"that repeat each run{whole}."
        )
        st.caption(
            f"To write {'all files' if has_model else 'the trained models as well'} to a folder on "
            f"this machine: `{_command(named, stem, reference, included)}`"
        )


def note_of_runs(
    lab: Lab,
    ids: Sequence[str],
    comparison: ComparisonRecord | None = None,
    reference: str | None = None,
) -> str:
    """Render the note on the current state of the runs. Raises UnknownRun."""
    return note_page(_report(lab, ids, comparison, reference))


def zip_of_runs(
    lab: Lab,
    ids: Sequence[str],
    folder: str,
    comparison: ComparisonRecord | None = None,
    reference: str | None = None,
    included: Included = RESULTS_ONLY,
) -> bytes:
    """Create a zip with everything but the models, inside `folder`; with data if `included`.

    Raises UnknownRun, and BadInput for data that have changed or that the browser may not read.
    """
    return zipped(_report(lab, ids, comparison, reference), _WITHOUT_MODELS, folder, included)


def model_of_run(lab: Lab, run: str, folder: str) -> bytes:
    """Create a zip with the trained model of a run (safetensors), inside `folder`.

    Raises UnknownRun, and BadInput if the model was deleted.
    """
    return zipped(_report(lab, [run]), {BundlePart.CHECKPOINT}, folder)


def _model_download(lab: Lab, record: RunRecord, stem: str) -> bool:
    """Draw the download of a run's model; False if there is none or it is too large."""
    summary = summary_of(lab, record)
    written = saved_model(summary.run, summary.spec, summary.finished)
    if isinstance(written, str):
        return False
    try:
        names = path_names(lab.store, [record], folders=lab.settings.own_folders)
        size = sum(file.size_bytes for file in model_files(written, names))
    except CheckpointError:  # the command of the caption states the problem
        return False
    if size > LARGEST_BYTES:
        return False
    download(
        f"Trained model as zip: {bytes_text(size)}",
        f"{stem}-model.zip",
        "application/zip",
        Key.EXPORT_MODEL,
        lambda: model_of_run(lab, record.id, stem),
    )
    return True


def _report(
    lab: Lab,
    ids: Sequence[str],
    comparison: ComparisonRecord | None = None,
    reference: str | None = None,
) -> Report:
    return load_report(
        lab.store,
        ids,
        lambda spec: model_of(lab, spec),
        lambda spec, examples: _data_of(lab, spec, examples),
        comparison,
        lambda data: _baselines_of(lab, data),
        reference,
        lab.settings.own_folders,
    )


def _baselines_of(lab: Lab, data: Dataset) -> tuple[Baseline, ...]:
    """Load the baselines computed by the child process; if it failed, compute them here."""
    try:
        return lab.baselines.wait_for(data)
    except FreezeLabError:
        return baselines_of_data(data)


def _data_of(lab: Lab, spec: RunSpec, examples: Mapping[str, int]) -> Dataset | None:
    """Load the run's data; None if the browser may not read them or they have changed."""
    try:
        return sentences_of(spec, examples, lab.data.dataset)
    except FreezeLabError:
        return None


def _command(
    named: Sequence[str], stem: str, reference: str | None, included: Included = RESULTS_ONLY
) -> str:
    chosen = [] if reference is None else ["--reference", shlex.quote(reference)]
    chosen += ["--with-data"] if included.data else []
    return " ".join(["python -m mtl_core export", *named, *chosen, "--output", stem])


def _stem(ids: Sequence[str]) -> str:
    more = f"-and-{len(ids) - 1}-more" if len(ids) > 1 else ""
    return f"freeze-lab-{ids[0]}{more}"
