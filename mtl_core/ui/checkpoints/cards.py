"""The checkpoints by kind of text, one card each, and a picture of where their parameters are."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import streamlit as st

from mtl_core.analysis.pace import Pace
from mtl_core.charts.parameters import checkpoints_figure
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.models.catalogue import Domain, catalogue
from mtl_core.models.checkpoint import download_command
from mtl_core.models.facts import CheckpointFacts
from mtl_core.ui.checkpoints.texts import (
    DOMAIN_TITLES,
    download_line,
    embeddings_finding,
    grouped,
    memory_line,
    pace_line,
    short_name,
    size_line,
    vocabulary_line,
    work_line,
)
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key, freeze_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.run_cache import pace_of_finished

Paces = Mapping[str, Sequence[Pace]]


def freeze_chosen_button(chosen: ResolvedChoice, colors: Palette) -> None:
    """The page's main button: back to Freeze with the checkpoint chosen."""
    if st.button(
        f"Freeze {plain(short_name(chosen.checkpoint.name))}",
        key=Key.FREEZE_CHOSEN,
        icon=":material/ac_unit:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/freeze.py", query_params=chosen.choice.as_query())


def parameters_picture(
    known: Sequence[CheckpointFacts], chosen: ResolvedChoice, colors: Palette
) -> None:
    """The sizes as bars, what is looked up apart from what is multiplied."""
    with st.container(gap=None):
        st.markdown(f"### {plain(embeddings_finding(known))}")
        st.caption(
            "Parameters: ■ layers, which every token is multiplied with · □ embeddings, which are "
            "only looked up: they cost memory, hardly time."
        )
    st.plotly_chart(
        checkpoints_figure(known, chosen.checkpoint.entry, colors),
        theme=None,
        config={"displayModeBar": False},
        key="parameters_of_checkpoints",
        alt=f"Parameters of {len(known)} checkpoints: {embeddings_finding(known)}",
    )


def checkpoint_cards(lab: Lab, known: Sequence[CheckpointFacts], chosen: ResolvedChoice) -> None:
    """Every checkpoint under its kind of text; kinds with one checkpoint share a row."""
    groups, paces = grouped(known), paces_here(lab)
    several = [domain for domain, listed in groups.items() if len(listed) > 1]
    for domain in several:
        with st.container(gap="xsmall"):
            _title(domain, len(groups[domain]))
            with st.grid(4, min_column_width=290, gap="small"):
                for facts in groups[domain]:
                    _card(facts, known[0], paces, chosen)
                _how_costs_are_counted(known[0])
    single = [domain for domain in groups if domain not in several and groups[domain]]
    with st.grid(len(single) or 1, min_column_width=290, gap="small"):
        for domain in single:
            with st.container(gap="xsmall"):
                _title(domain, 1)
                _card(groups[domain][0], known[0], paces, chosen)


def paces_here(lab: Lab) -> Paces:
    """The measured paces of the newest runs, by the checkpoint's name in the catalogue."""
    names = {name: entry.name for entry in catalogue() for name in entry.names}
    found: dict[str, list[Pace]] = defaultdict(list)
    for record in lab.store.runs():
        name, pace = names.get(record.spec.checkpoint), pace_of_finished(lab, record)
        if name and pace:
            found[name].append(pace)
    return found


def _title(domain: Domain, count: int) -> None:
    smallest_first = f" :small[:gray[{count} checkpoints, the smallest first]]" if count > 1 else ""
    st.markdown(f"### {DOMAIN_TITLES[domain]}{smallest_first}")


def _card(
    facts: CheckpointFacts, measure: CheckpointFacts, paces: Paces, chosen: ResolvedChoice
) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        mark = " · chosen" if facts.name == chosen.checkpoint.entry else ""
        here = ":material/check: ready to train" if facts.weights_here else "weights not here"
        st.markdown(f"**{facts.name}** :small[:gray[{here}{mark}]]  \n{plain(facts.suits)}")
        st.markdown(f":small[{plain(facts.summary)}]")
        st.markdown(f":small[{_lines(facts, measure, paces.get(facts.name, ()))}]")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if st.button(
                "Freeze this one",
                key=freeze_key(facts.name),
                on_click=_choose,
                args=(facts.name,),
            ):
                kept: Choice = st.session_state[Key.CHOICE]
                st.switch_page("pages/freeze.py", query_params=kept.as_query())
            if not facts.weights_here:
                _how_to_get(facts)


def _how_costs_are_counted(measure: CheckpointFacts) -> None:
    with st.container(gap="xsmall"):
        st.markdown("**How this is counted**")
        st.caption(
            "**Memory**: 16 bytes a parameter that learns, for the float32 weight, its gradient "
            "and AdamW's two moments; 4 bytes a frozen one. A batch's activations come on top."
        )
        st.caption(
            "**Work**: one multiplication for each entry of each matrix in the layers a token "
            f"passes, as a multiple of {plain(measure.name)}'s "
            f"{measure.multiplications_per_token / 1e6:.1f} million. Attention between tokens "
            "comes on top and grows with the length."
        )
        st.caption("**Measured**: mean time of a step in finished runs on this machine.")


def _lines(facts: CheckpointFacts, measure: CheckpointFacts, paces: Sequence[Pace]) -> str:
    lines = {
        "Size": size_line(facts),
        "Reads": vocabulary_line(facts),
        "Memory": memory_line(facts),
        "Work": work_line(facts, measure),
        "Download": download_line(facts),
        "Measured": pace_line(paces),
    }
    return "  \n".join(f":gray[{name}] {plain(line)}" for name, line in lines.items() if line)


def _how_to_get(facts: CheckpointFacts) -> None:
    with st.popover("Get it", type="tertiary"):
        st.markdown(
            f"On the hub as `{facts.hub_id}`. This machine's cache is where it is looked for, so "
            "run here, once:"
        )
        st.code(download_command(facts.hub_id), language="bash", wrap_lines=True)
        st.caption("Until then its parameters can be looked at on Freeze; training needs them.")


def _choose(name: str) -> None:
    """Choose a checkpoint and leave the rest of the choice as it is; a plan begins at phase 1."""
    kept: Choice = st.session_state[Key.CHOICE]
    keep_choice(kept.replace(checkpoint=name, phase=1))
