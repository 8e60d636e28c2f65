"""What can be taken along from the Freeze page: code, listing, table and plan."""

from pathlib import Path

import streamlit as st

from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.freezing.snippet import torch_snippet
from mtl_core.freezing.table_text import as_csv, as_markdown, listing
from mtl_core.ui.shared.page import download
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import shot_links

_TALL = 420


def code_popover(chosen: ResolvedChoice) -> None:
    """The freeze as a torch program, and what it prints: names under ✅ and ❌."""
    with st.popover("Code", icon=":material/code:"):
        program, names = st.tabs(["PyTorch", "Listing"])
        source = chosen.checkpoint.hub_id or chosen.choice.checkpoint
        program.code(
            torch_snippet(chosen.tables, chosen.model, source), language="python", height=_TALL
        )
        names.code(listing(chosen.table), language=None, height=_TALL)


def export_popover(chosen: ResolvedChoice) -> None:
    """Files of the table shown and of the plan, made when they are asked for."""
    table, stem = chosen.table, _stem(chosen)
    with st.popover("Export", icon=":material/download:"):
        for label, name, mime, make in (
            ("Table as CSV", f"{stem}.csv", "text/csv", lambda: as_csv(table)),
            ("Table as Markdown", f"{stem}.md", "text/markdown", lambda: as_markdown(table)),
            (
                "Plan as YAML",
                f"{stem}.plan.yaml",
                "application/yaml",
                lambda: plan_to_yaml(chosen.plan),
            ),
        ):
            download(label, name, mime, f"export_{mime}", make)
        shot_links()
        st.caption("The address of this page holds your choices: copy it to share them.")


def _stem(chosen: ResolvedChoice) -> str:
    """A file name that tells checkpoint, scenario and phase."""
    parts = [Path(chosen.checkpoint.name).name, chosen.scenario or "plan"]
    if len(chosen.tables) > 1:
        parts.append(f"phase-{chosen.choice.phase}")
    return "-".join(parts).replace(":", "-").replace("/", "-")
