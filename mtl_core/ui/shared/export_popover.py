"""Runs as files to take along: a note for a design doc, or everything in one zip."""

from collections.abc import Mapping, Sequence

import streamlit as st

from mtl_core.analysis.written import written_model
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.export.bundle import files_below, note_page, zipped
from mtl_core.export.parts import BundlePart
from mtl_core.report.load import Report, load_report, sentences_of
from mtl_core.report.run_words import memory
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import download
from mtl_core.ui.shared.run_cache import model_of, summary_of
from mtl_core.ui.shared.shot import shot_links

_WIDTH = 400
_LARGEST_BYTES = 250_000_000  # of a model handed to a browser: the server holds it twice meanwhile
_WITHOUT_MODELS = BundlePart.ALL.parts - {BundlePart.CHECKPOINT}


def export_popover(
    lab: Lab,
    records: Sequence[RunRecord],
    comparison: ComparisonRecord | None = None,
    *,
    is_long: bool = False,
) -> None:
    """Downloads of these runs, each made when it is asked for. `comparison` is what they make up,
    None for runs chosen one by one. A page that `is_long` is pictured by its first screen too."""
    ids = [record.id for record in records]
    named = [comparison.id] if comparison else ids
    stem = _stem(named)
    with st.popover("Export", icon=":material/download:"), st.container(width=_WIDTH):
        download(
            "Note as one HTML page",
            f"{stem}.html",
            "text/html",
            Key.EXPORT_NOTE,
            lambda: note_of_runs(lab, ids, comparison),
        )
        download(
            "Note, figures, tables, scripts as zip",
            f"{stem}.zip",
            "application/zip",
            Key.EXPORT_ZIP,
            lambda: zip_of_runs(lab, ids, stem, comparison),
        )
        taken_along = len(ids) == 1 and _model_download(lab, records[0], stem)
        shot_links(first_screen=is_long)
        whole = " and the whole comparison" if comparison else ""
        st.caption(
            "The page opens offline, in light and dark, and prints. The zip holds it in Markdown "
            f"too, with SVG figures, CSV of every point, and scripts that repeat each run{whole}."
        )
        st.caption(
            f"{'All of it in a folder' if taken_along else 'With the trained model'}, on this "
            f"machine: `python -m mtl_core export {' '.join(named)} --output {stem}`"
        )


def note_of_runs(lab: Lab, ids: Sequence[str], comparison: ComparisonRecord | None = None) -> str:
    """The note on these runs as they are now. Raises UnknownRun."""
    return note_page(_report(lab, ids, comparison))


def zip_of_runs(
    lab: Lab, ids: Sequence[str], folder: str, comparison: ComparisonRecord | None = None
) -> bytes:
    """All of these runs but their models, below `folder`. Raises UnknownRun."""
    return zipped(_report(lab, ids, comparison), _WITHOUT_MODELS, folder)


def model_of_run(lab: Lab, run: str, folder: str) -> bytes:
    """The model that a run wrote, as safetensors, below `folder`. Raises UnknownRun, and BadInput
    where it is gone."""
    return zipped(_report(lab, [run], None), {BundlePart.CHECKPOINT}, folder)


def _model_download(lab: Lab, record: RunRecord, stem: str) -> bool:
    """Offer the model that a run wrote, where there is one that a server can hold at a time."""
    written = written_model(summary_of(lab, record))
    if isinstance(written, str):
        return False
    size = sum(file.stat().st_size for _, file in files_below(written))
    if size > _LARGEST_BYTES:
        return False
    download(
        f"Trained model as zip: {memory(size)}",
        f"{stem}-model.zip",
        "application/zip",
        Key.EXPORT_MODEL,
        lambda: model_of_run(lab, record.id, stem),
    )
    return True


def _report(lab: Lab, ids: Sequence[str], comparison: ComparisonRecord | None) -> Report:
    return load_report(
        lab.store,
        ids,
        lambda spec: model_of(lab, spec),
        lambda spec, examples: _data_of(lab, spec, examples),
        comparison,
        lambda data: _baselines_of(lab, data),
    )


def _baselines_of(lab: Lab, data: Dataset) -> tuple[Baseline, ...]:
    """By the child that works them out for the page; where that cannot, here: a note is whole."""
    try:
        return lab.baselines.wait_for(data)
    except FreezeLabError:
        return baselines_of_data(data)


def _data_of(lab: Lab, spec: RunSpec, examples: Mapping[str, int]) -> Dataset | None:
    """The run's data, if the browser may have them and they are still what it learned from."""
    try:
        return sentences_of(spec, examples, lab.access)
    except FreezeLabError:
        return None


def _stem(ids: Sequence[str]) -> str:
    more = f"-and-{len(ids) - 1}-more" if len(ids) > 1 else ""
    return f"freeze-lab-{ids[0]}{more}"
