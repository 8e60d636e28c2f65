"""Validation sentences on which the models disagree, found when asked for."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from mtl_core.analysis.disagreement import Disagreement, asked_of, disagreements
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.titles import task_title
from mtl_core.report.predict_words import said_words
from mtl_core.tasks.dataset import Dataset
from mtl_core.ui.predict.answers import answers_of
from mtl_core.ui.predict.models import Asked
from mtl_core.ui.predict.sentence import take_text
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain

_ROW_HEIGHT = 35
_ROWS = 8


def disagreements_view(lab: Lab, asked: Sequence[Asked], dataset: Dataset) -> None:
    """A button, and from then on the list for whatever models are asked."""
    tasks = [task for task in dataset.tasks if all(task in each.model.spec.tasks for each in asked)]
    count = len(dataset.validation)
    with st.container(gap=None):
        st.markdown("### Sentences on which these disagree")
        st.caption(
            f"The {count:,} validation sentences of {plain(dataset.reference)}, with what the data "
            "say. A click on a row puts its sentence above."
        )
    if len(asked) < 2:
        st.caption("Two models or more are needed to disagree.")
    elif not tasks:
        st.caption(
            f"These models share no task with {plain(dataset.reference)}, so its sentences say "
            "nothing about them."
        )
    elif st.session_state.get(Key.SOUGHT) or st.button(
        f"Ask all {len(asked)} models {count:,} sentences",
        key=Key.FIND_DISAGREEMENTS,
        icon=":material/difference:",
        on_click=_seek,
    ):
        _list(lab, asked, dataset)


def _seek() -> None:
    st.session_state[Key.SOUGHT] = True


def _list(lab: Lab, asked: Sequence[Asked], dataset: Dataset) -> None:
    sentences = [asked_of(example) for example in dataset.validation]
    with st.spinner(f"Asking {len(asked)} models {len(sentences):,} sentences …"):
        answers = answers_of(lab, asked, sentences)
    refused = [each for each in answers if isinstance(each, FreezeLabError)]
    answered = [(m, a) for m, a in zip(asked, answers, strict=True) if isinstance(a, tuple)]
    for problem in refused:
        st.caption(f":material/error: {plain(str(problem))}")
    shared = [t for t in dataset.tasks if all(t in m.model.spec.tasks for m, _ in answered)]
    trained = [place for place, (model, _) in enumerate(answered) if model.model.folder]
    among = trained if len(trained) > 1 else None  # any training changes what fresh heads say
    found = disagreements(shared, dataset.validation, [said for _, said in answered], among)
    if not found:
        st.caption("They agree on every one of them.")
        return
    who = f"The {len(trained)} runs" if among else "They"
    _table(found, [model.label for model, _ in answered], who)


def _table(found: Sequence[Disagreement], labels: Sequence[str], who: str) -> None:
    counts = {each.task.name: 0 for each in found}
    for each in found:
        counts[each.task.name] += 1
    told = ", ".join(f"{count} for {task_title(name)}" for name, count in counts.items())
    st.markdown(f":small[{who} disagree on **{len(found)}**: {plain(told)}. Hardest first.]")
    rows = pd.DataFrame([_cells(each, labels) for each in found])
    texts = [each.sentence.text or " ".join(each.sentence.words) for each in found]
    st.dataframe(
        rows,
        key=Key.DISAGREEMENTS,
        hide_index=True,
        height=_ROW_HEIGHT * (min(_ROWS, len(found)) + 1) + 3,
        row_height=_ROW_HEIGHT,
        placeholder="",
        selection_mode="single-row",
        on_select=lambda: _take(texts),
        alt="Sentences on which the models disagree",
        column_config={
            "Task": st.column_config.TextColumn(width=90),
            "Sentence": st.column_config.TextColumn(width=420),
        },
    )


def _cells(each: Disagreement, labels: Sequence[str]) -> dict[str, str]:
    words = each.sentence.words
    said = [f"{'✓' if one == each.right else '✕'} {said_words(one, words)}" for one in each.said]
    return {
        "Task": task_title(each.task.name),
        "Sentence": each.sentence.text or " ".join(words),
        "The data say": said_words(each.right, words),
        **dict(zip(labels, said, strict=True)),
    }


def _take(texts: Sequence[str]) -> None:
    chosen = st.session_state[Key.DISAGREEMENTS].selection.rows
    if chosen and chosen[0] < len(texts):
        take_text(texts[chosen[0]])
