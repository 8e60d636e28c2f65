from collections.abc import Sequence
from dataclasses import replace

import pytest

from mtl_core.analysis.convergence import Convergence, Trend, convergence
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.pareto_front import front
from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from tests.run_story import Story, both, minilm, scores, spec_of


def run(
    losses: Sequence[float], seed: int = 0, ner: float = 0.5, steps_between: int = 1
) -> RunSummary:
    """A finished run whose NER loss took these values; a step is a tenth of an epoch."""
    story = Story(spec_of("heads-only", seed=seed), [90]).start()
    story.evaluate(scores(0.5, 0.1, (0.5, losses[0]))).phase()
    for loss in losses[1:]:
        story.learn([both(0.5)] * steps_between).evaluate(scores(0.5, ner, (0.5, loss)))
    story.finish(scores(0.5, ner))
    return summarise(story.run, story.spec, story, minilm())


def plans(points: Sequence[tuple[str, float, float | None]]) -> list[PlanResult]:
    """Plans by label, NER F1 and seconds."""
    made = compare_plans([(label, run([1.0, 0.5], ner=ner)) for label, ner, _ in points]).plans
    return [
        replace(plan, seconds=seconds) for plan, (_, _, seconds) in zip(made, points, strict=True)
    ]


@pytest.mark.parametrize(
    ("points", "labels"),
    [
        ([("dear", 0.6, 30), ("cheap", 0.4, 5), ("worse", 0.5, 40)], ("cheap", "dear")),
        ([("a", 0.6, 30), ("as good, dearer", 0.6, 31)], ("a",)),
        ([("a", 0.6, 30), ("as dear, worse", 0.5, 30)], ("a",)),
        ([("a", 0.6, 30), ("twin", 0.6, 30)], ("a", "twin")),
        ([("a", 0.6, 30), ("no cost", 0.9, None)], ("a",)),
        ([], ()),
    ],
    ids=["beaten twice", "dearer", "worse", "twins", "unknown", "none"],
)
def test_the_front_holds_what_no_plan_beats_in_both(
    points: list[tuple[str, float, float | None]], labels: tuple[str, ...]
) -> None:
    assert front(plans(points), "ner", lambda plan: plan.seconds) == labels


@pytest.mark.parametrize(
    ("losses", "expected", "converged"),
    [
        ([1.0, 0.5], Convergence(Trend.OPEN), None),
        ([1.0, 0.5, 0.40], Convergence(Trend.FALLING), False),
        ([1.0, 0.5, 0.49], Convergence(Trend.FALLING), False),
        ([1.0, 0.5, 0.495], Convergence(Trend.FLAT), True),
        ([1.0, 0.5, 0.51], Convergence(Trend.FLAT), True),
        ([1.0, 0.5, 0.40, 0.43], Convergence(Trend.OVERFITTING, 0.2), True),
        ([0.0, 0.0, 0.0], Convergence(Trend.FLAT), True),
    ],
    ids=["two", "falls", "two percent", "less", "rises a little", "overfits", "zero"],
)
def test_a_loss_has_converged_by_the_stated_rules(
    losses: list[float], expected: Convergence, converged: bool | None
) -> None:
    found = convergence([run(losses)], "ner")
    assert found == expected
    assert found.converged is converged


def test_the_fall_of_a_whole_epoch_counts_however_often_it_was_evaluated() -> None:
    falling = run([1.0, 0.500, 0.495, 0.490, 0.485], steps_between=5)
    assert convergence([falling], "ner") == Convergence(Trend.FALLING)
    flat = run([1.0, 0.500, 0.499, 0.498, 0.497], steps_between=5)
    assert convergence([flat], "ner") == Convergence(Trend.FLAT)


def test_the_mean_over_the_seeds_is_judged_where_all_evaluated() -> None:
    falling, rising = run([1.0, 0.5, 0.40, 0.30]), run([1.0, 0.5, 0.60], seed=1)
    assert convergence([falling, rising], "ner") == Convergence(Trend.FLAT)
    assert convergence([], "ner") == Convergence(Trend.OPEN)


def test_a_trend_in_words() -> None:
    assert Convergence(Trend.OVERFITTING, 1.5).words == "overfitting since epoch 1.5"
    assert Convergence(Trend.FALLING).words == "still falling"


def test_a_plan_knows_of_each_task_whether_it_converged() -> None:
    (plan,) = compare_plans([run([1.0, 0.5, 0.40]), run([1.0, 0.5, 0.40], seed=1)]).plans
    assert plan.converged == {"sentiment": True, "ner": False}
