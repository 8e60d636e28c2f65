"""The three columns of words under the picture: what it means, what it implies, when to use it."""

import streamlit as st

from mtl_core.lessons.scenario_lessons import Lesson, lesson, own_plan_lesson
from mtl_core.ui.shared.resolved_choice import ResolvedChoice


def lesson_columns(chosen: ResolvedChoice) -> None:
    """The lesson of the chosen scenario, with its sources."""
    words = (
        own_plan_lesson(chosen.plan.name) if chosen.scenario is None else lesson(chosen.scenario)
    )
    columns = st.columns(3, gap="medium")
    for column, title, text in zip(
        columns,
        ("**What it means**", "**What it implies**", f"**When to use it**{_sources(words)}"),
        (words.means, words.implies, words.when),
        strict=True,
    ):
        column.markdown(f":small[{title}]  \n:small[{text}]")


def _sources(words: Lesson) -> str:
    """Links to the papers, each with the part meant."""
    links = [f"[{source.short}]({source.url})" for source in words.sources]
    return f" :gray[· {' · '.join(links)}]" if links else ""
