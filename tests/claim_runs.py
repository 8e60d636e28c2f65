"""Finished runs made up for tests of what claims read from them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.lessons.claim_runs import comparison_title, planned_runs
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.store.shipping import ShippedComparison, ShippedRun
from mtl_core.training.comparison import plain_arms
from mtl_core.training.events import Evaluation, Measured, Movement, RunFinished
from mtl_core.training.spec import RunSpec
from tests.run_story import Story, minilm, scores, spec_of

_MADE = datetime(2026, 11, 24, 9, tzinfo=UTC)

ONE = Arm(experiment="standard", scenario="heads-only")
OTHER = Arm(experiment="standard", scenario="full")


def finished(
    sentiment: float,
    ner: float = 0.5,
    *,
    before: tuple[float, float] = (0.5, 0.0),
    seconds: float = 10.0,
    prefix_seconds: float = 0.0,
    peak: int = 1000,
    moved: Mapping[str, float] | None = None,
    posts: float | None = None,
) -> RunSummary:
    """A run that ended with these scores; `moved` is how far each group of tensors moved, `posts`
    the accuracy at the end on other data."""
    events = [
        Evaluation(
            elapsed_seconds=1.0,
            phase="heads",
            epoch=0.0,
            step=0,
            split="validation",
            tasks=scores(*before),
        ),
        *_on_posts(0, None if posts is None else before[0]),
        *_on_posts(10, posts),
        Measured(
            elapsed_seconds=2.0,
            groups={group: Movement(moved=each) for group, each in (moved or {}).items()},
        ),
        RunFinished(
            elapsed_seconds=3.0,
            run="a-run",
            metrics=scores(sentiment, ner),
            frozen_identical=True,
            frozen_tensors=1,
            peak_memory_bytes=peak,
            training_seconds=seconds,
            evaluation_seconds=100.0,
            prefix_seconds=prefix_seconds,
            total_seconds=200.0,
        ),
    ]
    return extend(begin("a-run", spec_of("heads-only")), events)


def _on_posts(step: int, sentiment: float | None) -> list[Evaluation]:
    if sentiment is None:
        return []
    return [
        Evaluation(
            elapsed_seconds=1.5,
            phase="heads",
            epoch=step / 10,
            step=step,
            split="sample-posts",
            tasks=scores(sentiment, 0.1),
        )
    ]


def by_seed(runs: Sequence[RunSummary]) -> dict[int, RunSummary]:
    """The runs with seeds counted from 0."""
    return dict(enumerate(runs))


def comparison_of(
    experiment: str,
    scores_by_scenario: Mapping[str, Sequence[tuple[float, float]]],
    beside: int | None = None,
) -> ShippedComparison:
    """An experiment's comparison with invented scores: (sentiment, ner) of each seed.

    Full takes 35 s a run and everything else 5 s, `beside` other jobs.
    """
    whole = EXPERIMENTS[experiment].spec
    spec = whole.model_copy(update={"arms": plain_arms(scores_by_scenario)})
    starts = dict.fromkeys(spec.seeds, "another-run")
    planned = planned_runs(experiment, spec, minilm(), 1, starts)
    name = experiment.replace(" ", "-").replace(",", "")
    return ShippedComparison(
        id=f"compare-{name}",
        name=comparison_title(experiment),
        spec=spec,
        created_at=_MADE,
        runs=tuple(
            _shipped_run(
                f"{name}-{each.spec.scenario}-{each.spec.seed}".replace(":", "-"),
                each.spec,
                scores_by_scenario[each.spec.scenario or ""][each.spec.seed],
                beside,
            )
            for each in planned
        ),
    )


def _shipped_run(
    run: str, spec: RunSpec, reached: tuple[float, float], beside: int | None
) -> ShippedRun:
    seconds = 35.0 if spec.scenario == "full" else 5.0
    story = Story(spec, [1] * len(spec.plan.phases), run).start().evaluate(scores(0.45, 0.02))
    story.seconds = seconds
    ended = RunFinished(
        elapsed_seconds=seconds,
        run=run,
        metrics=scores(*reached),
        frozen_identical=True,
        frozen_tensors=10,
        peak_memory_bytes=900_000_000 if spec.scenario == "full" else 800_000_000,
        training_seconds=seconds - 2,
        evaluation_seconds=1.0,
        total_seconds=seconds,
        trained_beside=beside,
    )
    return ShippedRun(
        id=run,
        created_at=_MADE,
        started_at=_MADE,
        finished_at=_MADE,
        events=(*story.events, ended),
    )
