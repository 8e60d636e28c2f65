"""Compares the predictions of several models: a summary, and the sentences on which they differ."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mtl_core.freezing.titles import task_title
from mtl_core.tasks.example import Example
from mtl_core.tasks.schemes import spans
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.training.predictions import Prediction, Sentence, SentenceAnswer, TokenAnswer

NO_ENTITY = "no entity"

Answer = str | tuple[tuple[int, int, str], ...]
"""A prediction without confidence: a label, or entities as (first word, end word, type)."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A sentence for which the models predict different labels at `task`.

    `label` is the label in the data; `answers` are the predictions in the order of the models.
    """

    task: Task
    sentence: Sentence
    label: Answer
    answers: tuple[Answer, ...]


def sentence_of(example: Example) -> Sentence:
    """An example of a dataset as model input."""
    if example.words is not None:
        return Sentence(text=None, words=example.words)
    return Sentence.typed(example.text or "")


def disagreements(
    tasks: Sequence[Task],
    examples: Sequence[Example],
    predictions: Sequence[Sequence[Prediction]],
    among: Collection[int] | None = None,
) -> tuple[Disagreement, ...]:
    """The examples for which predictions of the labelled task differ.

    They are ordered by task, then by the number of correct models, lowest first. `predictions`
    contains one sequence per model with one prediction per example. `among` are the indices of the
    models that are compared; None: all. The answers of the other models are returned as well.
    """
    compared = range(len(predictions)) if among is None else among
    found: list[Disagreement] = []
    for task in tasks:
        labelled = [
            Disagreement(
                task,
                sentence_of(example),
                _gold(example.labels[task.name]),
                tuple(_answer(each[index], task) for each in predictions),
            )
            for index, example in enumerate(examples)
            if task.name in example.labels
        ]
        differing = [each for each in labelled if len({each.answers[n] for n in compared}) > 1]
        found += sorted(
            differing, key=lambda each: sum(each.answers[n] == each.label for n in compared)
        )
    return tuple(found)


def predictions_finding(
    tasks: Sequence[Task],
    trained: Sequence[Prediction],
    untrained: Sequence[Prediction] = (),
) -> str:
    """The headline: what the models predict for one sentence, and whether they agree.

    For example `Sentiment: both predict positive; NER: predictions differ`. The predictions of
    untrained models count only if there are no others.
    """
    noun = " trained models" if trained and untrained else ""
    parts = []
    for task in tasks:
        answers = [
            _answer(each, task) for each in trained or untrained if task.name in each.answers
        ]
        if answers:
            parts.append(f"{task_title(task.name)}: {_finding(task, answers, noun)}")
    return "; ".join(parts)


def answer_text(answer: Answer, words: Sequence[str]) -> str:
    """A prediction as text: the label, or each entity with its type."""
    if isinstance(answer, str):
        return answer
    found = [f"{' '.join(words[start:end])} ({kind})" for start, end, kind in answer]
    return ", ".join(found) or NO_ENTITY


def _answer(prediction: Prediction, task: Task) -> Answer:
    match prediction.answers[task.name]:
        case SentenceAnswer(label=label):
            return label
        case TokenAnswer(entities=entities):
            return tuple((each.start, each.end, each.type) for each in entities)


def _gold(label: str | tuple[str, ...]) -> Answer:
    if isinstance(label, str):
        return label
    return tuple((span.start, span.end, span.type) for span in spans(label))


def _finding(task: Task, answers: Sequence[Answer], noun: str) -> str:
    counts = Counter(answers)
    first, models = answers[0], len(answers)
    if len(counts) == 1:
        what = first if isinstance(first, str) else _entities(len(first), same=models > 1)
        who = {2: "both"}.get(models, f"all {models}")
        return what if models == 1 else f"{who}{noun} predict {what}"
    if task.kind is TaskKind.SENTENCE:
        return ", ".join(
            f"{count} {'predicts' if count == 1 else 'predict'} {answer}"
            for answer, count in counts.most_common()
        )
    if len(counts) == models:
        return "predictions differ"
    return f"{models}{noun or ' models'}, {len(counts)} different predictions"


def _entities(count: int, *, same: bool) -> str:
    if count == 0:
        return NO_ENTITY
    if same:
        return "the same entity" if count == 1 else f"the same {count} entities"
    return "1 entity" if count == 1 else f"{count} entities"
