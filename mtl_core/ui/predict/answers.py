"""The predictions of each model: labels with confidence, and entities marked in the sentence."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.split_words import Word, split_words
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.output_folder import written_weights
from mtl_core.training.predictions import (
    Entity,
    ModelSource,
    Prediction,
    Sentence,
    SentenceAnswer,
    TokenAnswer,
)
from mtl_core.ui.predict.models import SelectedModel
from mtl_core.ui.shared.page import hue, plain

PredictionOrError = Prediction | FreezeLabError

_HASHES: dict[type | str, Callable[[Any], Any]] = {
    ModelSource: lambda value: value.model_dump_json(),
    Sentence: lambda value: value.model_dump_json(),
}

_BAR_WIDTH, _BAR_HEIGHT = 200, 8


def predictions_of(
    lab: Lab, models: Sequence[SelectedModel], sentences: Sequence[Sentence]
) -> list[tuple[Prediction, ...] | FreezeLabError]:
    """The predictions of each model for each sentence, or the error of a model that fails."""
    found: list[tuple[Prediction, ...] | FreezeLabError] = []
    for each in models:
        try:
            modified_at = _modified_at(each.model)
            found.append(_cached_predictions(each.model, modified_at, tuple(sentences), lab))
        except FreezeLabError as problem:
            found.append(problem)
    return found


def _modified_at(model: ModelSource) -> int:
    """The modification time of the weights as part of the cache key; 0 without a file."""
    weights = written_weights(model.folder) if model.folder else None
    return weights.stat().st_mtime_ns if weights else 0


@st.cache_data(
    ttl=600,
    max_entries=128,
    show_spinner=False,
    hash_funcs=_HASHES,
)
def _cached_predictions(
    model: ModelSource,
    modified_at: int,  # noqa: ARG001 - part of the cache's key
    sentences: tuple[Sentence, ...],
    _lab: Lab,
) -> tuple[Prediction, ...]:
    return _lab.predict(model, sentences)


def prediction_rows(
    models: Sequence[SelectedModel],
    predictions: Sequence[PredictionOrError],
    text: str,
    colors: Palette,
) -> None:
    """Draw one row per model, so that the same words are aligned."""
    for model, prediction in zip(models, predictions, strict=True):
        with st.container(border=True):
            _row(model, prediction, text, colors)


def _row(
    selected: SelectedModel, prediction: PredictionOrError, text: str, colors: Palette
) -> None:
    name, labels, marked = st.columns([3, 3, 8], gap="small", vertical_alignment="center")
    with name:
        st.markdown(f"**{plain(selected.label)}**  \n:small[:gray[{plain(selected.facts)}]]")
    if isinstance(prediction, FreezeLabError):
        with marked:
            st.error(plain(str(prediction)), icon=":material/error:")
        return
    tasks = selected.model.spec.tasks
    several = sum(task.kind is TaskKind.TOKEN for task in tasks) > 1
    for number, task in enumerate(tasks):
        match prediction.answers[task.name]:
            case SentenceAnswer() as answer:
                with labels, st.container(gap="xsmall"):
                    _label(number, task, answer, colors)
            case TokenAnswer() as answer:
                with marked:
                    title = f":small[:{hue(number)}[{plain(task_title(task.name))}]]  \n"
                    sentence = _marked(number, answer, prediction, text)
                    st.markdown((title if several else "") + sentence)
    if prediction.cut:
        with marked:
            st.caption(
                f"Truncated: {prediction.read_in_words} fit into this model's maximum length of "
                f"{selected.model.spec.max_length} sub-words."
            )


def _label(number: int, task: Task, answer: SentenceAnswer, colors: Palette) -> None:
    st.markdown(
        f":{hue(number)}[**{plain(answer.label)}**] {answer.confidence:.2f} "
        f":small[:gray[{plain(task_title(task.name))}]]"
    )
    st.image(
        _bar(answer.confidence, colors.task(number).color, colors.grid),
        width=_BAR_WIDTH,
        alt=f"Confidence {answer.confidence:.2f}; chance level is {1 / len(task.outputs):.2f}",
    )


def _bar(share: float, color: str, track: str) -> str:
    """A bar as SVG, which is far smaller than a native chart."""
    wide, high = _BAR_WIDTH, _BAR_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}"><rect width="{wide}" height="{high}" rx="3" fill="{track}"/>'
        f'<rect width="{share * wide:.1f}" height="{high}" rx="3" fill="{color}"/></svg>'
    )


def _marked(number: int, answer: TokenAnswer, prediction: Prediction, text: str) -> str:
    """The sentence with its entities highlighted, with type and confidence."""
    words = split_words(text)
    read = _characters_read(words, prediction)
    unread, at = text[: read.start], read.start
    parts = [f":gray[{_text(unread)}]"] if unread.strip() else []
    for entity in answer.entities:
        start, end = words[entity.start].start, words[entity.end - 1].end
        parts += [_text(text[at:start]), _highlight(number, entity, text[start:end])]
        at = end
    parts.append(_text(text[at : max(at, read.stop)]))
    if rest := text[max(at, read.stop) :].strip():
        parts.append(f" :gray[{_text(rest)}]")
    none = "" if answer.entities else "  \n:small[:gray[no entity found]]"
    return "".join(parts) + none


def _characters_read(words: Sequence[Word], prediction: Prediction) -> range:
    """The characters of the words that were read, and of the blanks before them."""
    found = words[prediction.read]
    if not found:
        return range(0)
    return range(found[0].start if prediction.first_read else 0, found[-1].end)


def _highlight(number: int, entity: Entity, text: str) -> str:
    return (
        f":{hue(number)}-background[**{_text(text)}** "
        f":small[{plain(entity.type)} {entity.confidence:.2f}]]"
    )


def _text(text: str) -> str:
    """Escapes text within a line, including lists and HTML entities."""
    line = plain(text).replace("&", "&amp;").replace("\n", " ")
    return line.replace(".", "\\.").replace("-", "\\-")
