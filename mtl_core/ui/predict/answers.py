"""What each model answers: the label with its confidence, the entities marked in the sentence."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.split_words import Word, split_words
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.folder import WEIGHTS
from mtl_core.training.predictions import (
    AskedModel,
    Entity,
    Prediction,
    Sentence,
    SentenceAnswer,
    TokenAnswer,
)
from mtl_core.ui.predict.models import Asked
from mtl_core.ui.shared.page import hue, plain

Answered = Prediction | FreezeLabError

_HASHES: dict[type | str, Callable[[Any], Any]] = {
    AskedModel: lambda value: value.model_dump_json(),
    Sentence: lambda value: value.model_dump_json(),
}

_BAR_WIDTH, _BAR_HEIGHT = 200, 8


def answers_of(
    lab: Lab, asked: Sequence[Asked], sentences: Sequence[Sentence]
) -> list[tuple[Prediction, ...] | FreezeLabError]:
    """What each model answers to each sentence, or why it cannot."""
    found: list[tuple[Prediction, ...] | FreezeLabError] = []
    for each in asked:
        try:
            found.append(_answers(each.model, _written_at(each.model), tuple(sentences), lab))
        except FreezeLabError as problem:
            found.append(problem)
    return found


def _written_at(model: AskedModel) -> int:
    """When the model's file was written: a new file is asked anew, one that is gone refused."""
    weights = model.folder / WEIGHTS if model.folder else None
    return weights.stat().st_mtime_ns if weights and weights.is_file() else 0


@st.cache_data(
    ttl=600,
    max_entries=128,
    show_spinner=False,
    hash_funcs=_HASHES,
)
def _answers(
    model: AskedModel,
    written_at: int,  # noqa: ARG001 - part of the cache's key
    sentences: tuple[Sentence, ...],
    _lab: Lab,
) -> tuple[Prediction, ...]:
    return _lab.predict(model, sentences)


def answer_rows(
    asked: Sequence[Asked], answers: Sequence[Answered], text: str, colors: Palette
) -> None:
    """One row a model, so that the same words stand under one another."""
    for each, said in zip(asked, answers, strict=True):
        with st.container(border=True):
            _row(each, said, text, colors)


def _row(asked: Asked, said: Answered, text: str, colors: Palette) -> None:
    name, labels, marked = st.columns([3, 3, 8], gap="small", vertical_alignment="center")
    with name:
        st.markdown(f"**{plain(asked.label)}**  \n:small[:gray[{plain(asked.facts)}]]")
    if isinstance(said, FreezeLabError):
        with marked:
            st.error(plain(str(said)), icon=":material/error:")
        return
    tasks = asked.model.spec.tasks
    several = sum(task.kind is TaskKind.TOKEN for task in tasks) > 1
    for number, task in enumerate(tasks):
        match said.answers[task.name]:
            case SentenceAnswer() as answer:
                with labels, st.container(gap="xsmall"):
                    _label(number, task, answer, colors)
            case TokenAnswer() as answer:
                with marked:
                    title = f":small[:{hue(number)}[{plain(task_title(task.name))}]]  \n"
                    st.markdown((title if several else "") + _marked(number, answer, said, text))
    if said.cut:
        with marked:
            st.caption(
                f"Cut: only {said.words_read} of {said.words} words fit the maximum length of "
                f"{asked.model.spec.max_length} sub-words this model was trained with."
            )


def _label(number: int, task: Task, answer: SentenceAnswer, colors: Palette) -> None:
    st.markdown(
        f":{hue(number)}[**{plain(answer.label)}**] {answer.confidence:.2f} "
        f":small[:gray[{plain(task_title(task.name))}]]"
    )
    st.image(
        _bar(answer.confidence, colors.task(number).color, colors.grid),
        width=_BAR_WIDTH,
        alt=f"Confidence {answer.confidence:.2f}, where chance is {1 / len(task.outputs):.2f}",
    )


def _bar(share: float, color: str, track: str) -> str:
    """A bar as SVG: native figures take a hundred times its room."""
    wide, high = _BAR_WIDTH, _BAR_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}"><rect width="{wide}" height="{high}" rx="3" fill="{track}"/>'
        f'<rect width="{share * wide:.1f}" height="{high}" rx="3" fill="{color}"/></svg>'
    )


def _marked(number: int, answer: TokenAnswer, said: Prediction, text: str) -> str:
    """The sentence with each entity in a frame of the task's colour, its type and confidence."""
    words = split_words(text)
    parts, at = [], 0
    for entity in answer.entities:
        start, end = words[entity.start].start, words[entity.end - 1].end
        parts += [_text(text[at:start]), _frame(number, entity, text[start:end])]
        at = end
    read = _end_of_read(words, said)
    parts.append(_text(text[at : max(at, read)]))
    if rest := text[max(at, read) :].strip():
        parts.append(f" :gray[{_text(rest)}]")
    none = "" if answer.entities else "  \n:small[:gray[no entity marked]]"
    return "".join(parts) + none


def _end_of_read(words: Sequence[Word], said: Prediction) -> int:
    if not said.cut:
        return words[-1].end
    return words[said.words_read - 1].end if said.words_read else 0


def _frame(number: int, entity: Entity, text: str) -> str:
    return (
        f":{hue(number)}-background[**{_text(text)}** "
        f":small[{plain(entity.type)} {entity.confidence:.2f}]]"
    )


def _text(text: str) -> str:
    """Text within a line: nothing of it is a list, a link or an entity of HTML."""
    line = plain(text).replace("&", "&amp;").replace("\n", " ")
    return line.replace(".", "\\.").replace("-", "\\-")
