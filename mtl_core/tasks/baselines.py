"""Baselines without an encoder, for comparison with the scores of plans.

They are the majority class (for tokens, no entities) and word counts: a logistic regression over
TF-IDF for sentences, and each word's most frequent training tag for tokens.
"""

from collections import Counter
from collections.abc import Sequence

from mtl_core.tasks.dataset import Dataset, Example
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.values import Frozen

_LEAST_SENTENCES = 2


class Baseline(Frozen):
    """A baseline; `values` is the headline metric by task."""

    name: str
    label: str
    values: dict[str, float]
    meaning: str


def baselines_of_data(dataset: Dataset) -> tuple[Baseline, ...]:
    """The baselines of a data set, fitted on its training and scored on its judged sentences.

    The judged split is that of `Dataset.judged_split`. Tasks without sentences in both splits are
    omitted.
    """
    splits = {
        task.name: (_labelled(dataset.train, task), dataset.judged(task.name))
        for task in dataset.tasks
    }
    tasks = [task for task in dataset.tasks if all(splits[task.name])]
    return (
        Baseline(
            name="majority",
            label="majority class",
            values={task.name: _majority(task, *splits[task.name]) for task in tasks},
            meaning="Always the most frequent label in training; for tokens, no entity at all.",
        ),
        Baseline(
            name="words",
            label="bag of words",
            values={task.name: _words(task, *splits[task.name]) for task in tasks},
            meaning="Logistic regression over TF-IDF of words and pairs; for tokens, each word's "
            "most frequent tag in training.",
        ),
    )


def _labelled(examples: Sequence[Example], task: Task) -> list[Example]:
    return [example for example in examples if task.name in example.labels]


def _majority(task: Task, train: Sequence[Example], judged: Sequence[Example]) -> float:
    if task.kind is TaskKind.TOKEN:
        predicted = [(OUTSIDE,) * len(example.labels[task.name]) for example in judged]
        return _entity_f1(task, judged, predicted)
    counts = Counter(str(example.labels[task.name]) for example in train)
    most = max(task.outputs, key=lambda label: counts[label])
    return _accuracy(task, judged, [most] * len(judged))


def _words(task: Task, train: Sequence[Example], judged: Sequence[Example]) -> float:
    if task.kind is TaskKind.TOKEN:
        return _entity_f1(task, judged, _by_dictionary(task, train, judged))
    labels = [str(example.labels[task.name]) for example in train]
    if len(set(labels)) < _LEAST_SENTENCES:
        return _majority(task, train, judged)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectors.fit_transform(_text(example) for example in train), labels)
    predicted = model.predict(vectors.transform(_text(example) for example in judged))
    return _accuracy(task, judged, [str(each) for each in predicted])


def _by_dictionary(
    task: Task, train: Sequence[Example], judged: Sequence[Example]
) -> list[tuple[str, ...]]:
    """Each word's most frequent training tag, the first output of equal ones; O if unseen."""
    seen: dict[str, Counter[str]] = {}
    for example in train:
        for word, tag in zip(example.words or (), example.labels[task.name], strict=True):
            seen.setdefault(word, Counter())[tag] += 1
    known = {word: max(task.outputs, key=lambda tag: counts[tag]) for word, counts in seen.items()}
    return [tuple(known.get(word, OUTSIDE) for word in example.words or ()) for example in judged]


def _text(example: Example) -> str:
    return example.text if example.text is not None else " ".join(example.words or ())


def _accuracy(task: Task, judged: Sequence[Example], predicted: Sequence[str]) -> float:
    place = {label: number for number, label in enumerate(task.outputs)}
    gold = [place[str(example.labels[task.name])] for example in judged]
    return score_sentences(gold, [place[label] for label in predicted], task.outputs)["accuracy"]


def _entity_f1(
    task: Task, judged: Sequence[Example], predicted: Sequence[tuple[str, ...]]
) -> float:
    gold = [tuple(example.labels[task.name]) for example in judged]
    return score_entities(gold, predicted)["entity_f1"]
