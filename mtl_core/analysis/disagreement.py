"""Labelled sentences on which models disagree."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mtl_core.tasks.dataset import Example
from mtl_core.tasks.schemes import spans
from mtl_core.tasks.task import Task
from mtl_core.training.predictions import Prediction, Sentence, SentenceAnswer, TokenAnswer

Said = str | tuple[tuple[int, int, str], ...]
"""An answer to compare: a label, or the entities as (first word, word after the last, type)."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sentence whose label at `task` the models do not all give alike.

    `right` is what the data say, `said` what each model says, in their order.
    """

    task: Task
    sentence: Sentence
    right: Said
    said: tuple[Said, ...]


def asked_of(example: Example) -> Sentence:
    """An example of the data as a sentence to ask."""
    if example.words is not None:
        return Sentence(text=None, words=example.words)
    return Sentence.typed(example.text or "")


def disagreements(
    tasks: Sequence[Task],
    examples: Sequence[Example],
    answers: Sequence[Sequence[Prediction]],
    among: Collection[int] | None = None,
) -> tuple[Disagreement, ...]:
    """The examples on which the models' answers to the labelled task differ, in order of the
    tasks, those first of which the fewest models are right.

    `answers` are each model's, one for each example. `among` are the places of the models that
    have to differ, all without it; the others' answers are told beside.
    """
    judged = range(len(answers)) if among is None else among
    found: list[Disagreement] = []
    for task in tasks:
        of_task = [
            Disagreement(
                task,
                asked_of(example),
                _right(example.labels[task.name]),
                tuple(_said(each[place], task) for each in answers),
            )
            for place, example in enumerate(examples)
            if task.name in example.labels
        ]
        apart = [each for each in of_task if len({each.said[n] for n in judged}) > 1]
        found += sorted(apart, key=lambda each: sum(each.said[n] == each.right for n in judged))
    return tuple(found)


def said_at(prediction: Prediction, task: Task) -> Said | None:
    """A model's answer at `task`, without its confidence; None where it has no such head."""
    return _said(prediction, task) if task.name in prediction.answers else None


def _said(prediction: Prediction, task: Task) -> Said:
    match prediction.answers[task.name]:
        case SentenceAnswer(label=label):
            return label
        case TokenAnswer(entities=entities):
            return tuple((each.start, each.end, each.type) for each in entities)


def _right(label: str | tuple[str, ...]) -> Said:
    if isinstance(label, str):
        return label
    return tuple((span.start, span.end, span.type) for span in spans(label))
