"""Select data: samples, manifests in the configured folders, and uploads."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from mtl_core.settings import Settings
from mtl_core.tasks.data_name import full_data_name
from mtl_core.tasks.dataset import MANIFEST_NAME, SHIPPED
from mtl_core.tasks.upload_reference import is_upload
from mtl_core.tasks.uploads import manifest_name, stored_uploads
from mtl_core.ui.shared.choice import seed_widget
from mtl_core.ui.shared.keys import Key


def data_picker(settings: Settings, current: str) -> None:
    """Draw a list of all data that this dashboard may read."""
    known = known_data(settings)
    options = list(dict.fromkeys([*known, current]))
    seed_widget(Key.DATA)
    st.selectbox(
        "Data",
        options,
        key=Key.DATA,
        format_func=lambda data: _label(data, known.get(data, KnownData())),
        accept_new_options=bool(settings.data_roots),
        help="A sample, files uploaded on the Data page, or a manifest inside the folders listed "
        "in FREEZE_LAB_DATA.",
    )


@dataclass(frozen=True, slots=True)
class KnownData:
    """Data that can be selected: the tasks of an upload (others: empty), and the data's name."""

    tasks: tuple[str, ...] = ()
    name: str | None = None


def known_data(settings: Settings) -> dict[str, KnownData]:
    """All data that this dashboard may read, by reference."""
    found = [path for root in settings.data_roots for path in _manifests(root)]
    manifests = {str(path): KnownData(name=manifest_name(path)) for path in found}
    uploads = {
        each.reference: KnownData(each.tasks, each.name)
        for each in stored_uploads(settings.uploads)
    }
    return {**dict.fromkeys(SHIPPED, KnownData()), **manifests, **uploads}


def _label(data: str, known: KnownData) -> str:
    """The name of the data, with part of the digest for uploads and the path for manifests.

    Streamlit identifies options by their labels, and two uploads may have equal task names.
    """
    if is_upload(data):
        return f"{full_data_name(data, known.tasks, known.name)} · {data[-16:-8]}"
    return f"{known.name} · {data}" if known.name else data


def _manifests(root: Path) -> list[Path]:
    """Manifests in `root` and in its direct subfolders."""
    return sorted([*root.glob(MANIFEST_NAME), *root.glob(f"*/{MANIFEST_NAME}")])
