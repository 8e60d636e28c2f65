"""Words for what a run does before its next step."""

from mtl_core.analysis.summary import RunSummary
from mtl_core.report.run_words import duration
from mtl_core.text import capitalized, counted
from mtl_core.training.starting import Stage, Starting

_SHOWN_SECONDS = 1.0  # of a stage, before its time is worth showing

_WORDS = {
    Stage.PROCESS: "starting a trainer process",
    Stage.IMPORTS: "importing torch and transformers",
    Stage.DATA: "reading and tokenizing the data",
    Stage.ENCODER: "loading the encoder",
    Stage.OTHER_RUN: "waiting for outputs of frozen layers that another run is computing",
    Stage.FROZEN_OUTPUTS: "computing the outputs of the frozen layers for all splits",
    Stage.EVALUATION: "evaluating before the first step",
    Stage.STEP: "computing the first step",
}


def stage_words(starting: Starting, step: int = 0) -> str:
    """The stage of a run after `step` steps, within a sentence: "loading the encoder"."""
    if starting.stage is Stage.STEP and step:
        return f"computing step {step + 1:,}"
    return _WORDS[starting.stage]


def stage_line(starting: Starting, step: int = 0, seconds: float | None = None) -> str:
    """A line with the progress of a stage: "Loading the encoder · 3 s".

    `seconds` have passed since the run was taken from the queue; None if that is unknown.
    """
    line = capitalized(stage_words(starting, step))
    if starting.done is not None and starting.total is not None:
        line += f": {starting.done:,} of {counted(starting.total, 'sentence')}"
    took = 0.0 if seconds is None else seconds - starting.elapsed_seconds
    return f"{line} · {duration(took)}" if took >= _SHOWN_SECONDS else line


def share_of_stage(starting: Starting) -> float:
    """The finished share of a stage, 0 if it is unknown."""
    return starting.done / starting.total if starting.done and starting.total else 0.0


def shown_stage(stages: list[Starting], summary: RunSummary) -> Starting | None:
    """The stage that describes a running run; None while its latest event does.

    Before the first step it is the newest stage, later one that is newer than the latest event.
    """
    if not stages or (summary.step and stages[-1].after < summary.events):
        return None
    return stages[-1]
