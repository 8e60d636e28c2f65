"""The events of a run, which are its only output besides the model.

A missing value is None (`null` in JSON), never NaN. Numbers have all their digits.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from mtl_core.errors import Diverged, error_message
from mtl_core.training.spec import RunSpec
from mtl_core.values import Frozen

_NAMES_SHOWN = 3


class Counts(Frozen):
    """Parameters by state."""

    all: int
    trainable: int
    frozen: int
    unreached: int


class _Event(Frozen):
    elapsed_seconds: float


class RunStarted(_Event):
    """Model and data are loaded; the first evaluation follows.

    `totals` are those of the first phase; `total_steps` counts the steps of all phases. `notes`
    are messages for the user, for example about entities that are cut off.
    """

    event: Literal["run_started"] = "run_started"
    run: str
    spec: RunSpec
    totals: Counts
    total_steps: int
    examples: dict[str, dict[str, int]] = Field(default_factory=dict)  # task -> split -> sentences
    notes: tuple[str, ...] = ()


class PrefixReuse(Frozen):
    """Whether a phase computes its frozen lower layers once per sentence, not on every step.

    `from_layer` is the lowest of the `layers` that runs on every step, counted from 0; it equals
    `layers` if only the heads do. None: every layer runs on every step, for `reason`.
    """

    from_layer: int | None
    layers: int
    stored_bytes: int = 0
    reason: str | None = None

    @property
    def summary(self) -> str:
        """One line of text for the user."""
        if self.from_layer is None:
            return f"Prefix reuse off: {self.reason}."
        above = "only the heads run on every step"
        if self.from_layer < self.layers:
            above = f"layer {self.from_layer} and those above run on every step"
        return (
            f"Prefix reuse: {above}; the layers below ran once per sentence "
            f"({self.stored_bytes / 1e6:,.0f} MB)."
        )


class PhaseStarted(_Event):
    """A phase starts. The counts are parameters by state; `steps` is the length of the phase."""

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

    `loss` is the mean over the batch's examples of each task, or over the labelled tokens of a
    token task. It is None if the batch has no example of the task.
    """

    event: Literal["step"] = "step"
    phase: str
    step: int
    epoch: float
    loss: dict[str, float | None]
    learning_rates: dict[str, float]


# May be infinite or NaN until the run checks it and raises NotFinite; no event has such a value.
EvaluationLoss = Annotated[float, Field(allow_inf_nan=True)]


class SentenceScore(Frozen):
    """Scores of a sentence task on one split. `loss` is the mean over its sentences."""

    loss: EvaluationLoss | None
    accuracy: float
    macro_f1: float

    @property
    def headline(self) -> float | None:
        """The main metric: accuracy."""
        return self.accuracy


class TokenScore(Frozen):
    """Scores of a token task on one split, on whole entities (strict IOB2).

    `loss` is the mean over its labelled tokens. The other scores are None on a split without
    entities, where they are undefined.
    """

    loss: EvaluationLoss | None
    entity_f1: float | None
    precision: float | None
    recall: float | None

    @property
    def headline(self) -> float | None:
        """The main metric: entity F1; None if it is undefined."""
        return self.entity_f1


TaskScore = SentenceScore | TokenScore


class Evaluation(_Event):
    """Scores of every task on one split; the first evaluation is before training, at epoch 0."""

    event: Literal["evaluation"] = "evaluation"
    phase: str
    epoch: float
    step: int
    split: str
    tasks: dict[str, TaskScore]


class Answers(_Event):
    """The model's predictions on the sentences of a split, before training and at the end.

    The splits are `validation` and, where the data have one, `test`; other data that the run is
    evaluated on are a split named by their reference.

    `places` holds the indices of each task's sentences in the split, in which all tasks' sentences
    are counted from 0. `answers` holds the highest output for each: one index for a sentence task,
    one per word (at its first sub-word) for a token task. Words cut off at the end of a sentence
    are omitted and count as `O`. Indices refer to `Task.outputs`. The scores of the evaluation at
    the same step follow from these and the labels. A run without a step has two equal events.
    """

    event: Literal["answers"] = "answers"
    step: int
    split: str
    places: dict[str, tuple[int, ...]]
    answers: dict[str, tuple[int | tuple[int, ...], ...]]


class Movement(Frozen):
    """The movement of one group of tensors (`layer 3`, `embeddings`, `ner`: as in the table).

    `moved` is the distance from the start divided by the start's norm, exactly 0 if frozen.
    `gradient_norm` is the mean over the steps in which the group learned, before clipping. `cka`
    is the linear CKA of the layer's outputs on validation sentences before and after training
    (Kornblith et al. 2019); None if the group is not a layer.
    """

    moved: float
    gradient_norm: float | None = None
    cka: float | None = None


