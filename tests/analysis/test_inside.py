"""Measurements inside the model by plan, in exact numbers."""

import pytest

from mtl_core.analysis.inside import (
    Cosine,
    Probe,
    Spread,
    gradient_cosine,
    layer_similarity,
    probe,
    was_measured,
)
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.plans import PlanResult
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Measured, Movement
from tests.run_story import Story, both, minilm, scores, spec_of

SENTIMENT, NER = DEFAULT_TASKS


def measured(
    seed: int,
    top: float,
    cosine: float | None,
    ner: float,
    finished: bool = True,
    batches: tuple[float, float] | None = None,
) -> RunSummary:
    spec = spec_of("full", seed=seed)
    story = Story(spec, [1], f"full-{seed}").start().evaluate(scores(0.5, 0.1))
    story.phase().learn([both(0.5)]).evaluate(scores(0.9, 0.5))
    story.events.append(
        Measured(
            elapsed_seconds=story.seconds,
            groups={
                "embeddings": Movement(moved=0.1),
                "layer 10": Movement(moved=0.2, cka=top),
                "layer 2": Movement(moved=0.1, cka=1.0),
                "classifier": Movement(moved=0.5),
            },
            gradient_cosine={"sentiment,ner": cosine},
            gradient_cosine_range={} if batches is None else {"sentiment,ner": batches},
            probes={"ner": (0.25, ner)},
        )
    )
    if finished:
        story.finish(scores(0.9, 0.5))
    return summarise(story.run, spec, story, minilm())


def plan_of(*runs: RunSummary) -> PlanResult:
    (plan,) = compare_plans(runs).plans
    return plan


def test_layer_similarity_is_by_layer_in_ascending_order() -> None:
    plan = plan_of(measured(0, 0.25, 0.5, 0.5), measured(1, 0.75, 0.5, 0.5))
    assert layer_similarity(plan) == {2: Spread(1.0, 1.0, 1.0, 2), 10: Spread(0.5, 0.25, 0.75, 2)}
    assert list(layer_similarity(plan)) == [2, 10]


def test_the_cosine_of_two_tasks_is_the_same_in_either_order() -> None:
    plan = plan_of(measured(0, 1.0, -0.5, 0.5), measured(1, 1.0, 0.25, 0.5))
    assert gradient_cosine(plan, SENTIMENT, NER) == Cosine(-0.125, -0.5, 0.25, 2)
    assert gradient_cosine(plan, NER, SENTIMENT) == Cosine(-0.125, -0.5, 0.25, 2)


def test_the_range_of_a_cosine_is_that_of_all_batches_of_all_seeds() -> None:
    plan = plan_of(
        measured(0, 1.0, -0.5, 0.5, batches=(-0.75, -0.25)),
        measured(1, 1.0, 0.25, 0.5, batches=(0.0, 0.5)),
    )
    expected = Cosine(-0.125, -0.5, 0.25, 2, (-0.75, 0.5))
    assert gradient_cosine(plan, SENTIMENT, NER) == expected


def test_without_a_shared_tensor_that_learns_there_is_no_cosine() -> None:
    assert gradient_cosine(plan_of(measured(0, 1.0, None, 0.5)), SENTIMENT, NER) is None


def test_a_probe_has_a_score_before_and_after_training() -> None:
    plan = plan_of(measured(0, 1.0, 0.0, 0.5), measured(1, 1.0, 0.0, 0.75))
    found = probe(plan, NER)
    assert found == Probe(0.25, Spread(0.625, 0.5, 0.75, 2))
    assert probe(plan, SENTIMENT) is None


@pytest.mark.parametrize("aggregate", [layer_similarity, was_measured])
def test_only_finished_runs_count(aggregate: object) -> None:
    assert callable(aggregate)
    assert not aggregate(plan_of(measured(0, 0.5, 0.5, 0.5, finished=False)))
