"""How a comparison is told: a line as each run ends, one for the whole, a table, and JSON."""

from collections.abc import Iterator, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from mtl_core.analysis.by_size import AtSize, group_by_size
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.plans import PlanComparison, PlanResult, Verdict
from mtl_core.analysis.price import price_of
from mtl_core.analysis.reading import broken_off, summarise
from mtl_core.cli.compare_json import end_of, plans_with
from mtl_core.cli.console import plain_console
from mtl_core.engine.comparison_progress import ComparisonProgress
from mtl_core.engine.lab import Lab
from mtl_core.errors import DataError
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report.compare_words import finished_seeds, mean_words, metric_name
from mtl_core.report.run_words import about, duration
from mtl_core.report.size_words import size_words
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, Role, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.task import Task
from mtl_core.training.comparison import train_size

_WITHOUT_STEPS = (
    *("run_started", "phase_started", "evaluation", "answers", "measured", "phase_finished"),
    *("run_finished", "run_failed", "run_stopped"),
)
_UNBOUND = 1000  # columns: wider than any table
_WHAT = {Role.SWEEP: "trying rates", Role.PACE: "measuring an epoch"}


class ComparisonTelling:
    """Tells on stderr how a comparison goes: a line for each run that ends, and, where somebody
    watches, one that moves for the whole, with the time left."""

    def __init__(self, lab: Lab, record: ComparisonRecord) -> None:
        self._lab, self._comparison = lab, record.id
        self._console = Console(stderr=True, markup=False, emoji=False, highlight=False)
        self._bar = Progress(
            TextColumn("{task.fields[done]}"),
            BarColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=1.0, done="", left="")
        runs = (*record.scouts, *record.runs)
        self._told = {run.id for run in runs if run.state.is_final}
        kept = f", {len(self._told)} of them finished before" if self._told else ""
        self._say(
            f"Comparison {record.id}: {record.name}, {len(runs)} runs{kept}{self._price(record)}"
        )

    def __enter__(self) -> "ComparisonTelling":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def look(self) -> ComparisonProgress:
        """Tell what has happened since the last look; how far it has come."""
        progress = self._lab.comparison_progress(self._comparison)
        record = self._lab.store.comparison(self._comparison)
        for run in (*record.scouts, *record.runs):
            if run.state.is_final and run.id not in self._told:
                self._told.add(run.id)
                self._say(f"  {len(self._told)}/{progress.total} {_ended(run, self._lab.store)}")
        current = progress.current
        left = progress.remaining_seconds
        self._bar.update(
            self._task,
            completed=progress.share_done,
            done=f"{progress.finished} of {progress.total} runs"
            + (f" · {_called(current)}" if current else ""),
            left="" if left is None else f"{duration(left)} left",
        )
        return progress

    def _price(self, record: ComparisonRecord) -> str:
        """`, about 3 min` of what is still to run; empty where that is not known."""
        left = [run.spec for run in (*record.scouts, *record.runs) if not run.state.is_final]
        price = price_of(left, self._lab.store.runs(shipped=None), record.spec.seconds)
        return f", {about(price.seconds)}" if left and price.seconds is not None else ""

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


def grouped(store: RunStore, record: ComparisonRecord, settings: Settings) -> tuple[AtSize, ...]:
    """The runs of a comparison gathered by scenario, at each number of training sentences, the
    largest last; judged sentence by sentence where the data that they answered are still here,
    else by the seeds alone."""
    labelled = []
    for run in record.runs:
        events = (event for _, event in store.events(run.id, kinds=_WITHOUT_STEPS))
        summary = summarise(run.id, run.spec, events)
        if run.state is RunState.INTERRUPTED:
            summary = broken_off(summary)
        labelled.append((run.name, summary))
    gold = _right_answers(record, settings)
    return group_by_size(labelled, gold) or (AtSize(None, compare_plans(labelled, gold)),)


def _right_answers(record: ComparisonRecord, settings: Settings) -> GoldLabels | None:
    ran_on = [run.spec.data_digests for run in record.runs if run.spec.data_digests]
    try:
        dataset = load_dataset(record.spec.data, settings.owner_access)
    except DataError:
        return None
    same = all(digests == dict(dataset.digests) for digests in ran_on)
    return gold_labels(dataset) if same else None


