"""How a comparison is told: a line as each run ends, one for the whole, a table, and JSON."""

from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from mtl_core.analysis.plans import PlanComparison
from mtl_core.analysis.price import price_of
from mtl_core.cli.compare_json import end_of
from mtl_core.cli.console import plain_console
from mtl_core.engine.comparison_progress import ComparisonProgress
from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report import blocks
from mtl_core.report.compared import ComparedRuns
from mtl_core.report.data_words import size_words
from mtl_core.report.load import summarized_report
from mtl_core.report.run_words import about, duration
from mtl_core.report.table import result_words, terminal_table
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, Role, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import train_size

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


def compared_runs(store: RunStore, record: ComparisonRecord, settings: Settings) -> ComparedRuns:
    """Judges the runs of a comparison, under the names of their scenarios."""
    from mtl_core.cli.stored_runs import data_of

    report = summarized_report(
        store,
        record.runs,
        lambda _: None,
        lambda spec, examples: data_of(spec, examples, settings),
        record,
        name_of=lambda spec: spec.scenario or spec.plan.name,
    )
    return report.compared


def print_results(record: ComparisonRecord, shown: ComparedRuns) -> None:
    """Prints a table of scenarios and the result on each task, for each number of sentences."""
    console = plain_console()
    seeds = ", ".join(map(str, record.spec.seeds))
    console.print(f"{comparison_name(record)} · {record.spec.data} · seeds {seeds}", soft_wrap=True)
    for each in shown.at_each_size:
        if shown.by_size:
            console.print(f"\n{size_words(each.size)}")
        console.print(results_table(each.plans, console.width))
        for task in each.plans.tasks:
            console.print(f"{task.name}: {result_words(each.plans, task.name)}", soft_wrap=True)


def results_table(comparison: PlanComparison, width: int) -> Table:
    """Builds a table with a row a scenario; in a narrow terminal the range is below its mean."""
    wide = _table(terminal_table(comparison))
    unbound = Console(width=_UNBOUND)
    fits = unbound.measure(wide).maximum <= width
    return wide if fits else _table(terminal_table(comparison, "\n"))


def _table(content: blocks.Table) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(content.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in content.rows:
        table.add_row(*row)
    return table


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
