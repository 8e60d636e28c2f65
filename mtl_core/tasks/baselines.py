"""Baselines without an encoder, for comparison with the scores of plans.

They are the majority class (for tokens, no entities) and word counts: a logistic regression over
TF-IDF for sentences, and each word's most frequent training tag for tokens.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from pydantic import Field

from mtl_core.tasks.dataset import Dataset
from mtl_core.tasks.example import Example, Label
from mtl_core.tasks.schemes import OUTSIDE
from mtl_core.tasks.scoring import entity_counts, score_entities, score_sentences
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.values import Frozen

_LEAST_SENTENCES = 2


_Predict = Callable[[Task, Sequence[Example], Sequence[Example]], Sequence[Label]]
"""Predicts the judged examples of a task, the last argument, from its training examples."""


class Baseline(Frozen):
    """A baseline; `values` is the headline metric by task.

    `places` are by task the judged sentences by their index in the split, and `counts` their
    correct, predicted and labelled parts (see `analysis.marks.Marks`); empty if they are unknown.
    """

    name: str
    label: str
    values: dict[str, float]
    meaning: str
    places: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    counts: dict[str, tuple[tuple[int, int, int], ...]] = Field(default_factory=dict)


def baselines_of_data(dataset: Dataset) -> tuple[Baseline, ...]:
    """The baselines of a data set, fitted on its training and scored on its judged sentences.

    The judged split is that of `Dataset.judged_split`. Tasks without sentences in both splits, or
    with an undefined score, are omitted.
    """
    majority = Baseline(
        name="majority",
        label="majority class",
        values={},
        meaning="Always the most frequent label in training; for tokens, no entity at all.",
    )
    words = Baseline(
        name="words",
        label="bag of words",
        values={},
        meaning="Logistic regression over TF-IDF of words and pairs; for tokens, each word's "
        "most frequent tag in training.",
    )
    return _scored(majority, dataset, _majority), _scored(words, dataset, _words)


def _scored(baseline: Baseline, dataset: Dataset, predict: _Predict) -> Baseline:
    """Adds the scores and counts of every task with sentences in both splits."""
    values, places, counts = {}, {}, {}
    for task in dataset.tasks:
        train, judged = _labelled(dataset.train, task), dataset.judged(task.name)
        if train and judged:
            predicted = predict(task, train, judged)
            score = _score(task, judged, predicted)
            if score is None:
                continue
            values[task.name] = score
            counts[task.name] = tuple(
                _counts(task, example.labels[task.name], label)
                for example, label in zip(judged, predicted, strict=True)
            )
            split = dataset.splits[dataset.judged_split(task.name)]
            places[task.name] = tuple(
                place for place, example in enumerate(split) if task.name in example.labels
            )
    return baseline.model_copy(update={"values": values, "places": places, "counts": counts})


def _labelled(examples: Sequence[Example], task: Task) -> list[Example]:
    return [example for example in examples if task.name in example.labels]


def _majority(task: Task, train: Sequence[Example], judged: Sequence[Example]) -> Sequence[Label]:
    if task.kind is TaskKind.TOKEN:
        return [(OUTSIDE,) * len(example.labels[task.name]) for example in judged]
    counts = Counter(str(example.labels[task.name]) for example in train)
    most = max(task.outputs, key=lambda label: counts[label])
    return [most] * len(judged)


def _words(task: Task, train: Sequence[Example], judged: Sequence[Example]) -> Sequence[Label]:
    if task.kind is TaskKind.TOKEN:
        return _by_dictionary(task, train, judged)
    labels = [str(example.labels[task.name]) for example in train]
    if len(set(labels)) < _LEAST_SENTENCES:
        return _majority(task, train, judged)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectors = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10.0, max_iter=1000)
    model.fit(vectors.fit_transform(_text(example) for example in train), labels)
    predicted = model.predict(vectors.transform(_text(example) for example in judged))
    return [str(each) for each in predicted]


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


def _score(task: Task, judged: Sequence[Example], predicted: Sequence[Label]) -> float | None:
    """Accuracy or entity F1; None if it is undefined."""
    gold = [example.labels[task.name] for example in judged]
    if task.kind is TaskKind.TOKEN:
        return score_entities([tuple(tags) for tags in gold], [tuple(p) for p in predicted])[
            "entity_f1"
        ]
    place = {label: number for number, label in enumerate(task.outputs)}
    return score_sentences(
        [place[str(label)] for label in gold],
        [place[str(label)] for label in predicted],
        task.outputs,
    )["accuracy"]


def _counts(task: Task, gold: Label, predicted: Label) -> tuple[int, int, int]:
    if task.kind is TaskKind.TOKEN:
        return entity_counts(gold, predicted, task.outputs)
    return int(gold == predicted), 1, 1
