"""Prints the events of a run: as text with a progress bar, or as JSON lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import assert_never

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from mtl_core.cli.console import plain_console
from mtl_core.cli.options import EventFormat
from mtl_core.report.data_words import split_counts
from mtl_core.report.run_words import shared_words
from mtl_core.report.starting import stage_line
from mtl_core.text import score_text
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
from mtl_core.training.starting import Starting

PrintEvent = Callable[[RunEvent | Starting], None]


@contextmanager
def event_printer(form: EventFormat, live: bool = True) -> Iterator[PrintEvent]:
    """A function that prints each event to standard output.

    With `live`, text in a terminal has a progress bar below it, which also shows the stages.
    """
    if form is EventFormat.JSONL:
        yield _print_json
        return
    console = plain_console(width=160)
    bar = progress_bar(console)
    if not (live and console.is_terminal):
        yield TextPrinter(console, None)
        return
    with bar:
        yield TextPrinter(console, bar)


def headline_text(score: TaskScore) -> str:
    """The headline metric of a task with its name: `accuracy 0.913`."""
    name = "accuracy" if isinstance(score, SentenceScore) else "entity F1"
    return f"{name} {score_text(score.headline)}"


def _print_json(event: RunEvent | Starting) -> None:
    if not isinstance(event, Starting):  # scripts read events, of which `run_started` is the first
        print(event_to_json(event), flush=True)


def progress_bar(console: Console) -> Progress:
    """A bar with the stage or the step, the latest losses and the time left."""
    return Progress(
        TextColumn("{task.fields[where]}"),
        BarColumn(),
        TextColumn("{task.fields[losses]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )


class TextPrinter:
    """Prints a run as lines of text: its options, each phase and evaluation, and the proof."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._bar_task = (
            None
            if bar is None
            else bar.add_task("", total=None, visible=False, where="", losses="")
        )
        self._phases = 1
        self._together: int | None = None
        self._first: dict[str, dict[str, TaskScore]] = {}  # by split
        self._total_steps = 0
        self._step_number = 0

    def __call__(self, event: RunEvent | Starting) -> None:
        """Print an event, or show a stage in the bar."""
        match event:
            case Starting():
                self._starting(event)
            case RunStarted():
                self._started(event)
            case PhaseStarted():
                self._print(
                    f"Phase {event.number} of {self._phases}, {event.phase}: {event.trainable:,} "
                    f"parameters are trainable, {event.frozen:,} are frozen, {event.steps} steps"
                )
                if event.prefix is not None:
                    self._print(f"  {event.prefix.summary}")
            case Step():
                self._step(event)
            case Evaluation():
                self._evaluation(event)
            case Measured():
                for note in event.notes:
                    self._print(f"Note: {note}")
            case PhaseFinished() | Answers():
                pass
            case RunFinished():
                self._finished(event)
            case RunFailed():
                self._print(f"Failed after {event.elapsed_seconds:.1f} s: {event.reason}")
            case RunStopped():
                self._print(f"After {event.elapsed_seconds:.1f} s: {event.reason}")
            case _:
                assert_never(event)

    def _print(self, line: str) -> None:
        self._console.print(line)

    def _starting(self, event: Starting) -> None:
        """Show a stage and its progress in the bar; text that is not in a terminal has events only.

        So the first line names the run, and `runs show` prints the same text.
        """
        if self._bar is not None and self._bar_task is not None:
            self._bar.update(
                self._bar_task,
                where=stage_line(event, self._step_number),
                total=event.total or self._total_steps or None,
                completed=event.done or self._step_number,
                visible=True,
            )

    def _started(self, event: RunStarted) -> None:
        spec = event.spec
        self._phases, self._total_steps = len(spec.plan.phases), event.total_steps
        self._together = spec.trained_together
        counts = ", ".join(
            f"{task} {split_counts(found)}" for task, found in event.examples.items()
        )
        self._print(f"Run {event.run}")
        self._print(
            f"{spec.checkpoint} · {spec.arm_name} · {spec.data} ({counts} "
            f"sentences) · {spec.epochs:g} epochs · seed {spec.seed} · sentence vector: "
            f"{spec.sentence_vector.words}"
        )
        for note in event.notes:
            self._print(f"Note: {note}")

    def _step(self, event: Step) -> None:
        self._step_number = event.step
        if self._bar is None or self._bar_task is None:
            return
        losses = [f"{task} {loss:.3f}" for task, loss in event.loss.items() if loss is not None]
        self._bar.update(
            self._bar_task,
            where=f"step {event.step:,} of {self._total_steps:,}",
            total=self._total_steps,
            completed=event.step,
            losses=" · ".join(losses),
        )

    def _evaluation(self, event: Evaluation) -> None:
        scores = " · ".join(
            f"{task} {headline_text(score)}, loss {_number(score.loss)}"
            for task, score in event.tasks.items()
        )
        where = f"step {event.step} of {self._total_steps}, epoch {event.epoch:.2f}"
        where = where if event.step else "before training"
        self._first.setdefault(event.split, event.tasks)
        if event.split != "validation":
            where = f"{where}, on {event.split}"
        self._print(f"  {where}: {scores}")

    def _finished(self, event: RunFinished) -> None:
        shared = shared_words(self._together, event.trained_beside)
        self._print(
            f"Finished in {event.total_seconds:.1f} s{shared} "
            f"(frozen layers {event.prefix_seconds:.1f}, training {event.training_seconds:.1f}, "
            f"evaluation {event.evaluation_seconds:.1f}), peak memory "
            f"{event.peak_memory_bytes / 1e6:,.0f} MB"
        )
        for task, score in event.metrics.items():
            split = event.judged_on.get(task, "validation")
            first = self._first.get(split, {}).get(task)
            was = "" if first is None or first.headline is None else f" (was {first.headline:.3f})"
            self._print(f"  {task}, {split}: {headline_text(score)}{was}")
        place = " and in the saved model" if event.output else ""
        self._print(
            f"  {event.frozen_tensors} of {event.frozen_tensors} frozen tensors bit-identical "
            f"by SHA-256, in memory{place}"
        )
        if event.output:
            self._print(f"  saved in {event.output}")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
