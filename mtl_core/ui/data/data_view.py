"""What is in the chosen data: counts, balance, lengths, and examples with their entities marked."""

from pathlib import Path

import streamlit as st

from mtl_core.charts.data import balance_figure, lengths_figure
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import (
    balance_finding,
    counts_caption,
    data_name,
    length_finding,
)
from mtl_core.settings import FileAccess
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.lengths import SubWordCounter, counter_for
from mtl_core.tasks.overview import DataOverview, Shown, TaskOverview, overview
from mtl_core.ui.shared.page import hue, plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

_STILL_CHART = {"displayModeBar": False}
_LONGEST_SHOWN = 320


def overview_of_choice(lab: Lab, chosen: ResolvedChoice) -> DataOverview:
    """Everything counted, by the chosen checkpoint's tokenizer where it is here.

    Raises DataError for data that changed since it was chosen and can no longer be read.
    """
    return _overview_of(chosen.choice.data, lab.access, chosen.checkpoint.folder)


@st.cache_data(ttl=30, max_entries=16, show_spinner="Counting …")
def _overview_of(reference: str, access: FileAccess, folder: Path | None) -> DataOverview:
    return overview(load_dataset(reference, access), counter_for(folder))


def data_facts(chosen: ResolvedChoice, found: DataOverview) -> list[str]:
    """Which data, and by what the lengths are measured."""
    name = data_name(chosen.choice.data, (task.name for task in chosen.model.tasks))
    checkpoint = chosen.checkpoint.name
    measured = f"lengths by the tokenizer of {checkpoint}"
    if found.unit != SubWordCounter.unit:
        measured = f"lengths in words: the tokenizer of {checkpoint} is not on this machine"
    return [plain(name), plain(measured), "counts: training + validation"]


def task_panels(found: DataOverview, max_length: int, colors: Palette) -> None:
    """One panel for each task, two beside each other."""
    with st.grid(min(2, len(found.tasks)), min_column_width=330, gap="medium"):
        for number, task in enumerate(found.tasks):
            with st.container(gap="small"):
                _panel(task, found.unit, max_length, number, colors)


def digests(found: DataOverview) -> None:
    """The SHA-256 of each file, folded up: what a run writes down."""
    with st.expander("Files and their SHA-256"):
        st.markdown(
            "\n".join(f"- {plain(name)}: `{digest}`" for name, digest in found.digests.items())
        )


def _panel(task: TaskOverview, unit: str, max_length: int, number: int, colors: Palette) -> None:
    title = f"{colors.task(number).letter} · {task_title(task.task.name)}"
    with st.container(gap=None):
        st.markdown(f"### :{hue(number)}[{plain(title)}] {plain(balance_finding(task))}")
        st.caption(plain(counts_caption(task)))
    st.plotly_chart(
        balance_figure(task.labels, number, colors),
        theme=None,
        config=_STILL_CHART,
        key=f"balance_{task.task.name}",
        alt=f"Labels of {task.task.name} by split: {balance_finding(task)}",
    )
    st.markdown(f":small[{plain(length_finding(task, unit, max_length))}]")
    counted = [length for lengths in task.lengths.values() for length in lengths.examples]
    st.plotly_chart(
        lengths_figure(
            counted, unit, max_length if unit == SubWordCounter.unit else None, number, colors
        ),
        theme=None,
        config=_STILL_CHART,
        key=f"lengths_{task.task.name}",
        alt=length_finding(task, unit, max_length),
    )
    with st.container(gap="xsmall"):
        for shown in task.shown:
            st.markdown(f":small[{_marked(shown, hue(number))}]")


def _marked(shown: Shown, color: str) -> str:
    """An example as Markdown: its label before it, or its entities marked within it."""
    if shown.label is not None:
        return f":{color}-badge[{_text(shown.label)}] {_text(shown.text)}"
    pieces, place = [], 0
    for span in shown.entities:
        pieces.append(_text(" ".join(shown.words[place : span.start])))
        entity = _text(" ".join(shown.words[span.start : span.end]))
        pieces.append(f":{color}-background[**{entity}** {_text(span.type)}]")
        place = span.end
    pieces.append(_text(" ".join(shown.words[place:])))
    return " ".join(filter(None, pieces))


def _text(text: str) -> str:
    """What a file says, as text: one line, nothing in it read as a sign, no longer than fits."""
    line = " ".join(text.split())
    line = line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"
    return plain(line).replace("&", "&amp;")