class Unchanged(Frozen):
    """The tensors that learned in a run, of `trained`, and are bit-identical after it.

    At the rates of `rate_too_low`, a step is smaller than float32 resolves for weights of the
    tensor's mean absolute value. The rates of `others` do not explain it; most often no sentence
    gave them a gradient.
    """

    trained: int
    rate_too_low: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each kind of unchanged tensor."""
        found = []
        if self.rate_too_low:
            found.append(
                f"{len(self.rate_too_low)} of {self.trained} trained tensors did not change: their "
                "learning rates are below the resolution of float32 (no effective update)."
            )
        if self.others:
            more = ", …" if len(self.others) > _NAMES_SHOWN else ""
            names = ", ".join(self.others[:_NAMES_SHOWN])
            found.append(
                f"{len(self.others)} of {self.trained} trained tensors did not change although "
                f"their learning rates are high enough: {names}{more}."
            )
        return tuple(found)


class Measured(_Event):
    """The measures of a run, sent once before `run_finished`.

    `gradient_cosine` is the mean cosine between two tasks' gradients on the shared tensors that
    learn, by "TASK,TASK", over several batches after training. `gradient_cosine_range` has the
    lowest and the highest of a batch; events of earlier versions lack it, and their cosine is the
    mean of one batch before and after training. `probes` are the scores of a linear probe on the
    backbone's outputs for each task, before and after training. `layer_probes` are those on the
    outputs of each layer, from the first one on, if the spec requests them. `unchanged` is None in
    events of earlier versions.
    """

    event: Literal["measured"] = "measured"
    groups: dict[str, Movement]
    gradient_cosine: dict[str, float | None] = Field(default_factory=dict)
    gradient_cosine_range: dict[str, tuple[float, float]] = Field(default_factory=dict)
    probes: dict[str, tuple[float, float]] = Field(default_factory=dict)
    layer_probes: dict[str, tuple[tuple[float, float], ...]] = Field(default_factory=dict)
    unchanged: Unchanged | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages for the user."""
        return self.unchanged.notes if self.unchanged else ()


class PhaseFinished(_Event):
    """A phase ended. `frozen_identical`: no frozen tensor's SHA-256 has changed in it."""

    event: Literal["phase_finished"] = "phase_finished"
    phase: str
    frozen_identical: bool
    frozen_tensors: int


class RunFinished(_Event):
    """The run finished without an error.

    `metrics` are the final scores on the split that compares plans: `judged_on` has it by task,
    `test` where the data have one; a task that is not in it is judged on `validation`. `validation`
    are the final scores on the validation split, empty in events of earlier versions, where they
    are `metrics`.
    `frozen_tensors` counts the tensors that never learned. `frozen_identical` states that each is
    bit-identical to its value before training, in memory and in the saved model if there is one.
    `frozen_in_checkpoint` of them are not in the files of the saved model, which reads them from
    the checkpoint: its SHA-256 was compared, and its tensors with those before training.
    `prefix_seconds` were spent computing or reading outputs of frozen layers. `trained_beside` is
    the largest number of other jobs of the same store that ran at the same time, which makes the
    seconds longer; runs trained together are one job. None in a run of an earlier version.
    """

    event: Literal["run_finished"] = "run_finished"
    run: str
    metrics: dict[str, TaskScore]
    judged_on: dict[str, str] = Field(default_factory=dict)
    validation: dict[str, TaskScore] = Field(default_factory=dict)
    frozen_identical: bool
    frozen_tensors: int
    frozen_in_checkpoint: int = 0
    peak_memory_bytes: int
    training_seconds: float
    evaluation_seconds: float
    prefix_seconds: float = 0.0
    total_seconds: float
    output: str | None = None
    trained_beside: int | None = None

    @property
    def mean_validation_score(self) -> float | None:
        """The mean headline metric on the validation split, by which learning rates are selected.

        Undefined scores do not count. None without a score.
        """
        found = [score.headline for score in (self.validation or self.metrics).values()]
        scores = [each for each in found if each is not None]
        return sum(scores) / len(scores) if scores else None


class RunFailed(_Event):
    """The run failed for `reason`; its earlier events remain valid.

    `diverged`: a loss became NaN or infinite in training. False in events of earlier versions.
    """

    event: Literal["run_failed"] = "run_failed"
    reason: str
    diverged: bool = False

    @classmethod
    def of(cls, problem: Exception, elapsed_seconds: float) -> "RunFailed":
        """The event of a run that an error ends."""
        return cls(
            elapsed_seconds=elapsed_seconds,
            reason=error_message(problem),
            diverged=isinstance(problem, Diverged),
        )


class RunStopped(_Event):
    """The run was stopped."""

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
FINAL_EVENTS = (RunFinished, RunFailed, RunStopped)
_ADAPTER: TypeAdapter[Any] = TypeAdapter(RunEvent)


def event_to_json(event: _Event) -> str:
    """Return one line of JSON, as printed by `train --format jsonl` and saved in the store."""
    return event.model_dump_json()


def event_from_json(line: str) -> RunEvent:
    """Parse a line that `event_to_json` wrote. Raises pydantic.ValidationError."""
    event: RunEvent = _ADAPTER.validate_json(line)
    return event
