"""The `predict` command: labels sentences with the models of finished runs."""

from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Any

import typer

from mtl_core.analysis.reading import summarise
from mtl_core.cli.console import print_json
from mtl_core.errors import BadInput, InvalidRun
from mtl_core.file_access import ANY_FILE
from mtl_core.settings import Settings
from mtl_core.store.model_folder import saved_model
from mtl_core.store.runs import RunStore
from mtl_core.text import visible
from mtl_core.training.predictions import ModelSource, Prediction, Sentence, SentenceAnswer

_BEFORE = "before training"


class PredictFormat(StrEnum):
    """The output formats of `predict`."""

    TEXT = "text"
    JSON = "json"


def predict(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Ids from `runs list`.")],
    text: Annotated[list[str], typer.Option(help="A sentence to label. Repeatable.")],
    before_training: Annotated[
        bool,
        typer.Option(
            "--before-training",
            help="Also predict with the first run's checkpoint and its untrained heads.",
        ),
    ] = False,
    form: Annotated[PredictFormat, typer.Option("--format")] = PredictFormat.TEXT,
) -> None:
    """Label sentences with the saved models of runs, and print the confidence of each label."""
    sentences = [_sentence(each) for each in text]
    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        models = [(run, _model_of(store, run)) for run in dict.fromkeys(runs)]
    if before_training:
        models.insert(0, (_BEFORE, ModelSource(spec=models[0][1].spec)))
    predictions = [(name, _predict(model, sentences)) for name, model in models]
    if form is PredictFormat.JSON:
        print_json(_as_json(sentences, predictions))
    else:
        _print_text(sentences, predictions)


Predictions = Sequence[tuple[str, Sequence[Prediction]]]
"""The name of each model, with its predictions in the order of the sentences."""


def _sentence(text: str) -> Sentence:
    sentence = Sentence.typed(text)
    if not sentence.words:
        raise InvalidRun("--text is empty: write a sentence in quotation marks.")
    return sentence


def _model_of(store: RunStore, run: str) -> ModelSource:
    record = store.run(run)
    events = [event for _, event in store.events(run)]
    summary = summarise(record.id, record.spec, events, None)
    folder = saved_model(summary.run, summary.spec, summary.finished)
    if isinstance(folder, str):
        raise BadInput(folder)
    return ModelSource(spec=summary.spec, folder=folder)


def _predict(model: ModelSource, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
    from mtl_core.models.matrix_products import compute_with
    from mtl_core.training.predicting import load_predictor
    from mtl_core.training.predicting import predict as predict_by

    compute_with(model.spec.threads)
    return predict_by(load_predictor(model, ANY_FILE), sentences)


def _as_json(sentences: Sequence[Sentence], predictions: Predictions) -> dict[str, Any]:
    return {
        "sentences": [
            {
                "text": sentence.text,
                "words": sentence.words,
                "models": [
                    {"model": name, **labelled[place].model_dump(mode="json")}
                    for name, labelled in predictions
                ],
            }
            for place, sentence in enumerate(sentences)
        ]
    }


def _print_text(sentences: Sequence[Sentence], predictions: Predictions) -> None:
    for place, sentence in enumerate(sentences):
        print(visible(sentence.text or ""))
        for name, labelled in predictions:
            print(f"  {name}")
            for line in _lines(sentence, labelled[place]):
                print(f"    {visible(line)}")


def _lines(sentence: Sentence, prediction: Prediction) -> list[str]:
    lines = []
    for task, answer in prediction.answers.items():
        if isinstance(answer, SentenceAnswer):
            lines.append(f"{task}: {answer.label} ({answer.confidence:.3f})")
            continue
        entities = [
            f"{each.type} {' '.join(sentence.words[each.start : each.end])} ({each.confidence:.3f})"
            for each in answer.entities
        ]
        lines.append(f"{task}: {', '.join(entities) or 'no entity'}")
    if prediction.cut:
        lines.append(f"truncated: only {prediction.read_in_words} fit the maximum length")
    return lines
