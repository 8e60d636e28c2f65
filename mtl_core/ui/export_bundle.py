"""Runs as files to take along: a note for a design doc, or everything in one zip."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.export.bundle import note_page, zipped
from mtl_core.export.material import Material, gather
from mtl_core.export.what import What
from mtl_core.store.record import RunRecord
from mtl_core.ui.keys import Key
from mtl_core.ui.page import download
from mtl_core.ui.run_cache import model_of
from mtl_core.ui.shot import shot_links

_WIDTH = 400
_WITHOUT_MODELS = What.ALL.parts - {What.CHECKPOINT}


def export_popover(lab: Lab, records: Sequence[RunRecord]) -> None:
    """Downloads of these runs, each made when it is asked for."""
    ids = [record.id for record in records]
    stem = _stem(ids)
    with st.popover("Export", icon=":material/download:"), st.container(width=_WIDTH):
        download(
            "Note as one HTML page",
            f"{stem}.html",
            "text/html",
            Key.EXPORT_NOTE,
            lambda: note_of_runs(lab, ids),
        )
        download(
            "Note, figures, tables, scripts as zip",
            f"{stem}.zip",
            "application/zip",
            Key.EXPORT_ZIP,
            lambda: zip_of_runs(lab, ids, stem),
        )
        shot_links()
        st.caption(
            "The page opens offline, in light and dark, and prints. The zip holds it in Markdown "
            "too, with SVG figures, CSV of every point, and a script that repeats each run."
        )
        st.caption(
            "With the trained model, on this machine: "
            f"`python -m mtl_core export {' '.join(ids)} --output {stem}`"
        )


def note_of_runs(lab: Lab, ids: Sequence[str]) -> str:
    """The note on these runs as they are now. Raises UnknownRun."""
    return note_page(_material(lab, ids))


def zip_of_runs(lab: Lab, ids: Sequence[str], folder: str) -> bytes:
    """All of these runs but their models, below `folder`. Raises UnknownRun."""
    return zipped(_material(lab, ids), _WITHOUT_MODELS, folder)


def _material(lab: Lab, ids: Sequence[str]) -> Material:
    return gather(lab.store, ids, lambda spec: model_of(lab, spec))


def _stem(ids: Sequence[str]) -> str:
    more = f"-and-{len(ids) - 1}-more" if len(ids) > 1 else ""
    return f"freeze-lab-{ids[0]}{more}"
