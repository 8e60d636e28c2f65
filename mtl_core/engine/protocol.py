"""The protocol between parent and child processes: one JSON object per line.

The parent writes to the child's standard input, the child to its standard output. Empty lines have
no meaning.
"""

import logging
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from mtl_core import errors
from mtl_core.cost.profile import CostProfile
from mtl_core.cost.speed import Speed
from mtl_core.engine.capacity import Demand
from mtl_core.engine.reading_protocol import ReadingRequest, ReadingResponse
from mtl_core.errors import FreezeLabError, InternalError, error_message
from mtl_core.file_access import FileAccess
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.events import RunEvent
from mtl_core.training.predictions import ModelSource, Prediction, Sentence
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Starting
from mtl_core.values import Frozen

logger = logging.getLogger(__name__)

_LOGGED_BYTES = 200


class Train(Frozen):
    """To the trainer: execute a run and write the trained model into `output`, if it is given.

    `access` decides which files the run may load. `waiting` holds the specs of the other unfinished
    runs of the same comparison, so that outputs of frozen layers are stored for them too. `state`
    is the folder for the run's state; if it has one, the run continues there. `start` is the folder
    of the model that the run starts from, None for the checkpoint. `gpu` is the number of the GPU
    among those that this machine may use, None if the run may use all of them.
    """

    message: Literal["train"] = "train"
    run: str
    spec: RunSpec
    output: str | None = None
    access: FileAccess
    waiting: tuple[RunSpec, ...] = ()
    state: str | None = None
    start: str | None = None
    gpu: int | None = None


class TrainTogether(Frozen):
    """To the trainer: execute several runs of a comparison together, in one process.

    The events of each run are sent with its id. A `stop` ends one of the runs; the others continue.
    """

    message: Literal["train_together"] = "train_together"
    runs: Annotated[tuple[Train, ...], Field(min_length=2)]


class Stop(Frozen):
    """To the trainer: stop a run before its next step."""

    message: Literal["stop"] = "stop"
    run: str


class SaveState(Frozen):
    """To the trainer: save the state of a run after its current step; the run continues."""

    message: Literal["save_state"] = "save_state"
    run: str


class Submit(Frozen):
    """To a driver of a cluster: execute a job on a machine that has what it needs."""

    message: Literal["submit"] = "submit"
    runs: Annotated[tuple[Train, ...], Field(min_length=1)]
    demand: Demand


class End(Frozen):
    """To a driver of a cluster: end a run now, without a further event of it."""

    message: Literal["end"] = "end"
    run: str


class Describe(Frozen):
    """To the inspector: describe the architecture of a checkpoint."""

    message: Literal["describe"] = "describe"
    checkpoint: Checkpoint

    @property
    def failure(self) -> str:
        """The beginning of the error message for a request without a response."""
        return f"'{self.checkpoint.reference}' could not be described"


class TraceCosts(Frozen):
    """To the inspector: trace the costs of one training step of a checkpoint's architecture."""

    message: Literal["trace_costs"] = "trace_costs"
    checkpoint: Checkpoint

    @property
    def failure(self) -> str:
        """The beginning of the error message for a request without a response."""
        return f"The costs of '{self.checkpoint.reference}' could not be traced"


class Predict(Frozen):
    """To the inspector: predict the labels of sentences with a model."""

    message: Literal["predict"] = "predict"
    model: ModelSource
    sentences: tuple[Sentence, ...]
    access: FileAccess

    @property
    def failure(self) -> str:
        """The beginning of the error message for a request without a response."""
        model = self.model.folder or f"'{self.model.spec.checkpoint}' before training"
        return f"The model {model} made no prediction"


class ScoreBaselines(Frozen):
    """To the inspector: score the baselines of a data set, which need no encoder."""

    message: Literal["score_baselines"] = "score_baselines"
    dataset: Dataset

    @property
    def failure(self) -> str:
        """The beginning of the error message for a request without a response."""
        return f"The baselines of '{self.dataset.reference}' could not be computed"


class MeasureSpeed(Frozen):
    """To the inspector: measure how fast this machine trains with these settings."""

    message: Literal["measure_speed"] = "measure_speed"
    settings: Settings

    @property
    def failure(self) -> str:
        """The beginning of the error message for a request without a response."""
        return "The speed of this machine could not be measured"


class Ready(Frozen):
    """From a child, once: it accepts messages. It may still be loading torch."""

    message: Literal["ready"] = "ready"


class EventMessage(Frozen):
    """From the trainer: an event of a run."""

    message: Literal["event"] = "event"
    run: str
    event: RunEvent


