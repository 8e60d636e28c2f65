"""The content of the Checkpoints page: the figure of parameters and a card for each checkpoint."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import streamlit as st

from mtl_core.analysis.pace import Pace
from mtl_core.charts.parameters import checkpoints_figure, short_count
from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.models.catalogue import Domain, TokenizerFamily, catalogue
from mtl_core.models.facts import CheckpointFacts
from mtl_core.report.run_words import plan_words
from mtl_core.text import bytes_text, counted, percent
from mtl_core.ui.checkpoints.getting_weights import how_to_get_weights
from mtl_core.ui.shared.chart import chart
from mtl_core.ui.shared.choice import Choice, keep_choice
from mtl_core.ui.shared.keys import Key, freeze_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.run_cache import pace_of_finished

Paces = Mapping[str, Sequence[Pace]]

DOMAIN_TITLES = {
    Domain.GENERAL: "General English",
    Domain.MULTILINGUAL: "Several languages",
    Domain.BIOMEDICAL: "Biomedical",
    Domain.LEGAL: "Legal",
}
"""Titles of the kinds of text, in the order of the page."""

_LONGEST_NAME = 32  # characters of a checkpoint's name on a button


def checkpoints_headline(known: Sequence[CheckpointFacts]) -> str:
    """The headline: the first checkpoint of the catalogue for each kind of text."""
    first = {facts.domain: facts.name for facts in reversed(known)}
    return (
        f"Start with {first[Domain.GENERAL]}; use {first[Domain.BIOMEDICAL]} for medicine, "
        f"{first[Domain.LEGAL]} for law and {first[Domain.MULTILINGUAL]} for several languages"
    )


def freeze_chosen_button(chosen: ResolvedChoice, colors: Palette) -> None:
    """Draw the main button, which opens the Freeze page with the selected checkpoint."""
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
    """Draw the parameters of each checkpoint as bars, layers and embeddings apart."""
    with st.container(gap=None):
        st.markdown(f"## {plain(embeddings_finding(known))}")
        st.caption(
            "Parameters: ■ layers, used in full for every token · □ embeddings, a table with one "
            "row per token of the vocabulary, which needs memory but little computing time."
        )
    chart(
        checkpoints_figure(known, chosen.checkpoint.entry, colors),
        f"Parameters of {len(known)} checkpoints: {embeddings_finding(known)}",
        "parameters_of_checkpoints",
    )


def checkpoint_cards(lab: Lab, known: Sequence[CheckpointFacts], chosen: ResolvedChoice) -> None:
    """Draw the cards by kind of text; kinds with a single checkpoint share a row."""
    groups, paces = grouped(known), paces_here(lab)
    several = [domain for domain, listed in groups.items() if len(listed) > 1]
    for domain in several:
        with st.container(gap="xsmall"):
            _title(domain, len(groups[domain]))
            with st.grid(4, min_column_width=290, gap="small"):
                for facts in groups[domain]:
                    _card(facts, known[0], paces, chosen)
                _counting_method(known[0])
    single = [domain for domain in groups if domain not in several and groups[domain]]
    with st.grid(len(single) or 1, min_column_width=290, gap="small"):
        for domain in single:
            with st.container(gap="xsmall"):
                _title(domain, 1)
                _card(groups[domain][0], known[0], paces, chosen)


def paces_here(lab: Lab) -> Paces:
    """The measured times of steps on this machine, by catalogue name of the checkpoint."""
    names = {name: entry.name for entry in catalogue() for name in entry.names}
    found: dict[str, list[Pace]] = defaultdict(list)
    for record in lab.store.runs():
        name, pace = names.get(record.spec.checkpoint), pace_of_finished(lab, record)
        if name and pace:
            found[name].append(pace)
    return found


def _title(domain: Domain, count: int) -> None:
    order = f" :small[:gray[{count} checkpoints, smallest first]]" if count > 1 else ""
    st.markdown(f"## {DOMAIN_TITLES[domain]}{order}")


def _card(
    facts: CheckpointFacts, reference: CheckpointFacts, paces: Paces, chosen: ResolvedChoice
) -> None:
    with st.container(border=True, height="stretch", gap="xsmall"):
        selected = " · selected" if facts.name == chosen.checkpoint.entry else ""
        status = ":material/check: ready to train" if facts.weights_here else "not downloaded"
        st.markdown(f"**{facts.name}** :small[:gray[{status}{selected}]]  \n{plain(facts.suits)}")
        st.markdown(f":small[{plain(facts.summary)}]")
        st.markdown(f":small[{_lines(facts, reference, paces.get(facts.name, ()))}]")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if st.button(
                "Select",
                key=freeze_key(facts.name),
                on_click=_select,
                args=(facts.name,),
            ):
                choice: Choice = st.session_state[Key.CHOICE]
                st.switch_page("pages/freeze.py", query_params=choice.as_query())
            if not facts.weights_here:
                _how_to_get(facts)


def _counting_method(reference: CheckpointFacts) -> None:
    with st.container(gap="xsmall"):
        st.markdown("**How the numbers are computed**")
        st.caption(
            "**Memory**: 16 bytes per trainable parameter for the float32 weight, its gradient and "
            "AdamW's two moments; 4 bytes per frozen parameter. Activations need additional memory."
        )
        st.caption(
            "**Compute**: multiplications per token in the layers' matrices, relative to the "
            f"{reference.multiplications_per_token / 1e6:.1f} million of {plain(reference.name)}. "
            "Attention needs additional compute, which grows with the length of the text."
        )
        st.caption("**Measured**: mean time of a step in finished runs on this machine.")


def _lines(facts: CheckpointFacts, reference: CheckpointFacts, paces: Sequence[Pace]) -> str:
    lines = {
        "Size": size_line(facts),
        "Tokenizer": vocabulary_line(facts),
        "Memory": memory_line(facts),
        "Compute": work_line(facts, reference),
        "Download": download_line(facts),
        "Measured": pace_line(paces),
    }
    return "  \n".join(f":gray[{name}] {plain(line)}" for name, line in lines.items() if line)


def _how_to_get(facts: CheckpointFacts) -> None:
    with st.popover("Download", type="tertiary"):
        how_to_get_weights(facts.hub_id, the_lab().settings.checkpoint_roots)


def _select(name: str) -> None:
    """Select a checkpoint; the other settings stay, except that the phase becomes 1."""
    choice: Choice = st.session_state[Key.CHOICE]
    keep_choice(choice.replace(checkpoint=name, phase=1))


def short_name(name: str) -> str:
    """A checkpoint's name cut to the length of a button."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def grouped(known: Sequence[CheckpointFacts]) -> dict[Domain, tuple[CheckpointFacts, ...]]:
    """Group the checkpoints by kind of text, smallest first."""
    by_size = sorted(known, key=lambda facts: facts.parameters)
    return {
        domain: tuple(facts for facts in by_size if facts.domain is domain)
        for domain in DOMAIN_TITLES
    }


