"""Loads the runs of a report from the store, with their models, data and baselines.

Page, note and command line compare runs through `Report.compared`. The page passes readers that
cache; the command line and the exports read the store directly.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from mtl_core.analysis.chain import Chain, SummaryOf, chain_of
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.outcomes import OutcomeRule
from mtl_core.analysis.reading import interrupted_summary, summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.errors import PlanError, UnknownRun
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.description import ModelDescription
from mtl_core.report.baselines import (
    BaselinesBySize,
    BaselinesByTask,
    baselines_by_task,
    limits_by_size,
    shared_limits,
)
from mtl_core.report.compared import ComparedRuns, LabelledRun, compare_runs, lowest_seed_run
from mtl_core.report.finding import headline
from mtl_core.report.portable import PathNames, path_names, with_earlier
from mtl_core.report.run_words import run_headline
from mtl_core.store.model_folder import saved_model
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.tasks.dataset import Dataset
from mtl_core.text import listed
from mtl_core.training.events import RunEvent, RunFinished
from mtl_core.training.spec import RunSpec

ModelOf = Callable[[RunSpec], ModelDescription | None]
"""Returns the model of a spec; None if its checkpoint is missing or its plan no longer fits."""

DataOf = Callable[[RunSpec, Mapping[str, int]], Dataset | None]
"""Returns the data of a spec with limits of examples by task; None if they are missing or have
changed since the run."""

BaselinesOf = Callable[[Dataset], tuple[Baseline, ...]]
"""Returns the scores on a data set that need no model."""

_MOST_UNFINISHED = 3  # unfinished runs that are described one by one

_WITHOUT_STEPS = (
    *("run_started", "phase_started", "evaluation", "answers", "measured", "phase_finished"),
    *("run_finished", "run_failed", "run_stopped"),
)


ResolvedTables = tuple[ModelDescription | None, tuple[ParameterTable, ...]]
"""A run's model, None if it is unknown, with the parameter table of each phase."""


@dataclass(frozen=True)
class ReportRun:
    """One run of a report. `events` are empty if only summaries were loaded.

    `saved_model` is the folder of its model, or why there is none.
    """

    record: RunRecord
    events: tuple[RunEvent, ...]
    summary: RunSummary
    load_tables: Callable[[], ResolvedTables]
    load_chain: Callable[[], Chain | None]
    saved_model: Path | str = "Only the summary of this run was loaded."

    @property
    def id(self) -> str:
        """The run's id, which also names its folder in the bundle."""
        return self.record.id

    @property
    def model(self) -> ModelDescription | None:
        """The run's model; None if its checkpoint is missing or its plan no longer fits."""
        return self._resolved[0]

    @cached_property
    def chain(self) -> Chain | None:
        """The stages that led to the run; None for a run that starts from a checkpoint."""
        return self.load_chain()

    @property
    def tables(self) -> tuple[ParameterTable, ...]:
        """The parameter table of each phase; empty if the model is unknown."""
        return self._resolved[1]

    @cached_property
    def _resolved(self) -> ResolvedTables:
        return self.load_tables()


