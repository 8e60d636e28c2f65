"""Comparisons built by hand: plans, seeds and scores, for tests of what is drawn from them."""

from collections.abc import Mapping, Sequence

from mtl_core.analysis.plans import PlanComparison, PlanResult, TaskResult, Verdict
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Measured, Movement
from tests.run_story import Story, both, minilm, scores, spec_of


def told_run(
    scenario: str, seed: int, last_loss: float, groups: Mapping[str, Movement] | None = None
) -> RunSummary:
    """Four steps of a run; its last validation loss on either task is `last_loss`."""
    spec = spec_of(scenario, seed=seed)
    story = (
        Story(spec, [4] * len(spec.plan.phases), f"{scenario}-{seed}")
        .start()
        .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(1.0), both(0.5), both(0.5), both(0.5)])
        .evaluate(scores(0.8, 0.4, (last_loss, last_loss)))
    )
    if groups is not None:
        story.events.append(Measured(elapsed_seconds=story.seconds, groups=dict(groups)))
    story.finish(scores(0.8, 0.4, (last_loss, last_loss)))
    return summarise(story.run, spec, story, minilm())


def task_result(number: int, low: float, mean: float, high: float, seeds: int = 3) -> TaskResult:
    """A task's scores; task 0 is the sentence task."""
    return TaskResult(DEFAULT_TASKS[number], mean, low, high, 0.02, seeds, Verdict.OPEN)


def plan_result(
    label: str,
    seconds: float | None,
    tasks: Sequence[tuple[float, float, float]] = ((0.8, 0.85, 0.9), (0.3, 0.4, 0.5)),
    *,
    trainable: int = 1_000,
    runs: Mapping[int, RunSummary] | None = None,
) -> PlanResult:
    """A plan by its tasks' lowest, mean and highest scores; 10,000 parameters in all."""
    results = [task_result(number, *each) for number, each in enumerate(tasks)]
    return PlanResult(
        label=label,
        scenario=None,
        runs=runs or {},
        tasks={each.task.name: each for each in results},
        seconds=seconds,
        peak_memory_bytes=None if seconds is None else 1e7 * seconds,
        trainable=trainable,
        total=10_000,
        frozen_exact=True,
    )


def grouped(*plans: PlanResult) -> PlanComparison:
    """These plans on three seeds."""
    return PlanComparison(plans, DEFAULT_TASKS, (1, 2, 3), True, ())
