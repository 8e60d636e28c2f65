"""The Predict page put together: what there is to ask, what was answered, and the empty state."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.data_words import data_name
from mtl_core.report.predict_words import answers_finding
from mtl_core.tasks.task import Task
from mtl_core.training.predictions import Prediction, Sentence
from mtl_core.ui.predict.answers import Answered, answer_rows, answers_of
from mtl_core.ui.predict.disagreements import disagreements_view
from mtl_core.ui.predict.models import (
    Asked,
    Candidate,
    asked_models,
    data_of,
    resolved,
    untrained_model,
)
from mtl_core.ui.predict.sentence import (
    asked_text,
    controls,
    first_example,
    shipped_data,
    write_address,
)
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain, show_ignored
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import picture_popover, taking_shot

_NOT_OFFERED = 3


def predict_page(
    lab: Lab, known: Sequence[Candidate], missing: Sequence[str], colors: Palette
) -> None:
    """The page where at least one run has a model."""
    ids, notes = asked_models(known)
    asked = resolved(ids, known)
    dataset = shipped_data(data_of(asked), lab.access)
    text = asked_text(first_example(dataset))
    sentence, shot = Sentence.typed(text), taking_shot()
    head = st.container()
    if not shot:
        controls(known, ids, dataset)
    show_ignored(notes)
    write_address(ids, text)
    if asked and sentence.words:
        said = _answers(lab, asked, sentence)
        with head:
            _header(asked, said)
        if shot:
            st.markdown(f"“{plain(text)}”")
        answer_rows(asked, said, text, colors)
        if not shot:
            disagreements_view(lab, asked, dataset)
    else:
        with head:
            wanted = "a sentence" if asked else "a model"
            header(f"Choose {wanted} to ask", [_what_it_is()], buttons=1)
    if not shot:
        _not_offered(missing)


def nothing_to_ask(
    lab: Lab, chosen: ResolvedChoice, missing: Sequence[str], colors: Palette
) -> None:
    """The page while no finished run has a model here: the chosen one answers as it is before
    training, and a button leads to its run."""
    header(
        "No trained model to ask yet",
        [
            "A plan trained here answers any sentence: the label and how sure it is, the entities "
            "marked, beside the same model before training."
        ],
        buttons=1,
    )
    if st.button(
        "Train a plan on the sample: about a minute",
        key=Key.TO_TRAIN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py")
    if lab.store.runs(limit=1, shipped=True):
        st.caption(
            "The finished runs that came with Freeze Lab are on Compare and in the Guide. Their "
            "models, 90 MB each, did not come along."
        )
    _not_offered(missing)
    if (untrained := untrained_model(chosen)) is not None:
        _ask_untrained(lab, untrained, colors)


def _ask_untrained(lab: Lab, untrained: Asked, colors: Palette) -> None:
    """What the model says before it has learned: what training will have to better."""
    with st.container(gap=None):
        st.markdown("### Until then: what it says before training")
        st.caption(
            "Pretrained encoder, heads drawn at random: labels and entities are chance, and the "
            "confidence says so."
        )
    dataset = shipped_data(data_of([untrained]), lab.access)
    text = asked_text(first_example(dataset))
    controls([], [], dataset)
    write_address([], text)
    sentence = Sentence.typed(text)
    if sentence.words:
        answer_rows([untrained], _answers(lab, [untrained], sentence), text, colors)


def _answers(lab: Lab, asked: Sequence[Asked], sentence: Sentence) -> list[Answered]:
    with st.spinner("Asking the models; the first question loads them …"):
        return [
            each[0] if isinstance(each, tuple) else each
            for each in answers_of(lab, asked, [sentence])
        ]


def _header(asked: Sequence[Asked], said: Sequence[Answered]) -> None:
    answered = [each for each in said if isinstance(each, Prediction)]
    finding = answers_finding(_tasks(asked), answered) or "No model could answer"
    specs = [each.model.spec for each in asked]
    data = dict.fromkeys(data_name(s.data, (task.name for task in s.tasks)) for s in specs)
    head = header(
        plain(finding),
        [
            plain(", ".join(dict.fromkeys(spec.checkpoint for spec in specs))),
            "1 model" if len(asked) == 1 else f"{len(asked)} models",
            f"data: {plain(', '.join(data))}",
            _what_it_is(),
            f"{date.today():%d %b %Y}".removeprefix("0"),
        ],
        buttons=1,
    )
    if not taking_shot():
        with head:
            picture_popover()


def _what_it_is() -> str:
    return "confidence is the head's softmax: how sure, not how often right"


def _tasks(asked: Sequence[Asked]) -> list[Task]:
    """Every task of any model, by name, once."""
    return list({task.name: task for each in asked for task in each.model.spec.tasks}.values())


def _not_offered(missing: Sequence[str]) -> None:
    if missing:
        more = len(missing) - _NOT_OFFERED
        tail = f" And {more} more." if more > 0 else ""
        shown = " ".join(missing[:_NOT_OFFERED])
        st.caption(f"Not offered: {plain(shown)}{tail}")
