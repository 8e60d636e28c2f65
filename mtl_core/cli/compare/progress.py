"""Shows the progress of a comparison on standard error."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mtl_core.analysis.durations import estimate_duration
from mtl_core.cli.stored_runs import finished_event
from mtl_core.engine.comparison_progress import ComparisonProgress
from mtl_core.engine.lab import Lab
from mtl_core.report.data_words import size_words
from mtl_core.report.run_words import about, duration, shared_words
from mtl_core.report.starting import stage_words
from mtl_core.store.record import ComparisonRecord, RunRecord, RunRole
from mtl_core.store.runs import RunStore
from mtl_core.text import score_text
from mtl_core.training.comparison import train_size

_PURPOSE = {RunRole.SWEEP: "learning rate sweep", RunRole.PACE: "measuring an epoch"}


class ProgressDisplay:
    """A line for each run that has ended and, in a terminal, a progress bar with the time left.

    The first line names the comparison, which `resume` needs.
    """

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
        runs = (*record.trial_runs, *record.runs)
        self._printed = {run.id for run in runs if run.state.is_final}
        before = f", {len(self._printed)} of them finished before" if self._printed else ""
        self._print(
            f"Comparison {record.id}: {record.name}, {len(runs)} runs{before}"
            f"{self._estimate(record)}"
        )

    def __enter__(self) -> "ProgressDisplay":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def update(self) -> ComparisonProgress:
        """Print the runs that have ended since the last call, and return the progress."""
        progress = self._lab.comparison_progress(self._comparison)
        record = self._lab.store.comparison(self._comparison)
        for run in (*record.trial_runs, *record.runs):
            if run.state.is_final and run.id not in self._printed:
                self._printed.add(run.id)
                ended = _ended_text(run, self._lab.store)
                self._print(f"  {len(self._printed)}/{progress.total} {ended}")
        left = progress.remaining_seconds
        self._bar.update(
            self._task,
            completed=progress.share_done,
            done=f"{progress.finished} of {progress.total} runs"
            + (f" · {_running_text(progress)}" if progress.current else ""),
            left="" if left is None else f"{duration(left)} left",
        )
        return progress

    def _estimate(self, record: ComparisonRecord) -> str:
        """`, about 3 min` for the remaining runs; empty if that is unknown."""
        left = [run.spec for run in (*record.trial_runs, *record.runs) if not run.state.is_final]
        threads = max((spec.threads for spec in left), default=1)
        at_once = self._lab.runs_at_once(threads, record.spec.device)
        past = self._lab.store.runs(shipped=None)
        estimate = estimate_duration(left, past, record.spec.seconds, at_once)
        return f", {about(estimate.seconds)}" if left and estimate.seconds is not None else ""

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


def _running_text(progress: ComparisonProgress) -> str:
    """The first running run, what it does before its first step, and the number of the others."""
    first, *others = progress.current
    starting = progress.starting.get(first.id)
    stage = f" ({stage_words(starting)})" if starting else ""
    return f"{_run_text(first)}{stage}{f' and {len(others)} more' if others else ''}"


def _run_text(run: RunRecord) -> str:
    """The scenario of a run with its seed or purpose."""
    factor = "" if run.factor is None or run.role is RunRole.RUN else f" at {run.factor:g}"
    purpose = f"{_PURPOSE[run.role]}{factor}" if run.role in _PURPOSE else f"seed {run.spec.seed}"
    size = f" · {size_words(train_size(run.spec))}" if run.spec.examples else ""
    return f"{run.name}{size} · {purpose}"


def _ended_text(run: RunRecord, store: RunStore) -> str:
    """A run with its scores and its time, or with the reason why it did not finish."""
    finished = finished_event(store, run)
    if finished is None:
        return f"{_run_text(run)} · {run.state}: {run.reason}"
    scores = " · ".join(
        f"{task} {score_text(score.headline)}" for task, score in finished.metrics.items()
    )
    shared = shared_words(run.spec.trained_together, finished.trained_beside)
    return f"{_run_text(run)} · {scores} · {duration(finished.total_seconds)}{shared}"
