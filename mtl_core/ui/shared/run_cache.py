"""Summaries and figures of runs, shared by all visitors: each event is read once, each figure
drawn once.

Not `st.cache_resource`: any browser can clear that for everybody.
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mtl_core.analysis.outlook import begin
from mtl_core.analysis.pace import PACE_EVENTS, Pace, pace_of
from mtl_core.analysis.reading import broken_off, extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.loss import loss_figure
from mtl_core.charts.theme import Figure, Palette
from mtl_core.engine.lab import Lab
from mtl_core.errors import CheckpointError, PlanError
from mtl_core.freezing.titles import task_title
from mtl_core.models.description import ModelDescription
from mtl_core.store.record import RunRecord, RunState
from mtl_core.training.events import (
    Evaluation,
    RunFinished,
    SentenceScore,
    TaskScore,
    TokenScore,
)
from mtl_core.training.spec import RunSpec

Value = TypeVar("Value")

_MOST = 512
_METRICS = {SentenceScore: "accuracy", TokenScore: "entity F1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run in its row: the newest headline metric by column title, and how long it took."""

    scores: dict[str, float]
    seconds: float | None


class Recent(Generic[Value]):
    """The values asked for last, by key. Safe for threads."""

    def __init__(self) -> None:
        self._values: OrderedDict[Any, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any) -> Value | None:
        """The value, if it is still there."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def keep(self, key: Any, value: Value) -> Value:
        """Keep a value; the one asked for longest ago goes."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > _MOST:
                self._values.popitem(last=False)
        return value


_summaries: Recent[RunSummary] = Recent()
_figures: Recent[Figure] = Recent()
_outcomes: Recent[Outcome] = Recent()
_paces: Recent[Pace | None] = Recent()
_reading = threading.Lock()


def summary_of(lab: Lab, record: RunRecord) -> RunSummary:
    """The run so far; only events that nobody has read yet are fetched. Raises UnknownRun."""
    key = (lab.settings.database, record.id)
    with _reading:
        summary = _summaries.get(key) or begin(record.id, record.spec, model_of(lab, record.spec))
        if record.last_event > summary.events:
            new = lab.store.events(record.id, after=summary.events)
            summary = extend(summary, (event for _, event in new))
        _summaries.keep(key, summary)
    return broken_off(summary) if record.state is RunState.INTERRUPTED else summary


def figure_of(summary: RunSummary, task: str, colors: Palette) -> Figure:
    """The loss figure of one task."""
    key = (summary.run, summary.events, summary.progress, task, colors.name)
    return _figures.get(key) or _figures.keep(key, loss_figure(summary, task, colors))


def model_of(lab: Lab, spec: RunSpec) -> ModelDescription | None:
    """The run's model, if its checkpoint is still here and the plan still fits it."""
    try:
        return lab.model_description(spec.checkpoint, spec.tasks)
    except (CheckpointError, PlanError):
        return None


def outcome_of(lab: Lab, record: RunRecord) -> Outcome:
    """What the run came to, or has come to so far."""
    key = (lab.settings.database, record.id, record.last_event, record.state)
    return _outcomes.get(key) or _outcomes.keep(key, _outcome(lab, record))


def pace_of_finished(lab: Lab, record: RunRecord) -> Pace | None:
    """How long a step of a finished run took; None for any other, which may still go on."""
    if record.state is not RunState.FINISHED:
        return None
    key = (lab.settings.database, record.id)
    if known := _paces.get(key):
        return known
    events = (event for _, event in lab.store.events(record.id, kinds=PACE_EVENTS))
    return _paces.keep(key, pace_of(record, events))


def _outcome(lab: Lab, record: RunRecord) -> Outcome:
    said = [event for _, event in lab.store.events(record.id, kinds=("evaluation", "run_finished"))]
    scores: dict[str, TaskScore] = {}
    for event in said:
        if isinstance(event, Evaluation) and event.split == "validation":
            scores = event.tasks
        elif isinstance(event, RunFinished):
            scores = event.metrics
    took = next((event.total_seconds for event in said if isinstance(event, RunFinished)), None)
    if took is None and record.started_at and record.finished_at:
        took = (record.finished_at - record.started_at).total_seconds()
    return Outcome(
        {
            f"{task_title(name)} {_METRICS[type(score)]}": score.headline
            for name, score in scores.items()
        },
        took,
    )
