"""Caches of summaries, figures, outcomes and paces of runs, shared by all visitors.

Not `st.cache_resource`, because any browser can clear that for everybody.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cachetools import LRUCache, cached

from mtl_core.analysis.outlook import begin
from mtl_core.analysis.pace import PACE_EVENTS, Pace, pace_of
from mtl_core.analysis.reading import extend, interrupted_summary
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
    RunEvent,
    RunFinished,
    SentenceScore,
    TaskScore,
    TokenScore,
)
from mtl_core.training.spec import RunSpec

_SUMMARY_BYTES = 400_000_000
_FIGURE_BYTES = 100_000_000
_BYTES_PER_EVENT = 1_000
_BYTES_PER_VALUE = 32
_SMALL_ENTRIES = 512
_METRICS = {SentenceScore: "accuracy", TokenScore: "entity F1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The latest headline metrics of a run by column title, and its duration.

    `beside` is the largest number of other jobs at the same time; None if it is unknown.
    """

    scores: dict[str, float | None]
    seconds: float | None
    beside: int | None


def _summary_bytes(summary: RunSummary) -> int:
    """A rough size in memory, at most the limit: the cache refuses larger entries."""
    return min(_BYTES_PER_EVENT * (10 + summary.events), _SUMMARY_BYTES)


def _figure_bytes(figure: Figure) -> int:
    """A rough size in memory: coordinates are nearly all of it."""
    points = sum(len(trace.get("y", ())) for trace in figure["data"])
    return 2 * _BYTES_PER_VALUE * (200 + points)


_summaries: LRUCache[tuple[Path | str, str], RunSummary] = LRUCache(_SUMMARY_BYTES, _summary_bytes)
_reading = threading.Lock()


def summary_of(lab: Lab, record: RunRecord) -> RunSummary:
    """The summary of a run so far; reads only the events since the last call.

    Raises UnknownRun.
    """
    key = (lab.settings.database, record.id)
    with _reading:
        summary = _summaries.get(key) or begin(record.id, record.spec, model_of(lab, record.spec))
        if record.last_event > summary.events:
            new = lab.store.events(record.id, after=summary.events)
            summary = extend(summary, (event for _, event in new))
        _summaries[key] = summary
    return interrupted_summary(summary) if record.state is RunState.INTERRUPTED else summary


@cached(
    LRUCache(_FIGURE_BYTES, _figure_bytes),
    key=lambda summary, task, colors: (
        summary.run,
        summary.events,
        summary.progress,
        task,
        colors.name,
    ),
    lock=threading.Lock(),
)
def figure_of(summary: RunSummary, task: str, colors: Palette) -> Figure:
    """The loss figure of one task."""
    return loss_figure(summary, task, colors)


def model_of(lab: Lab, spec: RunSpec) -> ModelDescription | None:
    """The model of a run; None if its checkpoint is missing or does not match its tasks."""
    try:
        return lab.model_description(spec.checkpoint, spec.tasks, spec.sentence_vector)
    except (CheckpointError, PlanError):
        return None


_outcomes: LRUCache[tuple[Path | str, str, int, RunState], Outcome] = LRUCache(4 * _SMALL_ENTRIES)
_outcomes_lock = threading.Lock()


def outcomes_of(lab: Lab, records: Sequence[RunRecord]) -> list[Outcome]:
    """The latest scores and the duration of each run.

    The last event of a finished run has both, so all of these are read at once.
    """
    keys = [(lab.settings.database, each.id, each.last_event, each.state) for each in records]
    with _outcomes_lock:
        known = {key: _outcomes[key] for key in keys if key in _outcomes}
    missing = [(k, each) for k, each in zip(keys, records, strict=True) if k not in known]
    finished = [each for _, each in missing if each.state is RunState.FINISHED]
    ends = lab.store.last_events(finished) if finished else {}
    for key, record in missing:
        end = ends.get(record.id)
        known[key] = _outcome(record, [end] if end else _evaluations(lab, record))
    with _outcomes_lock:
        _outcomes.update(known)
    return [known[key] for key in keys]


def pace_of_finished(lab: Lab, record: RunRecord) -> Pace | None:
    """The time per step of a finished run; None for any other run, which may still continue."""
    return _pace(lab, record) if record.state is RunState.FINISHED else None


@cached(
    LRUCache(_SMALL_ENTRIES),
    key=lambda lab, record: (lab.settings.database, record.id),
    lock=threading.Lock(),
)
def _pace(lab: Lab, record: RunRecord) -> Pace | None:
    events = (event for _, event in lab.store.events(record.id, kinds=PACE_EVENTS))
    return pace_of(record, events)


def _evaluations(lab: Lab, record: RunRecord) -> list[RunEvent]:
    return [event for _, event in lab.store.events(record.id, kinds=("evaluation",))]


def _outcome(record: RunRecord, events: Sequence[RunEvent]) -> Outcome:
    scores: dict[str, TaskScore] = {}
    for event in events:
        if isinstance(event, Evaluation) and event.split == "validation":
            scores = event.tasks
        elif isinstance(event, RunFinished):
            scores = event.metrics
    end = next((event for event in events if isinstance(event, RunFinished)), None)
    seconds = record.seconds if end is None else end.total_seconds
    return Outcome(
        {
            f"{task_title(name)} {_METRICS[type(score)]}": score.headline
            for name, score in scores.items()
        },
        seconds,
        None if end is None else end.trained_beside,
    )
