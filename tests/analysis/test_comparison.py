from collections.abc import Iterable

import pytest

from mtl_core.analysis.comparison import (
    Comparison,
    Standing,
    answer,
    compare,
    distinct_labels,
    standard_error,
)
from mtl_core.analysis.differences import (
    SpecDifference,
    beyond_the_plan,
    same_questions,
    spec_differences,
)
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.side_by_side import OverPhases, tensor_pairs
from mtl_core.analysis.summary import RunSummary
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import State
from mtl_core.training.events import RunEvent
from tests.run_story import Story, both, minilm, scores, spec_of

TITLES = {"sentiment": "Sentiment", "ner": "NER"}


def told(scenario: str, sentiment: float, ner: float, **changes: object) -> Story:
    return (
        Story(spec_of(scenario, **changes), [4] * len(spec_of(scenario).plan.phases), scenario)
        .start()
        .evaluate(scores(0.45, 0.02))
        .phase()
        .learn([both(0.5)] * 4)
        .evaluate(scores(sentiment, ner))
        .finish(scores(sentiment, ner))
    )


def read(story: Story, events: Iterable[RunEvent] | None = None) -> RunSummary:
    return summarise(story.run, story.spec, story if events is None else events, minilm())


def three() -> Comparison:
    return compare(
        [
            ("heads only", read(told("heads-only", 0.70, 0.30))),
            ("top layer", read(told("top-1", 0.85, 0.50))),
            ("full", read(told("full", 0.90, 0.51))),
        ]
    )


def standings(comparison: Comparison, task: str) -> list[Standing]:
    return [run.results[task].standing for run in comparison.runs]


def test_the_standard_error_of_an_accuracy_is_binomial() -> None:
    assert standard_error(0.9, 100) == pytest.approx(0.03)
    assert standard_error(1.0, 20) == 0.0


def test_an_accuracy_within_one_standard_error_of_the_best_is_within_noise() -> None:
    comparison = three()  # 20 sentences: the best's standard error is 0.067
    assert comparison.runs[2].results["sentiment"].standard_error == pytest.approx(0.0670820)
    assert standings(comparison, "sentiment") == [
        Standing.BELOW,
        Standing.WITHIN_NOISE,
        Standing.BEST,
    ]
    assert comparison.runs[0].results["sentiment"].behind == pytest.approx(0.2)
    assert comparison.runs[0].results["sentiment"].change == pytest.approx(0.25)


def test_entity_f1_gets_no_standard_error_and_no_tie_however_close() -> None:
    comparison = three()
    assert [run.results["ner"].standard_error for run in comparison.runs] == [None] * 3
    assert standings(comparison, "ner") == [Standing.BELOW, Standing.BELOW, Standing.BEST]


def test_equal_scores_are_all_best() -> None:
    twice = [("a", read(told("top-1", 0.8, 0.0))), ("b", read(told("full", 0.8, 0.0)))]
    comparison = compare(twice)
    assert [run.label for run in comparison.best("ner")] == ["a", "b"]
    assert answer(comparison, TITLES) == "Sentiment: all equal at 0.80; NER: all equal at 0.00"


def test_the_answer_names_the_best_its_tie_and_the_lowest_of_each_task() -> None:
    assert answer(three(), TITLES) == (
        "Sentiment: full 0.90 (≈ top layer), heads only 0.70; NER: full 0.51, heads only 0.30"
    )


def test_the_answer_says_where_all_are_within_noise() -> None:
    close = [("a", read(told("top-1", 0.85, 0.4))), ("b", read(told("full", 0.9, 0.5)))]
    assert answer(compare(close), TITLES) == (
        "Sentiment: all within noise of b 0.90; NER: b 0.50, a 0.40"
    )


def test_the_answer_says_that_the_runs_differ_in_more_than_the_plan() -> None:
    runs = [
        ("a", read(told("top-1", 0.8, 0.4))),
        ("b", read(told("full", 0.9, 0.5, seed=2, epochs=2.0))),
    ]
    assert answer(compare(runs), TITLES) == (
        "These 2 runs differ in more than the plan: epochs and seed"
    )


def test_one_plan_under_two_seeds_is_called_so() -> None:
    runs = [("a", read(told("full", 0.8, 0.4))), ("b", read(told("full", 0.9, 0.5, seed=2)))]
    assert answer(compare(runs), TITLES) == "One plan, 2 runs that differ in seed"


def test_scores_on_different_data_are_not_held_against_each_other() -> None:
    runs = [
        ("a", read(told("top-1", 0.8, 0.4))),
        ("b", read(told("full", 0.9, 0.5, data="mine/manifest.yaml"))),
    ]
    comparison = compare(runs)
    assert standings(comparison, "sentiment") == [Standing.OPEN, Standing.OPEN]
    assert answer(comparison, TITLES) == (
        "These 2 runs answer different sentences: no score stands against another"
    )


