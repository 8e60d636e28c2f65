"""How to get the weights of a checkpoint of the hub onto this machine."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from mtl_core.models.checkpoint import download_command


def how_to_get_weights(hub_id: str, folders: Sequence[Path]) -> None:
    """Draw the download command and, if there are configured folders, how to copy the files."""
    st.markdown(
        f"The checkpoint is on the Hugging Face hub as `{hub_id}`. To download it into the cache "
        "of this machine, run once on it:"
    )
    st.code(download_command(hub_id), language="bash", wrap_lines=True)
    name = hub_id.rpartition("/")[2]
    if folders:
        st.markdown(
            "Without internet on this machine: run the command elsewhere with "
            f"`--local-dir {name}`, and copy that folder into `{folders[0]}`. It is then listed "
            f"among the checkpoints as `{name}`, with the reason if a file is missing."
        )
    else:
        st.caption(
            f"Without internet on this machine: run the command elsewhere with `--local-dir {name}`"
            ", copy that folder here, and start the dashboard with FREEZE_LAB_CHECKPOINTS set to "
            "the folder that contains it."
        )
    st.caption("Without the weights you can inspect the parameters on the Freeze page.")
