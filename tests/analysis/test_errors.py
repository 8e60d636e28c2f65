from collections.abc import Mapping
from dataclasses import replace

import pytest

from mtl_core.analysis.errors import (
    NO_ENTITY,
    Confusion,
    LabelDifference,
    confusion,
    label_differences,
)
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Answers
from tests.run_story import Story, minilm, scores, spec_of

SENTIMENT, NER = DEFAULT_TASKS
GOLD = {
    "validation": {
        "sentiment": {0: "negative", 1: "positive", 2: "positive", 3: "negative"},
        "ner": {0: ("PER", "PER", "O"), 1: ("LOC", "O"), 2: ("O", "ORG")},
    }
}

Predictions = Mapping[str, tuple[int | tuple[int, ...], ...]]


def run(predictions: Predictions, seed: int = 0, finished: bool = True) -> RunSummary:
    story = Story(spec_of("heads-only", seed=seed), [1]).start().evaluate(scores(0.5, 0.5)).phase()
    if finished:
        story.finish(scores(0.5, 0.5))
    answers = Answers(
        elapsed_seconds=1.0,
        step=1,
        split="validation",
        places={name: tuple(range(len(each))) for name, each in predictions.items()},
        answers=dict(predictions),
    )
    elsewhere = answers.model_copy(update={"split": "posts", "answers": {}, "places": {}})
    summary = summarise(story.run, story.spec, story, minilm())
    return replace(summary, answers=(answers, elsewhere))


def test_the_confusion_of_a_sentence_task_sums_over_seeds() -> None:
    runs = [run({"sentiment": (0, 1, 0, 0)}, 0), run({"sentiment": (1, 1, 0, 0)}, 1)]
    (plan,) = compare_plans([*runs, run({"sentiment": (1, 1, 1, 1)}, 2, finished=False)]).plans
    expected = Confusion(("negative", "positive"), ((3, 1), (2, 2)), 2)
    assert confusion(plan, SENTIMENT, GOLD) == expected


def test_entities_are_confused_missed_and_invented() -> None:
    # two words of a person predicted as a place; a place missed; an organisation right
    (plan,) = compare_plans([run({"ner": ((2, 2, 1), (0, 0), (0, 3))})]).plans
    found = confusion(plan, NER, GOLD)
    assert found is not None
    assert found.labels == ("PER", "LOC", "ORG", NO_ENTITY)
    assert found.counts == ((0, 1, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0))


def test_an_entity_of_other_words_is_missed_and_another_invented() -> None:
    (plan,) = compare_plans([run({"ner": ((1, 0, 0), (2, 0), (0, 3))})]).plans
    found = confusion(plan, NER, GOLD)
    assert found is not None
    assert found.counts == ((0, 0, 0, 1), (0, 1, 0, 0), (0, 0, 1, 0), (1, 0, 0, 0))


def test_a_plan_without_predictions_has_no_confusion() -> None:
    (plan,) = compare_plans([run({"ner": ((1, 0, 0),)})]).plans
    assert confusion(plan, SENTIMENT, GOLD) is None


def test_label_differences_are_sorted_by_lost_then_won_then_both_wrong() -> None:
    first, second = run({"ner": ((0, 0, 1), (0, 0), (0, 3))}), run({"ner": ((2, 2, 0), (2,), ())})
    found = label_differences(first, second, NER, GOLD)
    assert found is not None
    assert [each.position for each in found] == [2, 1, 0]
    assert found[0] == LabelDifference("validation", 2, ("O", "ORG"), ("O", "ORG"), ("O", "O"))
    assert [(each.first_correct, each.second_correct) for each in found] == [
        (True, False),
        (False, True),
        (False, False),
    ]


def test_only_sentences_that_both_answered_differently_are_listed() -> None:
    first, second = run({"sentiment": (0, 0, 1)}), run({"sentiment": (0, 1, 1, 1)})
    found = label_differences(first, second, SENTIMENT, GOLD)
    assert found == (LabelDifference("validation", 1, "positive", "negative", "positive"),)


@pytest.mark.parametrize("silent", [0, 1], ids=["first", "second"])
def test_label_differences_need_the_predictions_of_both_runs(silent: int) -> None:
    pair = [run({"sentiment": (0, 0)}), run({"sentiment": (0, 0)})]
    pair[silent] = replace(pair[silent], answers=())
    assert label_differences(pair[0], pair[1], SENTIMENT, GOLD) is None
