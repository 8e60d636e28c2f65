"""Finished runs made up for tests of what claims read from them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.lessons.claim_runs import comparison_title, planned_runs
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.store.shipping import ShippedComparison, ShippedRun, stored_events
from mtl_core.training.events import Evaluation, Measured, Movement, RunFinished
from mtl_core.training.spec import RunSpec
from tests.run_story import Story, minilm, scores, spec_of

_MADE = datetime(2026, 11, 24, 9, tzinfo=UTC)

ONE = Arm(experiment="standard", scenario="heads-only")
OTHER = Arm(experiment="standard", scenario="full")

Scores = tuple[float, float]
"""Sentiment accuracy and entity F1."""


def finished(
    sentiment: float,
    ner: float = 0.5,
    *,
    before: Scores = (0.5, 0.0),
    seconds: float = 10.0,
    prefix_seconds: float = 0.0,
    peak: int = 1000,
    moved: Mapping[str, float] | None = None,
    cka: Mapping[str, float] | None = None,
    probes: Sequence[tuple[float, float]] = (),
    posts: float | None = None,
    validation: Sequence[Scores] = (),
    elsewhere: Sequence[Scores] = (),
    seed: int = 1,
) -> RunSummary:
    """A run that ended with these scores.

    `validation` and `elsewhere` are the scores after each epoch of ten steps, on validation
    sentences and on the posts; losses are 1 minus these scores. `posts` is the accuracy there at
    the end alone. `moved` is how far each group of tensors moved, `cka` the similarity of each
    layer's outputs, `probes` the scores of the probes for ner on each layer before and after.
    """
    there = elsewhere or ([(before[0], 0.1), (posts, 0.1)] if posts is not None else ())
    groups = {group: Movement(moved=each) for group, each in (moved or {}).items()}
    groups |= {group: Movement(moved=0.1, cka=each) for group, each in (cka or {}).items()}
    events = [
        *_evaluations("validation", [before, *validation]),
        *_evaluations("sample-posts", there),
        Measured(elapsed_seconds=2.0, groups=groups, layer_probes={"ner": tuple(probes)}),
        RunFinished(
            elapsed_seconds=3.0,
            run="a-run",
            metrics=scores(sentiment, ner),
            validation=scores(*validation[-1]) if validation else {},
            frozen_identical=True,
            frozen_tensors=1,
            peak_memory_bytes=peak,
            training_seconds=seconds,
            evaluation_seconds=100.0,
            prefix_seconds=prefix_seconds,
            total_seconds=200.0,
        ),
    ]
    return extend(begin("a-run", spec_of("heads-only", seed=seed)), events)


def _evaluations(split: str, each_epoch: Sequence[Scores]) -> list[Evaluation]:
    return [
        Evaluation(
            elapsed_seconds=1.0,
            phase="heads",
            epoch=float(epoch),
            step=epoch * 10,
            split=split,
            tasks=scores(*reached, losses=(1 - reached[0], 1 - reached[1])),
        )
        for epoch, reached in enumerate(each_epoch)
    ]


def by_seed(runs: Sequence[RunSummary]) -> dict[int, RunSummary]:
    """The runs with seeds counted from 0."""
    return dict(enumerate(runs))


def comparison_of(
    experiment: str,
    scores_by_arm: Mapping[str, Sequence[Scores]],
    beside: int | None = None,
) -> ShippedComparison:
    """An experiment's comparison with invented scores: (sentiment, ner) of each seed, in turn.

    Full takes 35 s a run and everything else 5 s, `beside` other jobs.
    """
    whole = EXPERIMENTS[experiment].spec
    spec = whole.with_arms(set(scores_by_arm))
    starts = dict.fromkeys(spec.seeds, "another-run")
    planned = planned_runs(experiment, spec, lambda *_: minilm(), 1, starts)
    name = experiment.replace(" ", "-").replace(",", "")
    return ShippedComparison(
        id=f"compare-{name}",
        name=comparison_title(experiment),
        spec=spec,
        created_at=_MADE,
        runs=tuple(
            _shipped_run(
                f"{name}-{each.spec.arm_name}-{each.spec.seed}".replace(":", "-"),
                each.spec,
                _of_seed(scores_by_arm[each.spec.arm_name], each.spec.seed),
                beside,
            )
            for each in planned
        ),
    )


def _of_seed(reached: Sequence[Scores], seed: int) -> Scores:
    return reached[seed % len(reached)]


def _shipped_run(run: str, spec: RunSpec, reached: Scores, beside: int | None) -> ShippedRun:
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
        finished_at=_MADE + timedelta(seconds=seconds),
        stored_events=stored_events((*story.events, ended)),
    )
