"""The Predict page: models, sentence and predictions, and the page without a trained model."""

from collections.abc import Sequence
from datetime import date

import streamlit as st

from mtl_core.charts.theme import DARK, Palette
from mtl_core.engine.lab import Lab
from mtl_core.report.data_words import name_of_data
from mtl_core.report.predictions import predictions_finding
from mtl_core.tasks.task import Task
from mtl_core.training.predictions import Prediction, Sentence
from mtl_core.ui.predict.answers import PredictionOrError, prediction_rows, predictions_of
from mtl_core.ui.predict.disagreements import disagreements_view
from mtl_core.ui.predict.models import (
    Candidate,
    SelectedModel,
    data_of,
    selected_ids,
    selected_models,
    untrained_model,
)
from mtl_core.ui.predict.sentence import (
    controls,
    current_text,
    first_example,
    write_address,
)
from mtl_core.ui.predict.word_effects import word_effects_view
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import header, plain, show_ignored
from mtl_core.ui.shared.resolved_choice import ResolvedChoice
from mtl_core.ui.shared.shot import picture_popover, taking_shot

_NOT_OFFERED = 3
_CONFIDENCE = "confidence is the softmax probability, not the accuracy"


def predict_page(
    lab: Lab, known: Sequence[Candidate], missing: Sequence[str], colors: Palette
) -> None:
    """The page if at least one run has a saved model."""
    ids, notes = selected_ids(known)
    models = selected_models(ids, known)
    dataset = lab.data.dataset(data_of(models))
    text, cut = current_text(first_example(dataset))
    sentence, shot = Sentence.typed(text), taking_shot()
    head = st.container()
    if not shot:
        controls(known, ids, dataset)
    show_ignored([*notes, *cut])
    write_address(ids, text)
    if models and sentence.words:
        predictions = _predictions(lab, models, sentence)
        with head:
            _header(models, predictions)
        if shot:
            st.markdown(f"“{plain(text)}”")
        prediction_rows(models, predictions, text, colors)
        if not shot:
            word_effects_view(lab, models, predictions, text)
            disagreements_view(lab, models, dataset)
    else:
        with head:
            needed = "Enter a sentence" if models else "Select a model"
            header(needed, [_CONFIDENCE], buttons=1)
    if not shot:
        _not_offered(missing)


def no_model_page(
    lab: Lab, chosen: ResolvedChoice, missing: Sequence[str], colors: Palette
) -> None:
    """The page if no finished run has a saved model.

    It shows the predictions of the chosen model before training, and a button to train it.
    """
    header(
        "No trained model yet",
        [
            "A trained model predicts labels with their confidence and marks entities in any "
            "sentence, next to the same model before training."
        ],
        buttons=1,
    )
    if st.button(
        "Train a plan on the sample data: about a minute",
        key=Key.TO_TRAIN,
        icon=":material/play_arrow:",
        type="secondary" if colors is DARK else "primary",
    ):
        st.switch_page("pages/train.py")
    if lab.store.runs(limit=1, shipped=True):
        st.caption(
            "The runs included with Freeze Lab are on Compare and in the Guide. Their models of "
            "90 MB each are not included."
        )
    _not_offered(missing)
    if (untrained := untrained_model(chosen)) is not None:
        _untrained_predictions(lab, untrained, colors)


def _untrained_predictions(lab: Lab, untrained: SelectedModel, colors: Palette) -> None:
    """Draw the predictions of the model before training."""
    with st.container(gap=None):
        st.markdown("## Predictions before training")
        st.caption(
            "The encoder is pretrained, the heads are random: labels and entities are at chance "
            "level, with low confidence."
        )
    dataset = lab.data.dataset(data_of([untrained]))
    text, cut = current_text(first_example(dataset))
    controls([], [], dataset)
    show_ignored(cut)
    write_address([], text)
    sentence = Sentence.typed(text)
    if sentence.words:
        prediction_rows([untrained], _predictions(lab, [untrained], sentence), text, colors)


def _predictions(
    lab: Lab, models: Sequence[SelectedModel], sentence: Sentence
) -> list[PredictionOrError]:
    with st.spinner("Running the models. They are loaded for the first prediction …"):
        return [
            each[0] if isinstance(each, tuple) else each
            for each in predictions_of(lab, models, [sentence])
        ]


def _header(models: Sequence[SelectedModel], predictions: Sequence[PredictionOrError]) -> None:
    trained, untrained = (
        [
            prediction
            for model, prediction in zip(models, predictions, strict=True)
            if isinstance(prediction, Prediction) and (model.model.folder is None) is before
        ]
        for before in (False, True)
    )
    finding = predictions_finding(_tasks(models), trained, untrained) or "No model could be run"
    specs = [each.model.spec for each in models]
    data = dict.fromkeys(map(name_of_data, specs))
    head = header(
        plain(finding),
        [
            plain(", ".join(dict.fromkeys(spec.checkpoint for spec in specs))),
            "1 model" if len(models) == 1 else f"{len(models)} models",
            f"data: {plain(', '.join(data))}",
            _CONFIDENCE,
            f"{date.today():%d %b %Y}".removeprefix("0"),
        ],
        buttons=1,
    )
    if not taking_shot():
        with head:
            picture_popover()


def _tasks(models: Sequence[SelectedModel]) -> list[Task]:
    """The tasks of all models, without repeats."""
    return list({task.name: task for each in models for task in each.model.spec.tasks}.values())


def _not_offered(missing: Sequence[str]) -> None:
    if missing:
        more = len(missing) - _NOT_OFFERED
        tail = f" And {more} more." if more > 0 else ""
        shown = " ".join(missing[:_NOT_OFFERED])
        st.caption(f"Not available: {plain(shown)}{tail}")
