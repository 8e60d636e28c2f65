"""Runs of two plans with three numbers of training sentences, told for tests."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.export.finished_run import finished
from tests.run_story import Story, minilm

SIZES = (20, 50, None)  # a story is told on 80 sentences a task
SIZED_SCORES: Mapping[str, Sequence[tuple[float, float]]] = {
    "heads-only": ((0.60, 0.10), (0.70, 0.30), (0.70, 0.40)),
    "full": ((0.601, 0.101), (0.80, 0.40), (0.90, 0.60)),
}
"""Accuracy and entity F1 of the first seed, by scenario, one pair for each of SIZES."""

SPREAD = (0.0, 0.01, -0.01)
"""What each seed adds; the plans do not quite move alike."""


def of_two_plans(scenarios: Sequence[str] = ("heads-only", "full")) -> list[Story]:
    """Finished runs seed by seed, the largest number of sentences first."""
    return [
        finished(
            scenario,
            SIZED_SCORES[scenario][place][0] + SPREAD[seed] * _own(scenario, seed),
            SIZED_SCORES[scenario][place][1] + SPREAD[seed] * _own(scenario, seed),
            seed=seed,
            examples={} if size is None else {task.name: size for task in DEFAULT_TASKS},
        )
        for seed in range(len(SPREAD))
        for place, size in reversed(list(enumerate(SIZES)))
        for scenario in scenarios
    ]


def summaries_of(stories: Sequence[Story]) -> list[RunSummary]:
    return [
        summarise(f"run-{number}", story.spec, story, minilm())
        for number, story in enumerate(stories)
    ]


def _own(scenario: str, seed: int) -> float:
    return 0.9 if (scenario, seed) == ("full", 2) else 1.0
