"""The choice whether a zip contains the data of its runs, and what its receiver needs otherwise."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.export.included import Included, bytes_of, data_files, is_public
from mtl_core.report.load import sentences_of
from mtl_core.report.needed import NeededData, needed_checkpoints, needed_data
from mtl_core.report.portable import with_earlier
from mtl_core.store.record import RunRecord
from mtl_core.text import bytes_text, listed
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.run_cache import summary_of

LARGEST_BYTES = 250_000_000
"""The most bytes of a download, which the server holds in memory twice."""

_CHANGED = "The data have changed since the run, so the zip cannot contain them."


def data_choice(lab: Lab, records: Sequence[RunRecord]) -> Included:
    """Draw a checkbox with the size of the data, and the files that the zip does not contain.

    Nothing is drawn if all data and checkpoints of the runs come with Freeze Lab. There is no
    checkbox for data that the browser may not read, or that are too large.
    """
    runs = [summary_of(lab, each) for each in with_earlier(lab.store, records)]
    data = needed_data(runs)
    with_data = bool(data) and _checkbox(lab, data)
    checkpoints = needed_checkpoints(
        [run.spec for run in runs], lambda name: is_public(name, lab.access)
    )
    outside = [f"the data {plain(each.words)}" for each in data if not with_data]
    outside += [f"the checkpoint {plain(each.words)}" for each in checkpoints]
    if outside:
        weights = " `--with-weights` of the command includes checkpoints." if checkpoints else ""
        st.caption(
            f"The zip does not contain {listed(outside)}. Whoever repeats the runs on another "
            f"machine needs the same files.{weights}"
        )
    return Included(data=with_data, access=lab.access)


def _checkbox(lab: Lab, data: Sequence[NeededData]) -> bool:
    """Whether the zip is to contain the data, and can."""
    try:
        size = sum(bytes_of(data_files(each.spec.data, lab.access)) for each in data)
    except (FreezeLabError, OSError):
        return False
    if size > LARGEST_BYTES:
        return False
    if not st.checkbox(f"Include the data in the zip: {bytes_text(size)}", key=Key.EXPORT_DATA):
        return False
    try:
        unchanged = all(sentences_of(each.spec, {}, lab.data.dataset) is not None for each in data)
    except FreezeLabError as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return False
    if not unchanged:
        st.error(_CHANGED, icon=":material/error:")
    return unchanged