class PackagesLoaded(Frozen):
    """From the trainer, once: torch and the other packages of a run are loaded."""

    message: Literal["packages_loaded"] = "packages_loaded"


class StartingMessage(Frozen):
    """From the trainer: a stage of a run before its next step."""

    message: Literal["starting"] = "starting"
    run: str
    starting: Starting


class Separate(Frozen):
    """From the trainer: these runs of a job cannot be trained together, and none of them has begun.

    Each needs a job of its own; no event of them follows.
    """

    message: Literal["separate"] = "separate"
    runs: tuple[str, ...]


class Lost(Frozen):
    """From a driver of a cluster: the machine or the process of these runs was lost.

    They can continue elsewhere, from their last saved states. No event of them follows.
    """

    message: Literal["lost"] = "lost"
    runs: tuple[str, ...]
    reason: str


class ClusterCapacity(Frozen):
    """From a driver: what all machines of the cluster have together.

    `memory_bytes` is what jobs may reserve; None: the cluster decides.
    """

    message: Literal["cluster_capacity"] = "cluster_capacity"
    cores: int
    memory_bytes: int | None
    accelerators: int


class Described(Frozen):
    """From the inspector: the response to `describe`."""

    message: Literal["described"] = "described"
    description: BackboneDescription


class CostsTraced(Frozen):
    """From the inspector: the response to `trace_costs`."""

    message: Literal["costs_traced"] = "costs_traced"
    profile: CostProfile


class Predicted(Frozen):
    """From the inspector: the response to `predict`, one prediction per sentence."""

    message: Literal["predicted"] = "predicted"
    predictions: tuple[Prediction, ...]


class BaselinesScored(Frozen):
    """From the inspector: the response to `score_baselines`."""

    message: Literal["baselines_scored"] = "baselines_scored"
    baselines: tuple[Baseline, ...]


class SpeedMeasured(Frozen):
    """From the inspector: the response to `measure_speed`."""

    message: Literal["speed_measured"] = "speed_measured"
    speed: Speed


class RequestFailed(Frozen):
    """From a child: the error of a request. `kind` is its class name, `reason` its message."""

    message: Literal["request_failed"] = "request_failed"
    kind: str
    reason: str

    @classmethod
    def from_error(cls, problem: Exception) -> "RequestFailed":
        """Convert an error to a message. Errors of other packages become InternalError."""
        kind = type(problem) if isinstance(problem, FreezeLabError) else InternalError
        return cls(kind=kind.__name__, reason=error_message(problem))

    def to_error(self) -> FreezeLabError:
        """Convert the message back to the error; InternalError if its class is unknown."""
        kind = getattr(errors, self.kind, None)
        if isinstance(kind, type) and issubclass(kind, FreezeLabError):
            return kind(self.reason)
        return InternalError(self.reason)


AboutRuns = EventMessage | StartingMessage | Separate | Lost
"""A message of the trainer or of a driver about runs of a job."""
Request = Describe | TraceCosts | Predict | ScoreBaselines | MeasureSpeed
"""A request to the inspector."""
Response = Described | CostsTraced | Predicted | BaselinesScored | SpeedMeasured
"""A successful response of the inspector; `RequestFailed` is the other one."""

ToChild = Annotated[
    Train | TrainTogether | Stop | SaveState | Submit | End | Request | ReadingRequest,
    Field(discriminator="message"),
]
FromChild = Annotated[
    Ready
    | PackagesLoaded
    | AboutRuns
    | ClusterCapacity
    | Response
    | ReadingResponse
    | RequestFailed,
    Field(discriminator="message"),
]

_Message = TypeVar("_Message")
_TO_CHILD: TypeAdapter[ToChild] = TypeAdapter(ToChild)
_FROM_CHILD: TypeAdapter[FromChild] = TypeAdapter(FromChild)


def encode(message: ToChild | FromChild) -> bytes:
    """Serialise a message to one line, including the newline."""
    return message.model_dump_json().encode() + b"\n"


def decode_to_child(line: bytes) -> ToChild | None:
    """Parse a message of the parent. Logs anything else and returns None."""
    return _decode(line, _TO_CHILD)


def decode_from_child(line: bytes) -> FromChild | None:
    """Parse a message of the child. Logs anything else and returns None."""
    return _decode(line, _FROM_CHILD)


def _decode(line: bytes, adapter: TypeAdapter[_Message]) -> _Message | None:
    if not line.strip():
        return None
    try:
        return adapter.validate_json(line)
    except ValidationError as problem:
        cause = problem.errors(include_url=False, include_input=False)[0]["msg"]
        logger.warning("Ignored an invalid message: %r (%s)", line[:_LOGGED_BYTES], cause)
        return None
