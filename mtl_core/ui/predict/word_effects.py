"""Which words move the label of a sentence: each word is left out in turn (occlusion).

Zeiler & Fergus 2014, section 4.2, cover parts of an image in turn and read the probability of the
correct class; Li, Monroe & Jurafsky 2016 leave out words. Here the class is the predicted label.
"""

from collections.abc import Sequence
from typing import cast

import streamlit as st

from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.titles import task_title
from mtl_core.tasks.split_words import Word, split_words
from mtl_core.tasks.task import TaskKind
from mtl_core.text import signed
from mtl_core.training.predictions import Prediction, Sentence, SentenceAnswer
from mtl_core.ui.predict.answers import PredictionOrError, predictions_of
from mtl_core.ui.predict.models import SelectedModel
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import Hue, hue, plain

MOST_MODELS = 4
MOST_WORDS = 60
SHOWN = 0.02
"""A smaller change of the probability is not marked."""

_CAPTION = (
    "Each word is removed in turn. The number is the probability of the predicted label with the "
    f"word minus that without it; words below {SHOWN:g} are not marked. Words that matter only in "
    "combination are not found."
)


def word_effects_view(
    lab: Lab, models: Sequence[SelectedModel], predictions: Sequence[PredictionOrError], text: str
) -> None:
    """A button; after a click, the sentence of each model with the effect of each word."""
    pairs = [
        (model, prediction)
        for model, prediction in zip(models, predictions, strict=True)
        if isinstance(prediction, Prediction) and _sentence_tasks(model)
    ][:MOST_MODELS]
    words = split_words(text)
    if not pairs or len(words) < 2:
        return
    with st.container(gap=None):
        st.markdown("## Words that affect the label")
        st.caption(_CAPTION)
    if not st.session_state.get(Key.SHOW_WORD_EFFECTS):
        st.button(
            "Remove each word in turn",
            key=Key.WORD_EFFECTS,
            icon=":material/format_ink_highlighter:",
            on_click=_show,
        )
        return
    with st.spinner("Running the models without each word …"):
        without = predictions_of(lab, [model for model, _ in pairs], without_each(text, words))
    for (model, prediction), others in zip(pairs, without, strict=True):
        with st.container(border=True):
            if isinstance(others, FreezeLabError):
                st.error(plain(str(others)), icon=":material/error:")
            else:
                _row(model, prediction, others, words)
    if len(words) > MOST_WORDS:
        st.caption(f"The first {MOST_WORDS} of {len(words)} words are left out.")


def without_each(text: str, words: Sequence[Word]) -> list[Sentence]:
    """The sentence without its first word, without its second, and so on."""
    sentences = []
    for place, word in enumerate(words[:MOST_WORDS]):
        rest = (*words[:place], *words[place + 1 :])
        follows_blank = text[: word.start].rstrip() != text[: word.start] or not place
        has_next = follows_blank and place + 1 < len(words)
        end = words[place + 1].start if has_next else word.end  # one blank goes with the word
        shorter = f"{text[: word.start]}{text[end:]}".strip()
        sentences.append(Sentence(text=shorter, words=tuple(each.text for each in rest)))
    return sentences


def effects(task: str, prediction: Prediction, others: Sequence[Prediction]) -> list[float]:
    """The probability of the predicted label, minus that without each word; from -1 to 1."""
    answer = _sentence_answer(task, prediction)
    return [
        answer.confidence - _sentence_answer(task, other).by_label[answer.label] for other in others
    ]


def _show() -> None:
    st.session_state[Key.SHOW_WORD_EFFECTS] = True


def _sentence_tasks(model: SelectedModel) -> list[tuple[int, str]]:
    """The sentence tasks of a model, with their numbers."""
    tasks = enumerate(model.model.spec.tasks)
    return [(number, task.name) for number, task in tasks if task.kind is TaskKind.SENTENCE]


def _sentence_answer(task: str, prediction: Prediction) -> SentenceAnswer:
    return cast("SentenceAnswer", prediction.answers[task])


def _row(
    model: SelectedModel,
    prediction: Prediction,
    others: Sequence[Prediction],
    words: Sequence[Word],
) -> None:
    name, marked = st.columns([3, 11], gap="small", vertical_alignment="center")
    with name:
        st.markdown(f"**{plain(model.label)}**  \n:small[:gray[{plain(model.facts)}]]")
    for number, task in _sentence_tasks(model):
        answer = _sentence_answer(task, prediction)
        label = (
            f":small[{plain(task_title(task))}:] :{hue(number)}[**{plain(answer.label)}**] "
            f"{answer.confidence:.2f}"
        )
        found = zip(words, effects(task, prediction, others), strict=False)
        text = " ".join(_word(word.text, effect, hue(number)) for word, effect in found)
        marked.markdown(f"{label}  \n{text}")


def _word(text: str, effect: float, color: Hue) -> str:
    """A word; if it has an effect, on the color of the task, or on grey if it is against."""
    if abs(effect) < SHOWN:
        return plain(text)
    background = color if effect > 0 else "gray"
    return f":{background}-background[{plain(text)} :small[{signed(effect, 2)}]]"
