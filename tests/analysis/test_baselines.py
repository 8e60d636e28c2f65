from dataclasses import replace

import pytest

from mtl_core.analysis.baselines import baselines_of_data, baselines_of_runs
from mtl_core.analysis.grouping import group
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.dataset import Dataset, Example, load_dataset
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.run_story import Story, minilm, scores, spec_of


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


def run(scenario: str = "heads-only", seed: int = 0, **changes: object) -> RunSummary:
    story = Story(spec_of(scenario, seed=seed, **changes), [1]).start()
    story.evaluate(scores(0.4 + seed / 10, 0.02)).phase().finish(scores(0.8, 0.5))
    return summarise(story.run, story.spec, story, minilm())


def test_the_majority_class_and_no_entity_at_all() -> None:
    majority = baselines_of_data(small())[0]
    assert majority.name == "majority"
    assert majority.values == {"sentiment": pytest.approx(1 / 3), "ner": 0.0}


def test_words_tell_the_sentences_and_each_words_most_frequent_tag_the_entities() -> None:
    words = baselines_of_data(small())[1]
    # found: Ada, Bonn and Ada again; Eve was never seen: precision 1, recall 3 of 4
    assert words.values["ner"] == pytest.approx(6 / 7)
    assert words.values["sentiment"] == 1.0


def test_a_task_without_sentences_on_one_side_is_left_out() -> None:
    dataset = replace(small(), validation=small().validation[:3])
    assert [list(each.values) for each in baselines_of_data(dataset)] == [["sentiment"]] * 2


def test_one_label_in_training_is_all_that_words_can_say() -> None:
    dataset = replace(small(), train=small().train[:3])
    assert [each.values["sentiment"] for each in baselines_of_data(dataset)] == [
        pytest.approx(1 / 3)
    ] * 2


def test_on_the_sample_words_do_better_than_the_majority_and_the_same_each_time() -> None:
    dataset = load_dataset("sample")
    majority, words = baselines_of_data(dataset)
    assert majority.values == {"sentiment": 0.5, "ner": 0.0}
    assert words.values["sentiment"] > 0.6
    assert words == baselines_of_data(dataset)[1]


def test_untrained_heads_are_the_evaluation_before_any_step() -> None:
    comparison = group([run(seed=0), run(seed=1), run("top-1"), run(random_backbone=True)])
    untrained, random = baselines_of_runs(comparison)
    assert untrained.name == "untrained"
    assert untrained.values == {"sentiment": pytest.approx((0.45 + 0.4) / 2), "ner": 0.02}
    assert random.values == {"sentiment": 0.8, "ner": 0.5}
    assert random.name.startswith("random:heads-only")


def test_runs_that_go_on_from_another_have_no_untrained_heads() -> None:
    assert baselines_of_runs(group([run(starts_from="earlier")])) == ()
