from itertools import product
from random import Random

import numpy as np
import pytest

from mtl_core.analysis.marks import gold_labels, mark, predicted_tags
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind
from mtl_core.training.events import Answers

SENTIMENT, NER = DEFAULT_TASKS
IOB2 = Task(
    name="ner", kind=TaskKind.TOKEN, head="ner", outputs=("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
)


def answers_to(task: Task, answers: tuple[int | tuple[int, ...], ...], first: int = 0) -> Answers:
    return Answers(
        elapsed_seconds=1.0,
        step=9,
        split="validation",
        places={task.name: tuple(range(first, first + len(answers)))},
        answers={task.name: answers},
    )


def test_a_sentence_is_right_or_not() -> None:
    gold = {"validation": {"sentiment": {0: "negative", 1: "positive", 2: "positive"}}}
    marks = mark(answers_to(SENTIMENT, (0, 0, 1)), SENTIMENT, gold)
    assert marks is not None
    assert marks.counts[:, 0].tolist() == [1, 0, 1]
    assert marks.score == pytest.approx(2 / 3)


def test_entities_are_counted_sentence_by_sentence() -> None:
    gold = {"validation": {"ner": {0: ("PER", "PER", "O", "LOC"), 1: ("O", "ORG"), 2: ("O",)}}}
    marks = mark(answers_to(NER, ((1, 1, 0, 3), (2, 3), (0,))), NER, gold)
    assert marks is not None
    assert marks.counts.tolist() == [[1, 2, 2], [1, 2, 1], [0, 0, 0]]
    assert marks.score == pytest.approx(2 * 2 / 7)


def test_words_cut_off_count_as_outside() -> None:
    assert predicted_tags((1, 1), NER, 4) == ("PER", "PER", "O", "O")
    gold = {"validation": {"ner": {5: ("PER", "O", "LOC")}}}
    marks = mark(answers_to(NER, ((1, 0),), first=5), NER, gold)
    assert marks is not None
    assert marks.counts.tolist() == [[1, 1, 2]]


def test_answers_on_unknown_sentences_are_not_marked() -> None:
    gold = {"validation": {"sentiment": {0: "negative"}}}
    assert mark(answers_to(SENTIMENT, (0, 0)), SENTIMENT, gold) is None
    assert mark(answers_to(NER, ((0,),)), SENTIMENT, gold) is None


@pytest.mark.parametrize("task", [NER, IOB2], ids=["IO", "IOB2"])
def test_marks_give_the_score_of_the_whole_split(task: Task) -> None:
    draw = Random(4)
    lengths = [draw.randint(1, 9) for _ in range(60)]
    answers = tuple(tuple(draw.randrange(len(task.outputs)) for _ in range(n)) for n in lengths)
    gold = [
        tuple(index if draw.random() < 0.6 else draw.randrange(len(task.outputs)) for index in one)
        for one in answers
    ]
    tags = [tuple(task.outputs[index] for index in one) for one in gold]
    marks = mark(answers_to(task, answers), task, {"validation": {"ner": dict(enumerate(tags))}})
    scored = score_entities(tags, [predicted_tags(one, task, len(one)) for one in answers])
    assert marks is not None
    correct, predicted, true = marks.counts.sum(axis=0)
    assert marks.score == pytest.approx(scored["entity_f1"], abs=1e-12)
    assert correct / predicted == pytest.approx(scored["precision"], abs=1e-12)
    assert correct / true == pytest.approx(scored["recall"], abs=1e-12)


def test_the_sample_marked_with_its_own_labels_is_all_right() -> None:
    gold = gold_labels(load_dataset("sample", ANY_FILE))
    assert list(gold) == ["validation", "test"]
    for task, split in product(DEFAULT_TASKS, gold):
        labels = gold[split][task.name]
        right = Answers(
            elapsed_seconds=0.0,
            step=0,
            split=split,
            places={task.name: tuple(labels)},
            answers={
                task.name: tuple(
                    task.outputs.index(label)
                    if isinstance(label, str)
                    else tuple(task.outputs.index(tag) for tag in label)
                    for label in labels.values()
                )
            },
        )
        marks = mark(right, task, gold)
        assert marks is not None
        assert marks.score == 1.0
        assert np.all(marks.counts[:, 0] == marks.counts[:, 2])


def test_accuracy_is_scikit_learns() -> None:
    draw = Random(5)
    gold, answers = ([draw.randrange(2) for _ in range(50)] for _ in range(2))
    labels = {"sentiment": {n: SENTIMENT.outputs[index] for n, index in enumerate(gold)}}
    answered = answers_to(SENTIMENT, tuple(answers))
    marks = mark(answered, SENTIMENT, {"validation": labels})
    assert marks is not None
    expected = score_sentences(gold, answers, SENTIMENT.outputs)["accuracy"]
    assert marks.score == pytest.approx(expected, abs=1e-12)
