"""Events of finished runs with four steps, for the tests of exports."""

from collections.abc import Mapping

from mtl_core.training.events import Measured, Movement
from tests.run_story import Story, both, scores, spec_of

SEEDS = (0, 1, 2)
PLANS = (
    ("heads-only", (0.70, 0.71, 0.72), (0.30, 0.31, 0.32)),
    ("freeze-head:ner", (0.85, 0.86, 0.84), (0.02, 0.02, 0.02)),
    ("full", (0.85, 0.87, 0.86), (0.50, 0.53, 0.56)),
)
"""Scenarios, each with its accuracy and its entity F1 under each seed."""


def of_three_plans() -> list[Story]:
    """Nine finished runs, seed by seed. Frozen groups do not move."""
    encoder = ("embeddings", *(f"layer {number}" for number in range(6)))
    return [
        measured(
            finished(scenario, sentiment[place], ner[place], seed=seed),
            {
                **{part: _moved(part, scenario) for part in encoder},
                "classifier": Movement(moved=0.5),
                "ner": Movement(moved=0.0 if scenario == "freeze-head:ner" else 0.25),
            },
        )
        for place, seed in enumerate(SEEDS)
        for scenario, sentiment, ner in PLANS
    ]


def _moved(part: str, scenario: str) -> Movement:
    """Similarity is measured for layers only."""
    is_frozen = scenario == "heads-only"
    similarity = (1.0 if is_frozen else 0.5) if part.startswith("layer") else None
    return Movement(moved=0.0 if is_frozen else 1.0, cka=similarity)


def measured(story: Story, groups: Mapping[str, Movement]) -> Story:
    """Adds measurements of these groups before the end of the run."""
    measured_event = Measured(
        elapsed_seconds=story.seconds,
        groups=dict(groups),
        gradient_cosine={"sentiment,ner": 0.25},
        probes={"sentiment": (0.5, 0.75), "ner": (0.25, 0.5)},
    )
    story.events.insert(-1, measured_event)
    return story


def finished(scenario: str, sentiment: float, ner: float | None, **changes: object) -> Story:
    """A finished run; without an entity F1 on sentences without entities."""
    spec = spec_of(scenario, **changes)
    return (
        Story(spec, [4] * len(spec.plan.phases))
        .start()
        .evaluate(scores(0.45, None if ner is None else 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(0.5), {"sentiment": 0.25, "ner": None}, both(0.125), both(0.0)])
        .evaluate(scores(sentiment, ner, (0.5, 0.2)))
        .end_phase()
        .finish(scores(sentiment, ner, (0.5, 0.2)))
    )
