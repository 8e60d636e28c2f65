"""The answer a run's page opens with, in one line."""

from mtl_core.analysis.summary import Progress, RunSummary, TaskProgress
from mtl_core.store.record import RunRecord, RunState


def run_headline(record: RunRecord, summary: RunSummary, ahead: int = 0) -> str:
    """What the run does now, or came to: "Training phase 2 of 3: heads and layer 11 learn".

    `ahead` is how many runs the queue takes before this one.
    """
    match record.state:
        case RunState.WAITING:
            return "Next in the queue" if ahead == 0 else f"Waiting: {_runs(ahead)} before this one"
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


def task_title(name: str) -> str:
    """A task's name as a title writes it: `sentiment` "Sentiment", `ner` "NER"."""
    spaced = name.replace("_", " ").replace("-", " ")
    return spaced.upper() if len(name) <= 3 else spaced[:1].upper() + spaced[1:]


def _running(record: RunRecord, summary: RunSummary) -> str:
    if record.stop_requested:
        return "Stopping after the step that is under way"
    phase = summary.phase
    if summary.progress is Progress.WAITING:
        return "Starting: the model and the data are being loaded"
    if phase is None:
        return "Starting: the model is scored before its first step"
    learn = phase.learning or phase.name
    if len(summary.phases) == 1:
        return f"Training: {learn} {_learn(learn)}"
    return f"Training phase {phase.number} of {len(summary.phases)}: {learn} {_learn(learn)}"


def _learn(words: str) -> str:
    """The verb's form: one head or layer "learns", several learn."""
    single = words in ("everything", "nothing") or (
        " and " not in words and not words.startswith(("heads", "layers", "all ", "parts"))
    )
    return "learns" if single else "learn"


def _scores(summary: RunSummary) -> str:
    return ", ".join(_score(task) for task in summary.tasks if task.latest is not None)


def _score(task: TaskProgress) -> str:
    title = task_title(task.task.name)
    title = title if title.isupper() else title.lower()
    return f"{title} {task.latest:.2f} {task.metric}"


def _where(summary: RunSummary) -> str:
    if not summary.step or summary.total_steps is None:
        return "before its first step"
    return f"at step {summary.step:,} of {summary.total_steps:,}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
