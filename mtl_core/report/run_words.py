"""Formats a run as text: its headline, its settings, its durations."""

from collections.abc import Iterable
from datetime import datetime

from mtl_core.analysis.summary import RunSummary, TaskProgress
from mtl_core.freezing.table_text import rate_text
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.report.data_words import name_of_data, within
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.data_name import data_name
from mtl_core.tasks.task import Task, TaskKind
from mtl_core.text import NO_ENTITIES, counted, last_part, percent, score_text
from mtl_core.training.events import Evaluation, RunFinished
from mtl_core.training.options import option_facts
from mtl_core.training.spec import RunSpec

_MIN_SHOWN = 0.05  # seconds

STATE_SIGNS = {
    RunState.WAITING: "○ waiting",
    RunState.RUNNING: "● running",
    RunState.FINISHED: "✓ finished",
    RunState.FAILED: "✕ failed",
    RunState.STOPPED: "■ stopped",
    RunState.INTERRUPTED: "✕ interrupted",
}


def run_headline(record: RunRecord, summary: RunSummary, ahead: int = 0) -> str:
    """Describes the state or result of a run: "Training phase 2 of 3: heads and layer 11".

    `ahead` is the number of runs before this one in the queue.
    """
    match record.state:
        case RunState.WAITING:
            before = f"Waiting: {counted(ahead, 'run')} before this one"
            return before if ahead else "Next in the queue"
        case RunState.RUNNING:
            return _running(record, summary)
        case RunState.FINISHED:
            return f"Finished: {_scores(summary)}"
        case RunState.FAILED:
            return f"Failed {_where(summary)}"
        case RunState.STOPPED:
            return f"Stopped {_where(summary)}"
        case RunState.INTERRUPTED:
            return f"Interrupted {_where(summary)}"


def plan_words(spec: RunSpec) -> str:
    """Returns the name of the run's plan for use within a sentence."""
    if spec.scenario is None or has_own_name(spec):
        return spec.arm_name
    return scenario_phrase(spec.scenario)


def has_own_name(spec: RunSpec) -> bool:
    """Whether the run's arm has another name than its scenario."""
    return spec.arm not in (None, spec.scenario)


def checkpoint_name(reference: str) -> str:
    """Returns a catalogue name or hub id; of a folder its last part, for pictures of the page."""
    return last_part(reference) if reference.startswith((".", "/", "~")) else reference


def encoder_words(spec: RunSpec) -> str:
    """Returns the checkpoint of a run, and whether only its architecture is used."""
    name = checkpoint_name(spec.checkpoint)
    return f"{name}, random encoder" if spec.random_backbone else name


def run_label(record: RunRecord) -> str:
    """Formats a run for a list: its title if it has one, its plan, checkpoint and time."""
    what = f"{plan_words(record.spec)}, {encoder_words(record.spec)}, {moment(record.created_at)}"
    return f"{record.title}: {what}" if record.title else what


def about(seconds: float) -> str:
    """Formats an estimate, rounded to minutes: "under a minute", "about 3 min"."""
    minutes = round(seconds / 60)
    if minutes == 0:
        return "under a minute"
    return f"about {minutes} min" if minutes < 60 else f"about {minutes // 60} h {minutes % 60} min"


def rate_words(rates: Iterable[tuple[str, float]]) -> str:
    """Formats learning rates by part: "heads 1e-2 then 1e-3, encoder 3e-4"."""
    by_part: dict[str, list[str]] = {}
    for part, rate in rates:
        texts = by_part.setdefault(part, [])
        if rate_text(rate) not in texts[-1:]:
            texts.append(rate_text(rate))
    return ", ".join(f"{part} {' then '.join(texts)}" for part, texts in by_part.items())


def facts(record: RunRecord, summary: RunSummary) -> list[str]:
    """Lists the settings of a run: checkpoint, plan, rates, data, seed, time."""
    spec = summary.spec
    rates = [rate for phase in summary.phases for rate in phase.rates]
    time = record.started_at or record.created_at
    return [
        checkpoint_name(spec.checkpoint),
        plan_words(spec),
        rate_words(rates) or "nothing is trained",
        f"data: {data_words(summary)}",
        *vector_words(spec.sentence_vector, spec.tasks),
        *unusual_words(spec),
        f"seed {spec.seed}",
        epochs_words(spec.epochs),
        f"{'started' if record.started_at else 'created'} {moment(time)}",
    ]


def vector_words(vector: SentenceVector, tasks: Iterable[Task]) -> list[str]:
    """Formats the sentence vector as a fact; empty if no task is about sentences."""
    reads = any(task.kind is TaskKind.SENTENCE for task in tasks)
    return [f"sentence vector: {vector.words}"] if reads else []


