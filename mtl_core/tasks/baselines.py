"""Scores that data give without any model, so that a comparison shows what its plans are worth.

The majority class (for tokens: no entity at all), and counts of words: for sentences a logistic
regression over TF-IDF, for tokens each word's most frequent tag in training. Well under a second
on the sample, once scikit-learn is imported, which takes another.
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
    """A score to stand beside the plans': `values` is the headline metric by task."""

    name: str
    label: str
    values: dict[str, float]
    meaning: str


def baselines_of_data(dataset: Dataset) -> tuple[Baseline, ...]:
    """Those that the dataset alone gives, trained on its training split (limits of examples
    included) and scored on its validation split. Tasks without sentences in both are left out."""
    splits = {
        task.name: (_labelled(dataset.train, task), _labelled(dataset.validation, task))
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


def _majority(task: Task, train: Sequence[Example], validation: Sequence[Example]) -> float:
    if task.kind is TaskKind.TOKEN:
        said = [(OUTSIDE,) * len(example.labels[task.name]) for example in validation]
        return _entity_f1(task, validation, said)
    counts = Counter(str(example.labels[task.name]) for example in train)
    most = max(task.outputs, key=lambda label: counts[label])
    return _accuracy(task, validation, [most] * len(validation))


def _words(task: Task, train: Sequence[Example], validation: Sequence[Example]) -> float:
    if task.kind is TaskKind.TOKEN:
        return _entity_f1(task, validation, _by_dictionary(task, train, validation))
    labels = [str(example.labels[task.name]) for example in train]
    if len(set(labels)) < _LEAST_SENTENCES:
        return _majority(task, train, validation)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectors.fit_transform(_text(example) for example in train), labels)
    said = model.predict(vectors.transform(_text(example) for example in validation))
    return _accuracy(task, validation, [str(each) for each in said])


def _by_dictionary(
    task: Task, train: Sequence[Example], validation: Sequence[Example]
) -> list[tuple[str, ...]]:
    """Each word's most frequent tag in training, the head's first of equal ones; O if unseen."""
    seen: dict[str, Counter[str]] = {}
    for example in train:
        for word, tag in zip(example.words or (), example.labels[task.name], strict=True):
            seen.setdefault(word, Counter())[tag] += 1
    known = {word: max(task.outputs, key=lambda tag: counts[tag]) for word, counts in seen.items()}
    return [
        tuple(known.get(word, OUTSIDE) for word in example.words or ()) for example in validation
    ]


def _text(example: Example) -> str:
    return example.text if example.text is not None else " ".join(example.words or ())


def _accuracy(task: Task, validation: Sequence[Example], said: Sequence[str]) -> float:
    place = {label: number for number, label in enumerate(task.outputs)}
    gold = [place[str(example.labels[task.name])] for example in validation]
    return score_sentences(gold, [place[label] for label in said], task.outputs)["accuracy"]


def _entity_f1(task: Task, validation: Sequence[Example], said: Sequence[tuple[str, ...]]) -> float:
    gold = [tuple(example.labels[task.name]) for example in validation]
    return score_entities(gold, said)["entity_f1"]