@dataclass(frozen=True)
class Report:
    """The runs of a report, in the order in which they were named.

    `record` is the comparison that the runs form, None for runs that were selected one by one.
    Without `data_of` plans are tested over seeds only. `names` are those that records, specs
    and events have instead of paths and uploads. `by_arm` labels plans with the names of
    their arms. `reference` is the label, or the name of the arm, of a plan that all others are
    compared with. `earlier` are the runs from which those start that are not among them.
    """

    runs: tuple[ReportRun, ...]
    record: ComparisonRecord | None = None
    data_of: DataOf | None = None
    baselines_of: BaselinesOf = baselines_of_data
    by_arm: bool = False
    reference: str | None = None
    names: PathNames = field(default_factory=lambda: PathNames(()))
    earlier: tuple[ReportRun, ...] = ()

    @cached_property
    def compared(self) -> ComparedRuns:
        """The runs grouped and judged by plan."""
        runs = [(run.record, run.summary) for run in self.runs]
        spec = None if self.record is None else self.record.spec
        rule = None if spec is None else OutcomeRule(spec.margin, spec.seeds_at_looks)
        arms = () if spec is None else spec.arms
        return compare_runs(runs, lambda _: self._gold(), self.by_arm, rule, self.reference, arms)

    @cached_property
    def sentences(self) -> tuple[Dataset, GoldLabels] | None:
        """The data of the runs and the labels of all sentences that they are evaluated on.

        None if the data are unavailable; other data that are unavailable are left out.
        """
        data = self._data({})
        return None if data is None else (data, gold_labels(data, self._other_data()))

    @cached_property
    def baselines(self) -> BaselinesByTask:
        """The baselines by task: of the data, if available, and of the runs."""
        limits = shared_limits(self.compared)
        data = None if limits is None else self._data(limits)
        return baselines_by_task(self.compared, self.baselines_of(data) if data else ())

    @cached_property
    def baselines_by_size(self) -> BaselinesBySize:
        """The baselines of the data at each number of training sentences, if it was varied."""
        found = {}
        for size, (_, limits) in limits_by_size(self.compared).items():
            data = self._data(limits)
            found[size] = self.baselines_of(data) if data else ()
        return found

    @property
    def named(self) -> tuple[tuple[LabelledRun, ReportRun], ...]:
        """Each run with its label."""
        return tuple(zip(self.compared.runs, self.runs, strict=True))

    @property
    def one_of_each(self) -> tuple[tuple[str, ReportRun], ...]:
        """The run with the lowest seed of each plan, with the plan's label."""
        runs = {run.id: run for run in self.runs}
        return tuple(
            (plan.label, runs[lowest_seed_run(plan).run]) for plan in self.compared.plans.plans
        )

    @property
    def tables(self) -> dict[str, tuple[ParameterTable, ...]]:
        """By plan, the parameter table of each phase; without plans whose model is unknown."""
        return {label: run.tables for label, run in self.one_of_each if run.tables}

    @property
    def whole_comparison(self) -> ComparisonRecord | None:
        """The comparison of the runs, if its spec describes all of them.

        None if a run starts from another run that the spec does not name.
        """
        record = self.record
        if record is None:
            return None
        named = all(record.spec.names_start_of(run.record.spec) for run in self.runs)
        return record if named else None

    @property
    def reference_arm(self) -> str | None:
        """The arm that `compare --reference` names; None without a reference."""
        runs = {plan.label: lowest_seed_run(plan) for plan in self.compared.plans.plans}
        run = runs.get(self.compared.reference or "")
        return None if run is None else run.spec.arm_name

    @property
    def threads(self) -> int | None:
        """The number of threads that all runs used; None if it differs."""
        threads = {run.record.spec.threads for run in self.runs}
        return threads.pop() if len(threads) == 1 else None

    @property
    def headline(self) -> str:
        """The result in one line: of one run its state and scores, of several the comparison."""
        if len(self.runs) == 1:
            return run_headline(self.runs[0].record, self.runs[0].summary)
        return headline(self.compared, self.baselines)

    @property
    def several_plans(self) -> bool:
        """Whether there are two plans or more."""
        return len(self.compared.plans.plans) > 1

    @property
    def unfinished(self) -> tuple[str, ...]:
        """A sentence about each run that has not finished, or one sentence about many."""
        left = [each for each in self.named if each[1].record.state is not RunState.FINISHED]
        if len(left) <= _MOST_UNFINISHED:
            return tuple(_unfinished(label.label, run) for label, run in left)
        counts = Counter(str(run.record.state) for _, run in left)
        states = listed([f"{count} {state}" for state, count in counts.items()])
        return (f"{len(left)} of {len(self.runs)} runs have not finished: {states}.",)

    def _gold(self) -> GoldLabels | None:
        sentences = self.sentences if len(self.runs) > 1 else None
        return sentences[1] if sentences else None

    def _other_data(self) -> list[Dataset]:
        """Loads the other data that the runs were evaluated on, each as the first run read it.

        Runs with other tasks than those of the loaded data are left out.
        """
        found: dict[str, Dataset | None] = {}
        tasks = self._spec_of_data.tasks
        for spec in (run.summary.spec for run in self.runs if run.summary.spec.tasks == tasks):
            for name in spec.also_evaluate:
                if self.data_of is not None and name not in found and spec.other_data_digests:
                    found[name] = self.data_of(spec.with_data(name), {})
        return [data for data in found.values() if data is not None]

    def _data(self, examples: Mapping[str, int]) -> Dataset | None:
        return None if self.data_of is None else self.data_of(self._spec_of_data, examples)

    @property
    def _spec_of_data(self) -> RunSpec:
        """The spec of a started run if there is one, since that recorded the data's digests."""
        specs = [run.summary.spec for run in self.runs]
        return max(specs, key=lambda spec: bool(spec.data_digests))


def load_report(
    store: RunStore,
    ids: Sequence[str],
    model_of: ModelOf,
    data_of: DataOf | None = None,
    record: ComparisonRecord | None = None,
    baselines_of: BaselinesOf = baselines_of_data,
    reference: str | None = None,
    folders: Iterable[Path] = (),
) -> Report:
    """Loads runs with all their events, for files that other people read.

    Paths of this machine have names instead, those below `folders` relative ones; see `portable`.
    `model_of` and `data_of` get specs with the paths. Raises UnknownRun, with the nearest ids, if
    the store has no such run.
    """
    records = [store.run(run) for run in dict.fromkeys(ids)]
    named = {each.id for each in records}
    names = path_names(store, records, record, folders)

    def loaded(runs: Iterable[RunRecord]) -> tuple[ReportRun, ...]:
        return tuple(_with_events(store, each, model_of, names) for each in runs)

    return Report(
        loaded(records),
        None if record is None else names.in_comparison(record),
        None if data_of is None else partial(_data_at_path, names, data_of),
        lambda data: baselines_of(replace(data, reference=names.path_of(data.reference))),
        reference=reference,
        names=names,
        earlier=loaded(each for each in with_earlier(store, records) if each.id not in named),
    )