def test_a_run_that_has_not_finished_is_shown_and_not_judged() -> None:
    story = told("top-1", 0.95, 0.9)
    unfinished = read(story, story.events[:-1])
    comparison = compare(
        [
            ("a", read(told("heads-only", 0.7, 0.3))),
            ("b", unfinished),
            ("c", read(told("full", 0.8, 0.4))),
        ]
    )
    assert comparison.runs[1].results["sentiment"].value == 0.95
    assert standings(comparison, "sentiment")[1:] == [Standing.OPEN, Standing.BEST]
    assert answer(compare([("a", unfinished), ("b", unfinished)]), TITLES) == (
        "0 of 2 runs finished: a score is compared once two have"
    )


def test_fewer_than_two_runs_ask_for_another() -> None:
    assert answer(compare([]), TITLES) == "Choose two runs or more"
    assert answer(compare([("a", read(told("full", 0.8, 0.4)))]), TITLES) == (
        "Choose another run to compare with"
    )


def test_only_keys_that_differ_are_listed_with_their_values_side_by_side() -> None:
    found = spec_differences([spec_of("heads-only"), spec_of("top-1", seed=3)])
    assert SpecDifference("scenario", ("heads-only", "top-1")) in found
    assert SpecDifference("plan.phases.1.train", ("heads", "heads, top:1")) in found
    assert SpecDifference("seed", ("1", "3")) in found
    assert not [each for each in found if len(set(each.values)) == 1]
    assert "checkpoint" not in {each.key for each in found}


def test_a_key_that_only_one_spec_has_is_none_in_the_other() -> None:
    found = spec_differences([spec_of("heads-only"), spec_of("gradual")])
    assert SpecDifference("plan.phases.2.train", (None, "heads, top:1")) in found


def test_equal_specs_differ_in_nothing() -> None:
    assert spec_differences([spec_of("full"), spec_of("full")]) == ()
    assert beyond_the_plan([spec_of("full"), spec_of("top-1")]) == ()


def test_a_digest_not_written_down_yet_is_no_difference() -> None:
    known = spec_of("full", data_digests={"train": "a"})
    assert beyond_the_plan([known, spec_of("full")]) == ()
    assert same_questions([known, spec_of("full")])
    changed = spec_of("full", data_digests={"train": "b"})
    assert beyond_the_plan([known, changed]) == ("the data's content",)
    assert not same_questions([known, changed])


def test_runs_of_one_name_are_told_apart_by_what_they_do_not_share() -> None:
    specs = [spec_of("full"), spec_of("full", seed=2), spec_of("top-1")]
    labels = distinct_labels(["full", "full", "top layer"], specs, ["x-a1", "x-b2", "x-c3"])
    assert labels == ["full, seed 1", "full, seed 2", "top layer"]


def test_the_same_spec_run_twice_is_told_apart_by_the_id() -> None:
    specs = [spec_of("full"), spec_of("full")]
    assert distinct_labels(["full", "full"], specs, ["x-a1", "x-b2"]) == ["full, a1", "full, b2"]


def test_two_plans_differ_in_the_tensors_whose_state_or_rate_does() -> None:
    model = minilm()
    heads, top = (parameter_tables(spec_of(name).plan, model) for name in ("heads-only", "top-1"))
    pairs = {pair.name: pair for pair in tensor_pairs(heads, top)}
    assert sum(pair.count for pair in pairs.values()) == model.total
    differing = [pair for pair in pairs.values() if pair.differs]
    assert len(differing) == 16 + 4  # the top layer's tensors, and the heads' at another rate
    head = pairs["classifier.weight"]
    assert head.first == OverPhases(State.TRAINABLE, (1e-2,), (1,))
    assert head.second == OverPhases(State.TRAINABLE, (1e-3,), (1,))
    assert not pairs["bert.encoder.layer.4.output.dense.weight"].differs
    assert not any(pair.differs for pair in tensor_pairs(top, top))


def test_a_tensor_that_thaws_later_counts_as_learning_from_that_phase() -> None:
    tables = parameter_tables(spec_of("gradual").plan, minilm())
    pairs = {pair.name: pair for pair in tensor_pairs(tables, tables)}
    over = pairs["bert.encoder.layer.5.output.dense.weight"].first
    assert over is not None
    assert (over.state, over.phases) == (State.TRAINABLE, (2, 3, 4))
    assert pairs["classifier.weight"].first == OverPhases(
        State.TRAINABLE, (1e-2, 1e-3), (1, 2, 3, 4)
    )
