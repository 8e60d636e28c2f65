"""Judges the runs of a comparison and prints the results as text."""

from rich.console import Console
from rich.table import Table

from mtl_core.analysis.plans import PlanComparison
from mtl_core.cli.console import plain_console
from mtl_core.cli.stored_runs import data_of
from mtl_core.lessons.claim_runs import comparison_name
from mtl_core.report import blocks
from mtl_core.report.against import against_words
from mtl_core.report.baselines import baseline_lines, collapse_lines, unbeaten_words
from mtl_core.report.data_words import size_words
from mtl_core.report.diverged import diverged_lines
from mtl_core.report.load import Report, summarized_report
from mtl_core.report.table import (
    result_words,
    setting_lines,
    terminal_table,
)
from mtl_core.report.undecided import undecided_lines
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord
from mtl_core.store.runs import RunStore
from mtl_core.text import numbers_text

_UNLIMITED = 1000  # columns: wider than any table


def load_results(
    store: RunStore, record: ComparisonRecord, settings: Settings, reference: str | None = None
) -> Report:
    """Load the runs of a comparison. Plans are named by their arms.

    `reference` is the arm that the others are compared with, None for the best only.
    """
    return summarized_report(
        store,
        record.runs,
        lambda _: None,
        lambda spec, examples: data_of(spec, examples, settings),
        record,
        by_arm=True,
        reference=reference,
    )


def print_results(record: ComparisonRecord, report: Report) -> None:
    """Print a table of arms and the result on each task, for each number of sentences.

    If the report has a reference, also how each plan compares with that plan.
    """
    console, compared = plain_console(), report.compared
    seeds = numbers_text(record.spec.seeds)
    console.print(f"{comparison_name(record)} · {record.spec.data} · seeds {seeds}", soft_wrap=True)
    for each in compared.at_each_size:
        if compared.by_size:
            console.print(f"\n{size_words(each.size)}")
        console.print(results_table(each.plans, console.width))
        for task in each.plans.tasks:
            console.print(f"{task.name}: {result_words(each.plans, task.name)}", soft_wrap=True)
        for line in (*diverged_lines(each.plans), *undecided_lines(each.plans)):
            console.print(line, soft_wrap=True)
    for line in setting_lines(compared):
        console.print(line, soft_wrap=True)
    for task in compared.plans.tasks:
        lines = report.baselines.get(task.name, ())
        if (unbeaten := unbeaten_words(compared.plans, task.name, lines)) is not None:
            console.print(f"{task.name}: {unbeaten}", soft_wrap=True)
    for line in baseline_lines(compared.plans, report.baselines):
        console.print(line, soft_wrap=True)
    for task_name, plans in compared.against.items():
        for label, found in plans.items():
            words = f"{label} against {compared.reference}: {against_words(found)}"
            console.print(f"{task_name}, {words}", soft_wrap=True)
    for line in collapse_lines(compared.plans, report.baselines):
        console.print(line, soft_wrap=True)


def results_table(comparison: PlanComparison, width: int) -> Table:
    """A table with a row per arm; in a narrow terminal a range is below its mean."""
    wide = _as_rich(terminal_table(comparison))
    fits = Console(width=_UNLIMITED).measure(wide).maximum <= width
    return wide if fits else _as_rich(terminal_table(comparison, "\n"))


def _as_rich(content: blocks.Table) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(content.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in content.rows:
        table.add_row(*row)
    return table
