"""Runs told event by event, for tests of what is drawn from a store."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.store.shipping import ShippedComparison, ShippedRun, stored_events
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import (
    Counts,
    Evaluation,
    PhaseFinished,
    PhaseStarted,
    RunEvent,
    RunFinished,
    RunStarted,
    SentenceScore,
    Step,
    TaskScore,
    TokenScore,
)
from mtl_core.training.spec import RunSpec

Losses = dict[str, float | None]
SECONDS_BEFORE_TRAINING = 6.0


def minilm() -> ModelDescription:
    """The embedded checkpoint with the default heads."""
    return ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)


def spec_of(scenario: str, checkpoint: str = "minilm-l6", **changes: object) -> RunSpec:
    """A spec of a scenario on the embedded checkpoint."""
    values = {"epochs": 1.0, "batch_size": 16, "seed": 1, "threads": 1, **changes}
    values.setdefault("plan", scenario_plan(scenario, minilm()))
    return RunSpec(checkpoint=checkpoint, scenario=scenario, tasks=DEFAULT_TASKS, **values)


def scores(
    sentiment: float, ner: float | None, losses: tuple[float, float] = (0.5, 0.5)
) -> dict[str, TaskScore]:
    """One evaluation of both tasks; without an entity F1 on sentences without entities."""
    return {
        "sentiment": SentenceScore(loss=losses[0], accuracy=sentiment, macro_f1=sentiment),
        "ner": TokenScore(loss=losses[1], entity_f1=ner, precision=ner, recall=ner),
    }


class Story:
    """Tells a run of `spec` on 80 + 80 sentences; each call is one or several events.

    A step takes `step_seconds`, an evaluation one second.
    """

    def __init__(self, spec: RunSpec, steps: Sequence[int], run: str = "a-run") -> None:
        self.spec, self.run, self.steps = spec, run, steps
        self.tables = parameter_tables(spec.plan, minilm())
        self.seconds, self.step, self.step_seconds = 0.0, 0, 0.5
        self.events: list[RunEvent] = []

    def start(self) -> "Story":
        totals = self.tables[0].totals
        self.seconds = SECONDS_BEFORE_TRAINING
        self._say(
            RunStarted(
                elapsed_seconds=self.seconds,
                run=self.run,
                spec=self.spec,
                totals=Counts(
                    all=totals.all,
                    trainable=totals.trainable,
                    frozen=totals.frozen,
                    unreached=totals.unreached,
                ),
                total_steps=sum(self.steps),
                examples={task.name: {"train": 80, "validation": 20} for task in self.spec.tasks},
            )
        )
        return self

    def phase(self, number: int = 1) -> "Story":
        totals = self.tables[number - 1].totals
        self._say(
            PhaseStarted(
                elapsed_seconds=self.seconds,
                phase=self.spec.plan.phases[number - 1].name,
                number=number,
                trainable=totals.trainable,
                frozen=totals.frozen,
                unreached=totals.unreached,
                epochs=1.0,
                steps=self.steps[number - 1],
            )
        )
        return self

    def learn(self, losses: Sequence[Losses], number: int = 1) -> "Story":
        for loss in losses:
            self.step += 1
            self.seconds += self.step_seconds
            self._say(
                Step(
                    elapsed_seconds=self.seconds,
                    phase=self.spec.plan.phases[number - 1].name,
                    step=self.step,
                    epoch=self.step / 10,
                    loss=loss,
                    learning_rates={"ner": 0.01},
                )
            )
        return self

    def evaluate(self, tasks: dict[str, TaskScore], number: int = 1) -> "Story":
        self.seconds += 1.0
        self._say(
            Evaluation(
                elapsed_seconds=self.seconds,
                phase=self.spec.plan.phases[number - 1].name,
                epoch=self.step / 10,
                step=self.step,
                split="validation",
                tasks=tasks,
            )
        )
        return self

    def end_phase(self, number: int = 1, identical: bool = True) -> "Story":
        self._say(
            PhaseFinished(
                elapsed_seconds=self.seconds,
                phase=self.spec.plan.phases[number - 1].name,
                frozen_identical=identical,
                frozen_tensors=self.tables[number - 1].tensors[State.FROZEN],
            )
        )
        return self

    def finish(self, metrics: dict[str, TaskScore], beside: int | None = None) -> "Story":
        """The end of the run, which `beside` other jobs slowed."""
        self._say(
            RunFinished(
                elapsed_seconds=self.seconds,
                run=self.run,
                metrics=metrics,
                frozen_identical=True,
                frozen_tensors=min(table.tensors[State.FROZEN] for table in self.tables),
                peak_memory_bytes=745_000_000,
                training_seconds=38.0,
                evaluation_seconds=15.0,
                total_seconds=self.seconds,
                trained_beside=beside,
            )
        )
        return self

    def _say(self, event: RunEvent) -> None:
        self.events.append(event)

    def __iter__(self) -> Iterator[RunEvent]:
        return iter(self.events)


def both(loss: float) -> Losses:
    """A step whose batch held both tasks at one loss."""
    return {"sentiment": loss, "ner": loss}


def came_along() -> ShippedComparison:
    """A comparison of one finished run, as the product ships them."""
    run, made = "one-that-came-along", datetime(2026, 11, 24, 12, tzinfo=UTC)
    return ShippedComparison(
        id="came-along",
        name="Heads",
        spec=ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(1,)),
        created_at=made,
        runs=(
            ShippedRun(
                id=run,
                created_at=made,
                started_at=made,
                finished_at=made,
                stored_events=stored_events(finished_heads_only(run)),
            ),
        ),
    )


def finished_heads_only(run: str = "a-run") -> Story:
    """Ten steps of heads only, from beginning to end."""
    return (
        Story(spec_of("heads-only"), [10], run)
        .start()
        .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(0.7 - step / 100) for step in range(10)])
        .evaluate(scores(0.77, 0.42, (0.5, 0.2)))
        .end_phase()
        .finish(scores(0.77, 0.42, (0.5, 0.2)))
    )
