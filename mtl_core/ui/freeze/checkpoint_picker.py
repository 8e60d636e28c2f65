"""The choice of a checkpoint: the catalogue, or a reference that is typed."""

from functools import cache
from math import prod

import streamlit as st

from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import has_weights, resolve_checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import NO_FILE
from mtl_core.ui.shared.choice import change_choice, seed_widget
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_WIDTH = 265


def checkpoint_picker(chosen: ResolvedChoice) -> None:
    """The catalogue, and a way to type a hub id or a path instead."""
    names = [entry.name for entry in catalogue()]
    current = chosen.choice.checkpoint
    seed_widget(Key.CHECKPOINT)
    with st.container(gap=None, width=_WIDTH):
        st.selectbox(
            "Checkpoint",
            names if current in names else [*names, current],
            key=Key.CHECKPOINT,
            format_func=_label,
            accept_new_options=True,
            on_change=change_choice,
            kwargs={"phase": 1},
            help="Pick one, or type a hub id that is in this machine's cache, or the path of a "
            "folder with a config.json below the folders this dashboard may read. Those marked "
            "'ready' have their weights here and can be trained; the others can be looked at.",
        )
        st.page_link(
            "pages/checkpoints.py",
            label=":small[:gray[Compare checkpoints]]",
            query_params=chosen.choice.as_query(),
        )


def _label(reference: str) -> str:
    """`minilm-l6 · 23 M · ready` where its weights are here; a typed reference stands as it is."""
    known = _catalogue_backbones()
    if reference not in known:
        return reference
    count = sum(prod(tensor.shape) for tensor in known[reference].tensors if not tensor.tied_to)
    here = has_weights(resolve_checkpoint(reference, NO_FILE))
    return f"{reference} · {count / 1e6:.0f} M{' · ready' if here else ''}"


@cache
def _catalogue_backbones() -> dict[str, BackboneDescription]:
    return {entry.name: read_description(shipped_description(entry.name)) for entry in catalogue()}
