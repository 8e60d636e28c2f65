"""Scores, compared with counts that are written out, scikit-learn and seqeval."""

from random import Random

import pytest
from seqeval.metrics.v1 import precision_recall_fscore_support
from seqeval.scheme import IOB2
from sklearn.metrics import accuracy_score, f1_score

from mtl_core.tasks.schemes import to_iob2
from mtl_core.tasks.scoring import entity_counts, score_entities, score_sentences

NOTHING = {"entity_f1": 0.0, "precision": 0.0, "recall": 0.0}


def split(*sentences: str) -> list[list[str]]:
    return [sentence.split() for sentence in sentences]


def test_sentences_are_scored_by_class() -> None:
    # Negative: precision 1/1, recall 1/2, F1 2/3. Positive: precision 2/3, recall 2/2, F1 4/5.
    scores = score_sentences([0, 0, 1, 1], [0, 1, 1, 1], ("negative", "positive"))
    assert scores == {"accuracy": 0.75, "macro_f1": pytest.approx((2 / 3 + 4 / 5) / 2)}


def test_a_class_never_seen_counts_as_zero_in_the_mean() -> None:
    scores = score_sentences([0, 1], [0, 1], ("a", "b", "c"))
    assert scores == {"accuracy": 1.0, "macro_f1": pytest.approx(2 / 3)}


def test_entities_are_scored_as_whole_spans() -> None:
    # Gold: Ann Lee, Rome, Eve. Predicted: Ann Lee, Rome with another type, Eve, one too many.
    gold = split("B-PER I-PER O B-LOC", "B-PER O O")
    predicted = split("B-PER I-PER O B-ORG", "B-PER O B-LOC")
    assert score_entities(gold, predicted) == {
        "entity_f1": pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)),
        "precision": pytest.approx(2 / 4),
        "recall": pytest.approx(2 / 3),
    }


def test_half_an_entity_is_not_right() -> None:
    assert score_entities(split("B-PER I-PER"), split("B-PER O")) == NOTHING


def test_in_iob2_an_inside_tag_that_continues_nothing_is_no_entity() -> None:
    # One of two found, and the I-LOC is no false alarm.
    scores = score_entities(split("B-PER O B-LOC"), split("B-PER O I-LOC"))
    assert scores == {
        "entity_f1": pytest.approx(2 / 3),
        "precision": 1.0,
        "recall": 0.5,
    }


def test_in_io_a_run_of_one_type_is_one_span() -> None:
    # Gold spans: PER over two words, LOC. Predicted: PER over one word, LOC.
    scores = score_entities(split("PER PER O LOC"), split("PER O O LOC"))
    assert scores == {"entity_f1": 0.5, "precision": 0.5, "recall": 0.5}
    assert score_entities(split("PER PER"), split("PER PER"))["entity_f1"] == 1.0


def test_inside_tags_alone_are_io() -> None:
    assert score_entities(split("I-PER I-PER O"), split("I-PER I-PER O"))["entity_f1"] == 1.0


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ([[]], [[]]),
        ([["O"]], [["O"]]),
        ([["O"]], [["B-PER"]]),
        ([["O"]], [["I-PER"]]),
    ],
)
def test_without_an_entity_to_find_the_scores_are_undefined(gold, predicted) -> None:
    assert score_entities(gold, predicted) == dict.fromkeys(NOTHING)


def test_without_a_predicted_entity_the_scores_are_zero_without_a_warning() -> None:
    assert score_entities([["B-PER"]], [["O"]]) == NOTHING


@pytest.mark.parametrize(
    "outputs",
    [
        ("O", "B-LOC", "I-LOC", "B-PER", "I-PER"),
        ("O", "LOC", "PER"),
        ("O", "I-LOC", "I-PER"),
    ],
    ids=["IOB2", "IO", "IO with a prefix"],
)
@pytest.mark.parametrize("seed", range(30))
def test_counts_by_sentence_add_up_to_the_scores(outputs: tuple[str, ...], seed: int) -> None:
    draw = Random(seed)
    gold, predicted = [], []
    for _ in range(draw.randint(1, 25)):
        words = draw.randint(1, 9)
        predicted.append([draw.choice(outputs) for _ in range(words)])
        # gold tags are in valid IOB2 once they are loaded, as `to_iob2` writes them
        tags = [tag if draw.random() < 0.6 else draw.choice(outputs) for tag in predicted[-1]]
        gold.append(list(to_iob2(tags)) if "B-PER" in outputs else tags)
    counts = [entity_counts(*pair, outputs) for pair in zip(gold, predicted, strict=True)]
    correct, found, expected = (sum(column) for column in zip(*counts, strict=True))
    assert score_entities(gold, predicted) == {
        "entity_f1": pytest.approx(2 * correct / (found + expected) if found + expected else 0),
        "precision": pytest.approx(correct / found if found else 0),
        "recall": pytest.approx(correct / expected if expected else 0),
    }


@pytest.mark.parametrize("seed", range(30))
def test_sentences_are_scored_as_scikit_learn_does(seed: int) -> None:
    draw = Random(seed)
    classes = range(draw.randint(2, 6))
    gold, predicted = ([draw.choice(classes) for _ in range(25)] for _ in range(2))
    if seed % 3 == 0:  # the last class occurs in neither
        gold, predicted = (
            [min(each, len(classes) - 2) for each in one] for one in (gold, predicted)
        )
    assert score_sentences(gold, predicted, "abcdef"[: len(classes)]) == {
        "accuracy": pytest.approx(accuracy_score(gold, predicted), abs=1e-15),
        "macro_f1": pytest.approx(
            f1_score(gold, predicted, labels=classes, average="macro", zero_division=0), abs=1e-15
        ),
    }


@pytest.mark.parametrize("seed", range(60))
def test_entities_are_scored_as_seqevals_strict_mode_does(seed: int) -> None:
    draw = Random(seed)
    tags = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    gold = [[draw.choice(tags) for _ in range(draw.randint(1, 9))] for _ in range(20)]
    predicted = [
        [each if draw.random() < 0.6 else draw.choice(tags) for each in one] for one in gold
    ]
    expected = precision_recall_fscore_support(
        gold, predicted, average="micro", scheme=IOB2, zero_division=0
    )
    assert score_entities(gold, predicted) == dict(
        zip(("precision", "recall", "entity_f1"), expected[:3], strict=True)
    )
