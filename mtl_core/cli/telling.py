"""How a run is told in a terminal: lines to read, or events as JSON."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from mtl_core.analysis.chain import Chain
from mtl_core.cli.options import EventFormat
from mtl_core.report.stages import chain_lines, chain_rows, chain_title
from mtl_core.store.record import RunRecord
from mtl_core.store.runs import RunStore
from mtl_core.training.events import (
    Answers,
    Evaluation,
    Measured,
    PhaseFinished,
    PhaseStarted,
    RunEvent,
    RunFailed,
    RunFinished,
    RunStarted,
    RunStopped,
    SentenceScore,
    Step,
    TaskScore,
    event_to_json,
)

Telling = Callable[[RunEvent], None]


@contextmanager
def telling(form: EventFormat, live: bool = True) -> Iterator[Telling]:
    """What prints each event. `live` draws a progress bar where somebody watches."""
    if form is EventFormat.JSONL:
        yield _print_json
        return
    console = plain_console(width=160)
    bar = _progress(console)
    if not (live and console.is_terminal):
        yield _Story(console, None)
        return
    with bar:
        yield _Story(console, bar)


def plain_console(width: int = 200) -> Console:
    """Rich's console; of one width where nobody watches, so that few names are folded.

    Names and paths are anybody's: `[old]` in one is no markup and `:heart:` no picture.
    """
    watched = sys.stdout.isatty()
    return Console(width=None if watched else width, markup=False, emoji=False, highlight=False)


def forget_stdout() -> None:
    """Write no more to a reader that has left: Python would complain of it while it exits."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open until the process ends


def print_runs(records: Sequence[RunRecord], store: RunStore) -> None:
    """A table of runs with each task's headline score, newest first."""
    console = plain_console()
    if not records:
        console.print("No runs yet. `python -m mtl_core train --scenario heads-only` makes one.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    named = any(record.title or record.tags for record in records)
    names = ("name", "tags") if named else ()
    for column in ("run", *names, "state", "checkpoint", "what learns", "data", "seed", "scores"):
        table.add_column(column, overflow="fold")
    for record in records:
        spec = record.spec
        scores = [f"{task} {_headline(score)}" for task, score in _latest(store, record.id)]
        table.add_row(
            record.id,
            *((record.title or "", ", ".join(record.tags)) if named else ()),
            record.state,
            spec.checkpoint,
            record.name,
            spec.data,
            str(spec.seed),
            " · ".join(scores),
        )
    console.print(table)


def print_chain(chain: Chain) -> None:
    """A table of the stages, and what became of the tasks that earlier ones trained."""
    console, rows = plain_console(), chain_rows(chain)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in dict.fromkeys(name for row in rows for name in row):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(row.get(str(column.header), "–") for column in table.columns))
    console.print(f"{chain_title(chain)}:")
    console.print(table)
    for line in chain_lines(chain):
        console.print(line)


def _latest(store: RunStore, run: str) -> list[tuple[str, TaskScore]]:
    """Each task's score in the last evaluation on the validation split."""
    found: list[tuple[str, TaskScore]] = []
    for _, event in store.events(run, kinds=["evaluation"]):
        if isinstance(event, Evaluation) and event.split == "validation":
            found = list(event.tasks.items())
    return found


def _print_json(event: RunEvent) -> None:
    print(event_to_json(event), flush=True)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("step {task.completed:.0f} of {task.total:.0f}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


class _Story:
    """Tells a run in lines: what it is, each phase, each evaluation, the proof."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._bar_task = (
            None if bar is None else bar.add_task("", total=None, visible=False, losses="")
        )
        self._phases = 1
        self._first: dict[str, TaskScore] = {}
        self._total_steps = 0

    def __call__(self, event: RunEvent) -> None:
        match event:
            case RunStarted():
                self._started(event)
            case PhaseStarted():
                self._say(
                    f"Phase {event.number} of {self._phases}, {event.phase}: {event.trainable:,} "
                    f"parameters learn, {event.frozen:,} are frozen, {event.steps} steps"
                )
                if event.prefix is not None:
                    self._say(f"  {event.prefix.told}")
            case Step():
                self._step(event)
            case Evaluation():
                self._evaluation(event)
            case PhaseFinished() | Answers() | Measured():
                pass
            case RunFinished():
                self._finished(event)
            case RunFailed():
                self._say(f"Failed after {event.elapsed_seconds:.1f} s: {event.reason}")
            case RunStopped():
                self._say(f"After {event.elapsed_seconds:.1f} s: {event.reason}")
            case _:
                assert_never(event)

    def _say(self, line: str) -> None:
        self._console.print(line)

    def _started(self, event: RunStarted) -> None:
        spec = event.spec
        self._phases, self._total_steps = len(spec.plan.phases), event.total_steps
        counts = ", ".join(
            f"{task} {found['train']} + {found['validation']}"
            for task, found in event.examples.items()
        )
        self._say(f"Run {event.run}")
        self._say(
            f"{spec.checkpoint} · {spec.scenario or spec.plan.name} · {spec.data} ({counts} "
            f"sentences) · {spec.epochs:g} epochs · seed {spec.seed}"
        )
        for note in event.notes:
            self._say(f"Note: {note}")
        if self._bar is not None and self._bar_task is not None and event.total_steps:
            self._bar.update(self._bar_task, total=event.total_steps, visible=True)

    def _step(self, event: Step) -> None:
        if self._bar is None or self._bar_task is None:
            return
        losses = [f"{task} {loss:.3f}" for task, loss in event.loss.items() if loss is not None]
        self._bar.update(self._bar_task, completed=event.step, losses=" · ".join(losses))

    def _evaluation(self, event: Evaluation) -> None:
        scores = " · ".join(
            f"{task} {_headline(score)}, loss {_number(score.loss)}"
            for task, score in event.tasks.items()
        )
        where = f"step {event.step} of {self._total_steps}, epoch {event.epoch:.2f}"
        where = where if event.step else "before training"
        if event.split == "validation":
            self._first = self._first or event.tasks
        else:
            where = f"{where}, on {event.split}"
        self._say(f"  {where}: {scores}")

    def _finished(self, event: RunFinished) -> None:
        self._say(
            f"Finished in {event.total_seconds:.1f} s (frozen part {event.prefix_seconds:.1f}, "
            f"training {event.training_seconds:.1f}, "
            f"evaluation {event.evaluation_seconds:.1f}), peak memory "
            f"{event.peak_memory_bytes / 1e6:,.0f} MB"
        )
        for task, score in event.metrics.items():
            was = f" (was {self._first[task].headline:.3f})" if task in self._first else ""
            self._say(f"  {task}: {_headline(score)}{was}")
        place = " and in the written file" if event.output else ""
        self._say(
            f"  {event.frozen_tensors} of {event.frozen_tensors} frozen tensors bit-identical "
            f"by SHA-256, in memory{place}"
        )
        if event.output:
            self._say(f"  written to {event.output}")


def _headline(score: TaskScore) -> str:
    name = "accuracy" if isinstance(score, SentenceScore) else "entity F1"
    return f"{name} {score.headline:.3f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
