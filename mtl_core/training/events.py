"""What a run says, in order: the only thing that leaves it.

A value that does not exist is None (`null` in JSON), never NaN. Numbers keep all their digits.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from mtl_core.training.spec import RunSpec
from mtl_core.values import Frozen


class Counts(Frozen):
    """Parameters by state."""

    all: int
    trainable: int
    frozen: int
    unreached: int


class _Event(Frozen):
    elapsed_seconds: float


class RunStarted(_Event):
    """The run has its model and data and is about to evaluate for the first time.

    `totals` are those of the first phase; `total_steps` is the whole run's.
    """

    event: Literal["run_started"] = "run_started"
    run: str
    spec: RunSpec
    totals: Counts
    total_steps: int
    examples: dict[str, dict[str, int]] = Field(default_factory=dict)  # task -> split -> sentences
    notes: tuple[str, ...] = ()  # what the user should know: entities cut off, nothing learns, …


class PrefixReuse(Frozen):
    """Whether a phase runs its frozen lower part once for each sentence, not on every step.

    `from_layer` is the lowest of the `layers` that runs on every step, counted from 0, and equals
    `layers` where only the heads do. None: every layer runs on every step, for `reason`.
    """

    from_layer: int | None
    layers: int
    stored_bytes: int = 0
    reason: str | None = None

    @property
    def told(self) -> str:
        """In one line for a reader."""
        if self.from_layer is None:
            return f"Prefix reuse off: {self.reason}."
        above = "only the heads run on every step"
        if self.from_layer < self.layers:
            above = f"on from layer {self.from_layer}"
        return f"Prefix reuse: {above}; all below ran once ({self.stored_bytes / 1e6:,.0f} MB)."


class PhaseStarted(_Event):
    """From here on another set of tensors learns. `steps` is this phase's length."""

    event: Literal["phase_started"] = "phase_started"
    phase: str
    number: int
    trainable: int
    frozen: int
    unreached: int
    epochs: float
    steps: int
    prefix: PrefixReuse | None = None


class Step(_Event):
    """One optimiser step. `step` and `epoch` count from the start of the run, `step` from 1.

    `loss` is the mean over the batch's examples of each task (for a token task over its labelled
    tokens); None where the batch holds none of that task.
    """

    event: Literal["step"] = "step"
    phase: str
    step: int
    epoch: float
    loss: dict[str, float | None]
    learning_rates: dict[str, float]


# May be infinite or NaN until the run has looked: it then ends as NotFinite and tells no score.
EvaluationLoss = Annotated[float, Field(allow_inf_nan=True)]


class SentenceScore(Frozen):
    """A sentence task on one split. `loss` is the mean over its sentences."""

    loss: EvaluationLoss | None
    accuracy: float
    macro_f1: float

    @property
    def headline(self) -> float:
        """The value to show where there is room for one: accuracy."""
        return self.accuracy


class TokenScore(Frozen):
    """A token task on one split, as whole entities (strict IOB2). `loss` is the mean over its
    labelled tokens."""

    loss: EvaluationLoss | None
    entity_f1: float
    precision: float
    recall: float

    @property
    def headline(self) -> float:
        """The value to show where there is room for one: entity F1."""
        return self.entity_f1


TaskScore = SentenceScore | TokenScore


class Evaluation(_Event):
    """Every task on the validation split; the first comes before training, at epoch 0."""

    event: Literal["evaluation"] = "evaluation"
    phase: str
    epoch: float
    step: int
    split: str
    tasks: dict[str, TaskScore]


class Answers(_Event):
    """What the model answered on the validation sentences: before training and at the end.

    For each task the places of its sentences in the split (all tasks' sentences together, counted
    from 0), in order, with the output that was highest: one index for a sentence task, one for
    each word (read at its first sub-word) for a token task. Words cut off at a sentence's end are
    left out and count as `O`. Outputs are indexed as `Task.outputs`. The scores of the evaluation
    at the same step follow from these and the labels; a run that takes no step tells them twice.
    """

    event: Literal["answers"] = "answers"
    step: int
    split: str
    places: dict[str, tuple[int, ...]]
    answers: dict[str, tuple[int | tuple[int, ...], ...]]


class Movement(Frozen):
    """How one group of tensors (`layer 3`, `embeddings`, `ner`: as the table names it) fared.

    `moved` is the distance from the start over the start's norm, exactly 0 where frozen;
    `gradient_norm` the mean over the steps in which the group learned, before clipping; `cka` the
    linear CKA of the layer's outputs on validation sentences with those before training
    (Kornblith et al. 2019), None where the group is no layer.
    """

    moved: float
    gradient_norm: float | None = None
    cka: float | None = None


class Measured(_Event):
    """What moved, told once before `run_finished`.

    `gradient_cosine` is the mean cosine between two tasks' gradients on the shared tensors that
    learn, by "TASK,TASK"; `probes` are each task's score of a linear probe on the backbone's
    outputs, before and after training: what the backbone knew, whatever the heads say.
    """

    event: Literal["measured"] = "measured"
    groups: dict[str, Movement]
    gradient_cosine: dict[str, float | None] = Field(default_factory=dict)
    probes: dict[str, tuple[float, float]] = Field(default_factory=dict)


class PhaseFinished(_Event):
    """`frozen_identical`: every frozen tensor has the SHA-256 it had before the phase."""

    event: Literal["phase_finished"] = "phase_finished"
    phase: str
    frozen_identical: bool
    frozen_tensors: int


class RunFinished(_Event):
    """The run's last word when all went well.

    `frozen_tensors` counts the tensors no phase let learn; `frozen_identical` says that each is
    bit-identical to the run's start, in memory and, where a folder was written, in the file.
    `prefix_seconds` went into computing, or reading, what frozen layers gave.
    """

    event: Literal["run_finished"] = "run_finished"
    run: str
    metrics: dict[str, TaskScore]
    frozen_identical: bool
    frozen_tensors: int
    peak_memory_bytes: int
    training_seconds: float
    evaluation_seconds: float
    prefix_seconds: float = 0.0
    total_seconds: float
    output: str | None = None


class RunFailed(_Event):
    """The run ended for the reason given; what it said before stays."""

    event: Literal["run_failed"] = "run_failed"
    reason: str


class RunStopped(_Event):
    """Somebody stopped the run."""

    event: Literal["run_stopped"] = "run_stopped"
    reason: str


RunEvent = Annotated[
    RunStarted
    | PhaseStarted
    | Step
    | Evaluation
    | Answers
    | Measured
    | PhaseFinished
    | RunFinished
    | RunFailed
    | RunStopped,
    Field(discriminator="event"),
]
LAST_WORDS = (RunFinished, RunFailed, RunStopped)
_ADAPTER: TypeAdapter[Any] = TypeAdapter(RunEvent)


def event_to_json(event: _Event) -> str:
    """One line of JSON, as `train --format jsonl` prints and the store keeps."""
    return event.model_dump_json()


def event_from_json(line: str) -> RunEvent:
    """The event in a line that `event_to_json` wrote. Raises pydantic.ValidationError."""
    event: RunEvent = _ADAPTER.validate_json(line)
    return event
