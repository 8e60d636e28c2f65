"""What is exported: runs read from the store, with their models where these are still known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtl_core.analysis.chain import Chain, SummaryOf, chain_of
from mtl_core.analysis.comparison import ComparedRun, Comparison, answer
from mtl_core.analysis.reading import broken_off, summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.errors import PlanError, UnknownRun
from mtl_core.export.scores import compared
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.lessons.run_words import run_headline
from mtl_core.lessons.titles import task_title
from mtl_core.models.description import ModelDescription
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from mtl_core.training.spec import RunSpec

ModelOf = Callable[[RunSpec], ModelDescription | None]
"""The model of a spec; None where its checkpoint is not here or its plan no longer fits."""

_WITHOUT_STEPS = (
    *("run_started", "phase_started", "evaluation", "measured", "phase_finished"),
    *("run_finished", "run_failed", "run_stopped"),
)


@dataclass(frozen=True)
class ExportedRun:
    """One run with all it said. `model` is None where its checkpoint is not here any more.

    `chain` is that of a run that goes on from another one, None for any other.
    """

    record: RunRecord
    events: tuple[RunEvent, ...]
    summary: RunSummary
    model: ModelDescription | None
    chain: Chain | None = None

    @property
    def id(self) -> str:
        """The run's id, which also names its folder in the bundle."""
        return self.record.id

    @cached_property
    def tables(self) -> tuple[ParameterTable, ...]:
        """The parameter table of each phase; none where the model is not known."""
        return parameter_tables(self.record.spec.plan, self.model) if self.model else ()


@dataclass(frozen=True)
class Material:
    """The runs of one bundle, in the order in which they were named."""

    runs: tuple[ExportedRun, ...]

    @cached_property
    def comparison(self) -> Comparison:
        """The runs against each other."""
        return compared([(run.record, run.summary) for run in self.runs])

    @property
    def named(self) -> tuple[tuple[ComparedRun, ExportedRun], ...]:
        """Each run with the name that it goes by in this bundle."""
        return tuple(zip(self.comparison.runs, self.runs, strict=True))

    @property
    def headline(self) -> str:
        """What the runs came to, in one line: of one run its end, of several the comparison."""
        if len(self.runs) == 1:
            return run_headline(self.runs[0].record, self.runs[0].summary)
        titles = {task.task.name: task_title(task.task.name) for task in self.comparison.tasks}
        return answer(self.comparison, titles)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """A sentence about each run that did not come to its end."""
        return tuple(
            _unfinished(label.label, run)
            for label, run in self.named
            if run.record.state is not RunState.FINISHED
        )


def gather(store: RunStore, ids: Sequence[str], model_of: ModelOf) -> Material:
    """Read the runs, each once. Raises UnknownRun, with the nearest ids, for one not there."""
    records = [store.run(run) for run in dict.fromkeys(ids)]
    return Material(tuple(_read(store, record, model_of) for record in records))


def _read(store: RunStore, record: RunRecord, model_of: ModelOf) -> ExportedRun:
    model = _fitting(record.spec, model_of(record.spec))
    events = tuple(event for _, event in store.events(record.id))
    summary = summarise(record.id, record.spec, events, model)
    if record.state is RunState.INTERRUPTED:
        summary = broken_off(summary)
    goes_on = record.spec.starts_from is not None
    chain = chain_of(summary, summaries_in(store, model_of)) if goes_on else None
    return ExportedRun(record, events, summary, model, chain)


def summaries_in(store: RunStore, model_of: ModelOf) -> SummaryOf:
    """What reads a run of `store` for a chain: all but its single steps."""

    def summary_of(run: str) -> RunSummary | None:
        try:
            record = store.run(run)
        except UnknownRun:
            return None
        events = (event for _, event in store.events(run, kinds=_WITHOUT_STEPS))
        return summarise(run, record.spec, events, _fitting(record.spec, model_of(record.spec)))

    return summary_of


def _fitting(spec: RunSpec, model: ModelDescription | None) -> ModelDescription | None:
    """The model, unless the plan does not fit it any more."""
    try:
        if model is not None:
            parameter_tables(spec.plan, model)
    except PlanError:
        return None
    return model


def _unfinished(label: str, run: ExportedRun) -> str:
    headline = run_headline(run.record, run.summary)
    reason = f" {run.record.reason}" if run.record.reason else ""
    return f"{label} ({run.id}) has not finished. {headline}.{reason}"