def size_line(facts: CheckpointFacts) -> str:
    """`109 M parameters, 12 layers × 768`."""
    count = short_count(facts.parameters)
    if facts.layers_of_their_own < facts.layers:
        return f"{count} parameters, 1 layer × {facts.hidden_size:,}, {facts.layers} times"
    return f"{count} parameters, {facts.layers} layers × {facts.hidden_size:,}"


def vocabulary_line(facts: CheckpointFacts) -> str:
    """`30,522 WordPieces, uncased, 512 tokens`."""
    family = {TokenizerFamily.BPE: "BPE pieces"}.get(facts.tokenizer, f"{facts.tokenizer}s")
    cased = "cased" if facts.cased else "uncased"
    longest = f", {facts.max_tokens:,} tokens" if facts.max_tokens else ""
    return f"{facts.vocabulary_size:,} {family}, {cased}{longest}"


def memory_line(facts: CheckpointFacts) -> str:
    """`1.75 GB for full fine-tuning, without activations`."""
    return f"{bytes_text(facts.training_bytes)} for full fine-tuning, without activations"


def work_line(facts: CheckpointFacts, reference: CheckpointFacts) -> str:
    """`8.0 × minilm-l6 per token`."""
    if facts.name == reference.name:
        return "1 ×, the reference for the others"
    ratio = facts.multiplications_per_token / reference.multiplications_per_token
    return f"{ratio:.1f} × {reference.name} per token"


def download_line(facts: CheckpointFacts) -> str:
    """`438 MB, Apache-2.0`: size of the encoder in float32, and licence."""
    return f"{bytes_text(facts.download_bytes)}, {facts.licence}"


def pace_line(paces: Sequence[Pace]) -> str | None:
    """The fastest and slowest measured step, each with its settings; None if there is none."""
    if not paces:
        return None
    fast = min(paces, key=lambda pace: pace.seconds_per_step)
    slow = max(paces, key=lambda pace: pace.seconds_per_step)
    times = list(dict.fromkeys(f"{_step(pace)} ({_settings(pace)})" for pace in (fast, slow)))
    runs = f", in {len(paces)} runs" if len(paces) > 1 else ""
    return f"{' to '.join(times)}{runs}"


def embeddings_finding(known: Sequence[CheckpointFacts]) -> str:
    """A sentence about the checkpoint with the largest share of embeddings."""
    most = max(known, key=lambda facts: facts.embedding_share)
    return f"{percent(most.embedding_share)} of the parameters of {most.name} are embeddings"


def _step(pace: Pace) -> str:
    seconds = pace.seconds_per_step
    return f"{seconds * 1000:.0f} ms per step" if seconds < 0.1 else f"{seconds:.2g} s per step"


def _settings(pace: Pace) -> str:
    spec = pace.spec
    return f"{plan_words(spec)}, batch size {spec.batch_size}, {counted(spec.threads, 'thread')}"