def print_results(record: ComparisonRecord, results: Sequence[AtSize]) -> None:
    """A table of scenarios with each task's mean and range over the seeds, and the answer; of
    several numbers of training sentences one for each."""
    console = plain_console()
    seeds = ", ".join(map(str, record.spec.seeds))
    console.print(f"{comparison_name(record)} · {record.spec.data} · seeds {seeds}", soft_wrap=True)
    for each in results:
        if len(results) > 1:
            console.print(f"\n{size_words(each.size)}")
        console.print(results_table(each.plans, console.width))
        for task in each.plans.tasks:
            console.print(_answer(each.plans, task.name), soft_wrap=True)


def results_table(results: PlanComparison, width: int) -> Table:
    """A row a scenario; where a terminal is narrower than that, the range under its mean."""
    wide = _table(results, " ")
    unbound = Console(width=_UNBOUND)
    return wide if unbound.measure(wide).maximum <= width else _table(results, "\n")


def _table(results: PlanComparison, between: str) -> Table:
    """`between` stands between a mean and its range."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario")
    for column in ("learn", *(f"{task.name} {metric_name(task)}" for task in results.tasks)):
        table.add_column(column.replace(" ", between, 1), justify="right")
    for column in ("seconds", "peak MB", "seeds"):
        table.add_column(column.replace(" ", between), justify="right")
    for plan in results.plans:
        table.add_row(*_row(plan, results.tasks, between))
    return table


def _answer(results: PlanComparison, task: str) -> str:
    """Which is best, and which cannot be told from it."""
    best = plans_with(results, task, Verdict.BEST)
    words = [f"best is {', '.join(best)}"] if best else []
    if noise := plans_with(results, task, Verdict.WITHIN_NOISE):
        words.append(f"within noise of it: {', '.join(noise)}")
    if open_ones := plans_with(results, task, Verdict.OPEN):
        words.append(f"too few seeds and sentences to tell: {', '.join(open_ones)}")
    return f"{task}: {'; '.join(words) or 'no run has finished'}"


def print_comparisons(records: Sequence[ComparisonRecord]) -> None:
    """A table of comparisons and of how far each has come; nothing where there are none."""
    if not records:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("comparison", "name", "data", "finished"):
        table.add_column(column, overflow="fold")
    for record in records:
        finished = sum(run.state is RunState.FINISHED for run in record.runs)
        state = "" if record.ended else ", going on"
        done = f"{finished} of {len(record.runs)} runs{state}"
        table.add_row(record.id, comparison_name(record), record.spec.data, done)
    console = plain_console()
    console.print(table)
    console.print()


def _row(plan: PlanResult, tasks: Sequence[Task], between: str) -> Iterator[str]:
    yield plan.label
    yield "" if plan.trainable is None else f"{plan.trainable:,}"
    for task in tasks:
        mean, bracket, spread = mean_words(plan.tasks.get(task.name)).partition(" (")
        near = bracket + spread if between == " " else between + spread.rstrip(")")
        yield mean + near if spread else mean
    yield "" if plan.seconds is None else f"{plan.seconds:.1f}"
    yield "" if plan.peak_memory_bytes is None else f"{plan.peak_memory_bytes / 1e6:,.0f}"
    yield str(finished_seeds(plan))


def _called(run: RunRecord) -> str:
    factor = "" if run.factor is None or run.role is Role.RUN else f" at {run.factor:g}"
    what = f"{_WHAT[run.role]}{factor}" if run.role in _WHAT else f"seed {run.spec.seed}"
    sized = f" · {size_words(train_size(run.spec))}" if run.spec.examples else ""
    return f"{run.name}{sized} · {what}"


def _ended(run: RunRecord, store: RunStore) -> str:
    end = end_of(store, run)
    if end is None:
        return f"{_called(run)} · {run.state}: {run.reason}"
    scores = " · ".join(f"{task} {score.headline:.3f}" for task, score in end.metrics.items())
    return f"{_called(run)} · {scores} · {duration(end.total_seconds)}"
