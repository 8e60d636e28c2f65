"""What is exported: runs read from the store, with their models where these are still known."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mtl_core.analysis.chain import Chain, SummaryOf, chain_of
from mtl_core.analysis.comparison import ComparedRun, Comparison
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.reading import broken_off, summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.words import listed
from mtl_core.errors import PlanError, UnknownRun
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.description import ModelDescription
from mtl_core.report.compared import ComparedRuns, a_run, headline, judged
from mtl_core.report.curve import BaselinesBySize, limits_at
from mtl_core.report.front import Baselines, baselines_by_task, limits_of
from mtl_core.report.run_words import run_headline
from mtl_core.settings import FileAccess
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.events import RunEvent
from mtl_core.training.spec import RunSpec

ModelOf = Callable[[RunSpec], ModelDescription | None]
"""The model of a spec; None where its checkpoint is not here or its plan no longer fits."""

DataOf = Callable[[RunSpec, Mapping[str, int]], Dataset | None]
"""The data of a spec with limits of examples by task; None where they are not here, or are not
those that the run learned from any more."""

BaselinesOf = Callable[[Dataset], tuple[Baseline, ...]]
"""The scores that these data give without any model."""

_MOST_TOLD = 3  # unfinished runs, one by one

_WITHOUT_STEPS = (
    *("run_started", "phase_started", "evaluation", "measured", "phase_finished"),
    *("run_finished", "run_failed", "run_stopped"),
)


@dataclass(frozen=True)
class ReportRun:
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
class Report:
    """The runs of one bundle, in the order in which they were named.

    `record` is the comparison that they make up, None for runs named one by one; without
    `data_of` plans are judged by their seeds alone.
    """

    runs: tuple[ReportRun, ...]
    record: ComparisonRecord | None = None
    data_of: DataOf | None = None
    baselines_of: BaselinesOf = baselines_of_data

    @cached_property
    def compared(self) -> ComparedRuns:
        """The runs against each other, singly and by plan; sentence by sentence where the data
        that they answered are still here, else by the seeds alone."""
        sentences = self.sentences if len(self.runs) > 1 else None
        read = [(run.record, run.summary) for run in self.runs]
        return judged(read, sentences[1] if sentences else None)

    @cached_property
    def sentences(self) -> tuple[Dataset, GoldLabels] | None:
        """The data that the runs answered, with what is right; None where they are not here."""
        data = self._data({})
        return None if data is None else (data, gold_labels(data))

    @cached_property
    def baselines(self) -> Baselines:
        """What needs no fine-tuning, by task: of the data where they are here, and of the runs."""
        limits = limits_of(self.compared)
        data = None if limits is None else self._data(limits)
        return baselines_by_task(self.compared, self.baselines_of(data) if data else ())

    @cached_property
    def baselines_by_size(self) -> BaselinesBySize:
        """What the data give at each number of training sentences, where there are several."""
        found = {}
        for size, (_, limits) in limits_at(self.compared).items():
            data = self._data(limits)
            found[size] = self.baselines_of(data) if data else ()
        return found

    @property
    def comparison(self) -> Comparison:
        """The runs against each other, one by one."""
        return self.compared.comparison

    @property
    def named(self) -> tuple[tuple[ComparedRun, ReportRun], ...]:
        """Each run with the name that it goes by in this bundle."""
        return tuple(zip(self.comparison.runs, self.runs, strict=True))

    @property
    def one_of_each(self) -> tuple[tuple[str, ReportRun], ...]:
        """A run of each plan, that of the lowest seed, under the plan's name; where every plan ran
        once, each run under its own."""
        if not self.compared.by_plan:
            return tuple((label.label, run) for label, run in self.named)
        runs = {run.id: run for run in self.runs}
        return tuple((plan.label, runs[a_run(plan).run]) for plan in self.compared.plans.plans)

    @property
    def tables(self) -> dict[str, tuple[ParameterTable, ...]]:
        """By plan, of those whose model is known: the parameter table of each phase."""
        runs = {run.id: run for run in self.runs}
        found = {plan.label: runs[a_run(plan).run].tables for plan in self.compared.plans.plans}
        return {label: tables for label, tables in found.items() if tables}

    @property
    def whole_comparison(self) -> ComparisonRecord | None:
        """The comparison that these runs are, where its spec says all of them: none goes on from a
        run that it does not name."""
        record = self.record
        if record is None:
            return None
        starts = {run.record.spec.starts_from for run in self.runs}
        return record if starts <= {record.spec.starts_from} else None

    @property
    def threads(self) -> int | None:
        """The number of threads of all runs; None where they differ."""
        threads = {run.record.spec.threads for run in self.runs}
        return threads.pop() if len(threads) == 1 else None

    @property
    def headline(self) -> str:
        """What the runs came to, in one line: of one run its end, of several the comparison."""
        if len(self.runs) == 1:
            return run_headline(self.runs[0].record, self.runs[0].summary)
        return headline(self.compared)

    @property
    def several_plans(self) -> bool:
        """Whether there is a plan to hold against another."""
        return len(self.compared.plans.plans) > 1

    @property
    def unfinished(self) -> tuple[str, ...]:
        """A sentence about each run that did not come to its end; of many, one about all."""
        left = [each for each in self.named if each[1].record.state is not RunState.FINISHED]
        if len(left) <= _MOST_TOLD:
            return tuple(_unfinished(label.label, run) for label, run in left)
        counts = Counter(str(run.record.state) for _, run in left)
        told = listed([f"{count} {state}" for state, count in counts.items()])
        return (f"{len(left)} of {len(self.runs)} runs have not finished: {told}.",)

    def _data(self, examples: Mapping[str, int]) -> Dataset | None:
        """The data of these runs: of one that has begun where there is any, as it wrote down which
        they were."""
        if self.data_of is None:
            return None
        specs = [run.summary.spec for run in self.runs]
        return self.data_of(max(specs, key=lambda spec: bool(spec.data_digests)), examples)


def load_report(
    store: RunStore,
    ids: Sequence[str],
    model_of: ModelOf,
    data_of: DataOf | None = None,
    record: ComparisonRecord | None = None,
    baselines_of: BaselinesOf = baselines_of_data,
) -> Report:
    """Read the runs, each once. Raises UnknownRun, with the nearest ids, for one not there."""
    records = [store.run(run) for run in dict.fromkeys(ids)]
    read = tuple(_read(store, each, model_of) for each in records)
    return Report(read, record, data_of, baselines_of)


def sentences_of(spec: RunSpec, examples: Mapping[str, int], access: FileAccess) -> Dataset | None:
    """The data of `spec`, with limits of examples by task, if they are still what its run learned
    from. None for others; raises DataError where there are none."""
    data = load_dataset(spec.data, access, examples)
    known = spec.data_digests
    return data if not known or dict(known) == dict(data.digests) else None


def _read(store: RunStore, record: RunRecord, model_of: ModelOf) -> ReportRun:
    model = _fitting(record.spec, model_of(record.spec))
    events = tuple(event for _, event in store.events(record.id))
    summary = summarise(record.id, record.spec, events, model)
    if record.state is RunState.INTERRUPTED:
        summary = broken_off(summary)
    goes_on = record.spec.starts_from is not None
    chain = chain_of(summary, summaries_in(store, model_of)) if goes_on else None
    return ReportRun(record, events, summary, model, chain)


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


def _unfinished(label: str, run: ReportRun) -> str:
    headline = run_headline(run.record, run.summary)
    reason = f" {run.record.reason}" if run.record.reason else ""
    return f"{label} ({run.id}) has not finished. {headline}.{reason}"
