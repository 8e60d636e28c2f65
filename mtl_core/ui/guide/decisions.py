"""The page "How Freeze Lab decides": its sections with their pictures and tables."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.outcomes import MARGINS
from mtl_core.charts.guide_pictures import OUTCOMES_WIDTH, outcomes_svg
from mtl_core.charts.theme import Palette
from mtl_core.lessons.decisions import (
    DECISIONS,
    LOOKS_CAPTION,
    MARGIN,
    TITLE,
    DecisionSection,
    Example,
    ExampleInterval,
    described,
    design_examples,
    look_rows,
    outcome_examples,
)
from mtl_core.tasks.task import TaskKind
from mtl_core.text import listed, signed_range
from mtl_core.ui.shared.data_table import data_table
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import wide_columns

DECISIONS_PART = "Decisions"
_TEXT_WIDTH = 680
_METRICS = {TaskKind.SENTENCE: "accuracy", TaskKind.TOKEN: "entity F1"}
_INTERVALS = (
    f"● difference from the best plan, accuracy · line: 95 % interval · grey: the margin, "
    f"{signed_range(-MARGIN, MARGIN, 2)}"
)


def decisions_facts() -> list[str]:
    """The facts under the title: what all comparisons have in common."""
    margins = (f"± {MARGINS[kind]:g} {name}" for kind, name in _METRICS.items())
    return ["95 % intervals over seeds and test sentences", f"margins {listed([*margins])}"]


def decisions_link() -> None:
    """Draw a link to this page, for the places where verdicts are shown."""
    st.page_link(
        "pages/guide.py",
        label=TITLE,
        icon=":material/help:",
        query_params={Key.GUIDE_PART.value: DECISIONS_PART},
    )


def decisions_view(colors: Palette) -> None:
    """Draw every section, with its picture or table beside the text."""
    for number, section in enumerate(DECISIONS):
        st.markdown(f"## {section.title}")
        if section.example is None:
            with st.container(width=_TEXT_WIDTH):
                _text(section)
            continue
        text, beside = wide_columns(str(number), [7, 6], "large")
        with text:
            _text(section)
        with beside:
            _example(section.example, colors)


def _text(section: DecisionSection) -> None:
    for paragraph in section.paragraphs:
        st.markdown(paragraph)
    if section.items:
        st.markdown("\n".join(f"- {item}" for item in section.items))


def _example(example: Example, colors: Palette) -> None:
    match example:
        case Example.OUTCOMES:
            _intervals(outcome_examples(), colors)
        case Example.DESIGNS:
            _intervals(design_examples(), colors)
        case Example.LOOKS:
            data_table(list(look_rows()), key=Key.LOOKS, hide_index=True, height="content")
            st.caption(LOOKS_CAPTION)


def _intervals(examples: Sequence[ExampleInterval], colors: Palette) -> None:
    rows = [(each.label, each.difference) for each in examples]
    picture = outcomes_svg(rows, MARGIN, colors)
    st.image(picture, width=OUTCOMES_WIDTH, alt=described(examples))
    st.caption(_INTERVALS)
