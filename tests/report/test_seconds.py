"""The seconds of plans, and what they include."""

from dataclasses import replace

from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.report.seconds import duration_lines, seconds_words, sharing_words
from tests.grouped_story import grouped, plan_result
from tests.run_story import Story, both, minilm, scores, spec_of


def beside(label: str, count: int | None) -> PlanResult:
    return replace(plan_result(label, 12.0), trained_beside=count)


def test_a_mark_that_all_plans_have_is_in_the_caption_and_not_in_each_cell() -> None:
    equal = grouped(beside("a", 1), beside("b", 1))
    assert [seconds_words(plan, equal) for plan in equal.plans] == ["12.0", "12.0"]
    assert sharing_words(equal).startswith("Seconds are those of a run alongside 1 other. ")
    mixed = grouped(beside("a", 1), beside("b", None))
    assert [seconds_words(plan, mixed) for plan in mixed.plans] == [
        "12.0 alongside 1 other",
        "12.0",
    ]
    assert sharing_words(mixed) == (
        "Runs that are trained at the same time as others take longer than alone."
    )


def test_a_mark_is_in_the_cell_where_no_caption_has_it() -> None:
    plan = beside("a", 1)
    assert seconds_words(plan) == "12.0 alongside 1 other"
    assert seconds_words(plan, grouped(plan)) == "12.0 alongside 1 other"
    others = replace(grouped(plan, beside("b", 1)), same_sentences=False)
    assert seconds_words(plan, others) == "12.0 alongside 1 other"


def finished(seed: int, total: float, prefix: float) -> RunSummary:
    story = Story(spec_of("heads-only", seed=seed), [1], f"run-{seed}").start()
    story.phase(1).learn([both(0.5)], 1).evaluate(scores(0.8, 0.4), 1).finish(scores(0.8, 0.4))
    run = summarise(story.run, story.spec, story, minilm())
    assert run.finished is not None
    update = {"total_seconds": total, "prefix_seconds": prefix}
    return replace(run, finished=run.finished.model_copy(update=update))


def test_a_mean_of_one_long_and_one_short_run_is_explained() -> None:
    comparison = compare_plans([finished(0, 36.1, 30.0), finished(1, 3.1, 0.2)])
    assert duration_lines(comparison) == (
        "heads-only: 3.1 to 36.1 s per run. A run that finds no stored outputs of the frozen "
        "layers computes them; later runs read them.",
    )
    assert duration_lines(compare_plans([finished(0, 5.1, 2.0), finished(1, 4.9, 0.2)])) == ()
    assert duration_lines(compare_plans([finished(0, 36.1, 30.0)])) == ()
    busy = compare_plans([finished(0, 36.1, 0.2), finished(1, 3.1, 0.2)])
    assert duration_lines(busy) == ()  # something else made the first run long
