from dataclasses import replace

import numpy as np
import pytest

from mtl_core.analysis.marks import Marks
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.baselines import baselines_of_data
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import DEFAULT_TASKS


def reviews(*rows: tuple[str, str]) -> tuple[Example, ...]:
    return tuple(Example(text, None, {"sentiment": label}) for text, label in rows)


def news(*rows: tuple[str, tuple[str, ...]]) -> tuple[Example, ...]:
    return tuple(Example(None, tuple(words.split()), {"ner": tags}) for words, tags in rows)


def small() -> Dataset:
    train = (
        *reviews(("good fun", "positive"), ("good cast", "positive"), ("good", "positive")),
        *reviews(("dull plot", "negative")),
        *news(("Ada met Bonn", ("PER", "O", "LOC")), ("Bonn", ("LOC",)), ("Bonn", ("ORG",))),
    )
    validation = (
        *reviews(("good plot", "positive"), ("dull", "negative"), ("plot", "negative")),
        *news(("Ada in Bonn", ("PER", "O", "LOC")), ("Eve met Ada", ("PER", "O", "PER"))),
    )
    return Dataset("small", DEFAULT_TASKS, train, validation, {}, {})


def test_the_majority_class_and_no_entity_at_all() -> None:
    majority = baselines_of_data(small())[0]
    assert majority.name == "majority"
    assert majority.values == {"sentiment": pytest.approx(1 / 3), "ner": 0.0}


def test_words_tell_the_sentences_and_each_words_most_frequent_tag_the_entities() -> None:
    words = baselines_of_data(small())[1]
    # found: Ada, Bonn and Ada again; Eve was never seen: precision 1, recall 3 of 4
    assert words.values["ner"] == pytest.approx(6 / 7)
    assert words.values["sentiment"] == 1.0


def test_the_counts_of_the_sentences_give_the_scores() -> None:
    for baseline in baselines_of_data(load_dataset("sample", ANY_FILE)):
        for task in DEFAULT_TASKS:
            counts = np.array(baseline.counts[task.name])
            marks = Marks(baseline.places[task.name], counts)
            assert marks.score == pytest.approx(baseline.values[task.name], abs=1e-12)
            assert len(counts) == len(marks.places) == 800
    words = baselines_of_data(small())[1]
    assert words.counts == {
        "sentiment": ((1, 1, 1),) * 3,
        "ner": ((2, 2, 2), (1, 1, 2)),
    }
    assert words.places == {"sentiment": (0, 1, 2), "ner": (3, 4)}


def test_a_task_without_sentences_on_one_side_is_left_out() -> None:
    dataset = replace(small(), validation=small().validation[:3])
    assert [list(each.values) for each in baselines_of_data(dataset)] == [["sentiment"]] * 2


def test_one_label_in_training_is_all_that_words_can_say() -> None:
    dataset = replace(small(), train=small().train[:3])
    assert [each.values["sentiment"] for each in baselines_of_data(dataset)] == [
        pytest.approx(1 / 3)
    ] * 2


def test_on_the_sample_words_do_better_than_the_majority_and_the_same_each_time() -> None:
    dataset = load_dataset("sample", ANY_FILE)
    majority, words = baselines_of_data(dataset)
    assert majority.values == {"sentiment": 0.5, "ner": 0.0}
    assert words.values["sentiment"] > 0.6
    assert words == baselines_of_data(dataset)[1]
