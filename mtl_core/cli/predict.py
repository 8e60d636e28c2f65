"""The `predict` command: what finished runs answer to a sentence."""

import json
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from typing import Annotated, Any

import typer

from mtl_core.analysis.reading import summarise
from mtl_core.analysis.written import written_model
from mtl_core.errors import BadInput, InvalidRun
from mtl_core.settings import ANY_FILE, Settings
from mtl_core.store.runs import RunStore
from mtl_core.training.predictions import AskedModel, Prediction, Sentence, SentenceAnswer

_BEFORE = "before training"


class PredictFormat(StrEnum):
    """How `predict` prints answers."""

    TEXT = "text"
    JSON = "json"


def predict(
    runs: Annotated[list[str], typer.Argument(metavar="RUN", help="Ids of `runs list`.")],
    text: Annotated[list[str], typer.Option(help="A sentence. Repeatable.")],
    before_training: Annotated[
        bool,
        typer.Option(
            "--before-training",
            help="Ask the first run's checkpoint with the seed's fresh heads too.",
        ),
    ] = False,
    form: Annotated[PredictFormat, typer.Option("--format")] = PredictFormat.TEXT,
) -> None:
    """Have the models that runs wrote answer sentences, with the confidence of each answer."""
    sentences = [_sentence(each) for each in text]
    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        asked = [(run, _model_of(store, run)) for run in dict.fromkeys(runs)]
    if before_training:
        asked.insert(0, (_BEFORE, AskedModel(spec=asked[0][1].spec)))
    answers = [(name, _answers(model, sentences)) for name, model in asked]
    if form is PredictFormat.JSON:
        print(json.dumps(_as_json(sentences, answers), indent=2, ensure_ascii=False))
    else:
        _print(sentences, answers)


Answers = Sequence[tuple[str, Sequence[Prediction]]]


def _sentence(text: str) -> Sentence:
    sentence = Sentence.typed(text)
    if not sentence.words:
        raise InvalidRun("--text is empty: write a sentence in quotation marks.")
    return sentence


def _model_of(store: RunStore, run: str) -> AskedModel:
    record = store.run(run)
    events = [event for _, event in store.events(run)]
    summary = summarise(record.id, record.spec, events, None)
    folder = written_model(summary)
    if isinstance(folder, str):
        raise BadInput(folder)
    return AskedModel(spec=summary.spec, folder=folder)


def _answers(model: AskedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
    from mtl_core.models.matrix_products import compute_with
    from mtl_core.training.predicting import load_asked
    from mtl_core.training.predicting import predict as predict_by

    compute_with(model.spec.threads)
    return predict_by(load_asked(model, ANY_FILE), sentences)


def _as_json(sentences: Sequence[Sentence], answers: Answers) -> dict[str, Any]:
    return {
        "sentences": [
            {
                "text": sentence.text,
                "words": sentence.words,
                "models": [
                    {"model": name, **said[place].model_dump(mode="json")} for name, said in answers
                ],
            }
            for place, sentence in enumerate(sentences)
        ]
    }


def _print(sentences: Sequence[Sentence], answers: Answers) -> None:
    for place, sentence in enumerate(sentences):
        print(sentence.text)
        for name, said in answers:
            print(f"  {name}")
            for line in _lines(sentence, said[place]):
                print(f"    {line}")


def _lines(sentence: Sentence, said: Prediction) -> list[str]:
    lines = []
    for task, answer in said.answers.items():
        if isinstance(answer, SentenceAnswer):
            lines.append(f"{task}: {answer.label} ({answer.confidence:.3f})")
            continue
        found = [
            f"{each.type} {' '.join(sentence.words[each.start : each.end])} ({each.confidence:.3f})"
            for each in answer.entities
        ]
        lines.append(f"{task}: {', '.join(found) or 'no entity'}")
    if said.cut:
        lines.append(f"cut: only {said.words_read} of {said.words} words fit its maximum length")
    return lines