def unusual_words(spec: RunSpec) -> list[str]:
    """Lists settings that differ from the defaults and that affect the scores."""
    words = option_facts(spec)
    shares = {spec.label_noise.get(task.name, 0.0) for task in spec.tasks}
    if len(shares) == 1:
        return words + [f"{percent(share)} wrong labels" for share in shares if share]
    noisy = [(task, share) for task, share in spec.label_noise.items() if share]
    return words + [f"{percent(share)} wrong labels in {within(task)}" for task, share in noisy]


def epochs_words(epochs: float) -> str:
    """Formats a number of epochs: "1 epoch", "2.5 epochs"."""
    return "1 epoch" if epochs == 1 else f"{epochs:g} epochs"


def moment(time: datetime) -> str:
    """Formats a time in the server's time zone: "24 Nov 2026 14:02"."""
    local = time.astimezone()
    return f"{local.day} {local:%b %Y %H:%M}"


def data_words(summary: RunSummary) -> str:
    """Formats the data of a run and the number of training sentences of each task."""
    counts = [splits.get("train", 0) for splits in summary.examples.values()]
    name = name_of_data(summary.spec)
    return f"{name} ({' + '.join(f'{count:,}' for count in counts)} sentences)" if counts else name


def duration(seconds: float) -> str:
    """Formats a duration in at most two units: "0.4 s", "12 s", "2 min 41 s", "1 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def spent_words(end: RunFinished) -> str:
    """Lists the parts of a run's duration, which add up to its total."""
    parts = {
        "training": end.training_seconds,
        "evaluation": end.evaluation_seconds,
        "outputs of frozen layers": end.prefix_seconds,
    }
    parts["loading, checks and measures"] = end.total_seconds - sum(parts.values())
    shown = [(name, seconds) for name, seconds in parts.items() if seconds >= _MIN_SHOWN]
    return ", ".join(f"{name} {duration(seconds)}" for name, seconds in shown)


def shared_words(together: int | None, beside: int | None) -> str:
    """Describes what a run's seconds include or were slowed by: " alongside 2 others".

    `together` and `beside` are those of a plan or a run. Empty for a run alone, or if unknown.
    """
    for_runs = f" for {together} runs" if together else ""
    others = f" alongside {beside} other{'s' * (beside != 1)}" if beside else ""
    return f"{for_runs}{',' * bool(for_runs and others)}{others}"


def step_time(seconds: float) -> str:
    """Formats the time of one step: "0.87 s per step", "42 ms per step"."""
    return f"{seconds * 1000:.0f} ms per step" if seconds < 0.1 else f"{seconds:.2g} s per step"


def other_data_lines(summary: RunSummary) -> tuple[str, ...]:
    """Returns a line per other data set: "On sample-posts: sentiment accuracy 0.51 → 0.74"."""
    metrics = {task.task.name: task.metric for task in summary.tasks}
    by_split: dict[str, list[Evaluation]] = {}
    for each in summary.other_data:
        by_split.setdefault(each.split, []).append(each)
    return tuple(
        f"On {data_name(split, found[0].tasks)}: "
        + ", ".join(
            f"{within(name)} {metrics.get(name, '')} "
            + " → ".join(score_text(each.tasks[name].headline) for each in found)
            for name in found[0].tasks
        )
        for split, found in by_split.items()
    )


def _running(record: RunRecord, summary: RunSummary) -> str:
    if record.stop_requested:
        return "Stopping after the current step"
    phase = summary.phase
    if phase is None:
        return "Starting the run"
    words = phase.learning or f"“{phase.name}”"
    if len(summary.phases) == 1:
        return f"Training: {words}"
    return f"Training phase {phase.number} of {len(summary.phases)}: {words}"


def score_split_words(summary: RunSummary, task: TaskProgress) -> str:
    """States on which sentences a task's score was measured, and its score on validation."""
    name, latest = task.task.name, task.latest
    split = summary.judged_split(name)
    sentences = summary.examples.get(name, {}).get(split)
    count = "" if sentences is None else f"{sentences:,} "
    words = f"Measured on the {count}{split} sentences."
    if split == "validation" or latest is None:
        return words
    return f"{words} On the validation sentences: {latest:.3f}."


def _scores(summary: RunSummary) -> str:
    parts = []
    for task in summary.tasks:
        name, value = within(task.task.name), summary.value(task.task.name)
        if summary.is_undefined(task.task.name):
            parts.append(f"{name} {task.metric} undefined ({NO_ENTITIES})")
        elif value is not None:
            parts.append(f"{name} {value:.2f} {task.metric}")
    return ", ".join(parts)


def _where(summary: RunSummary) -> str:
    if not summary.step or summary.total_steps is None:
        return "before its first step"
    return f"at step {summary.step:,} of {summary.total_steps:,}"