def _data_at_path(
    names: PathNames, data_of: DataOf, spec: RunSpec, examples: Mapping[str, int]
) -> Dataset | None:
    """Load data by the path that a spec has a name for; the data have that name."""
    found = data_of(names.with_path(spec), examples)
    return None if found is None else replace(found, reference=spec.data)


def summarized_report(
    store: RunStore,
    records: Sequence[RunRecord],
    model_of: ModelOf,
    data_of: DataOf | None = None,
    record: ComparisonRecord | None = None,
    *,
    summary_of: Callable[[RunRecord], RunSummary] | None = None,
    by_arm: bool = False,
    reference: str | None = None,
) -> Report:
    """Loads the summaries of runs without their events.

    `summary_of` defaults to a summary without single steps, which is all that scores need.
    """
    read = summary_of or (lambda each: _summary(store, each, None))
    runs = tuple(_summarized(store, each, read(each), model_of) for each in records)
    return Report(runs, record, data_of, by_arm=by_arm, reference=reference)


def sentences_of(spec: RunSpec, examples: Mapping[str, int], load: ReadsData) -> Dataset | None:
    """Loads the data of `spec` with limits of examples by task.

    Returns None if the data have changed since the run. Raises DataError as `load` does.
    """
    return load(spec.data, examples).as_recorded(spec.data_digests)


def summaries_in(store: RunStore, model_of: ModelOf, names: PathNames | None = None) -> SummaryOf:
    """Returns a function that summarizes a run of `store`, without single steps, for a chain.

    With `names`, its spec and events have them instead of paths.
    """

    def summary_of(run: str) -> RunSummary | None:
        try:
            record = store.run(run)
        except UnknownRun:
            return None
        model = _resolve(record.spec, model_of(record.spec))[0]
        return _summary(store, record, model, names)

    return summary_of


def _with_events(
    store: RunStore, record: RunRecord, model_of: ModelOf, names: PathNames
) -> ReportRun:
    resolved = _resolve(record.spec, model_of(record.spec))
    read = tuple(event for _, event in store.events(record.id))
    end = next((each for each in reversed(read) if isinstance(each, RunFinished)), None)
    saved = saved_model(record.id, record.spec, end)
    record, events = names.in_record(record), tuple(map(names.in_model, read))
    summary = summarise(record.id, record.spec, events, resolved[0])
    if record.state is RunState.INTERRUPTED:
        summary = interrupted_summary(summary)
    # now: a caller may close the store before a report
    chain = _chain(store, summary, model_of, names)
    return ReportRun(record, events, summary, lambda: resolved, lambda: chain, saved)


def _summarized(
    store: RunStore, record: RunRecord, summary: RunSummary, model_of: ModelOf
) -> ReportRun:
    return ReportRun(
        record,
        (),
        summary,
        lambda: _resolve(record.spec, model_of(record.spec)),
        lambda: _chain(store, summary, model_of),
    )


def _chain(
    store: RunStore, summary: RunSummary, model_of: ModelOf, names: PathNames | None = None
) -> Chain | None:
    if summary.spec.starts_from is None:
        return None
    return chain_of(summary, summaries_in(store, model_of, names))


def _summary(
    store: RunStore,
    record: RunRecord,
    model: ModelDescription | None,
    names: PathNames | None = None,
) -> RunSummary:
    events = [event for _, event in store.events(record.id, kinds=_WITHOUT_STEPS)]
    if names is not None:
        record, events = names.in_record(record), list(map(names.in_model, events))
    summary = summarise(record.id, record.spec, events, model)
    return interrupted_summary(summary) if record.state is RunState.INTERRUPTED else summary


def _resolve(spec: RunSpec, model: ModelDescription | None) -> ResolvedTables:
    """Returns the model and its tables; None and no tables if the plan does not fit any more."""
    if model is None:
        return None, ()
    try:
        return model, parameter_tables(spec.plan, model)
    except PlanError:
        return None, ()


def _unfinished(label: str, run: ReportRun) -> str:
    headline = run_headline(run.record, run.summary)
    reason = f" {run.record.reason}" if run.record.reason else ""
    return f"{label} ({run.id}) has not finished. {headline}.{reason}"
