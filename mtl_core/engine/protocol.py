"""What parent and child say to each other: one JSON object a line, over the child's pipes.

The parent writes to the child's standard input, the child to its standard output.
"""

import logging
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from mtl_core import errors
from mtl_core.cost.profile import CostProfile
from mtl_core.cost.speed import Speed
from mtl_core.errors import FreezeLabError, InternalError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.events import RunEvent
from mtl_core.training.predictions import AskedModel, Prediction, Sentence
from mtl_core.training.spec import RunSpec
from mtl_core.values import Frozen

logger = logging.getLogger(__name__)

_SHOWN = 200


class Train(Frozen):
    """To the trainer: carry out this run; write the finished model into `output`, if any.

    `uploads` is the folder below which uploaded data lie. `beside` are the runs of its comparison
    that still wait: what frozen layers give is kept for them as well.
    """

    message: Literal["train"] = "train"
    run: str
    spec: RunSpec
    output: str | None = None
    uploads: str | None = None
    beside: tuple[RunSpec, ...] = ()


class Stop(Frozen):
    """To the trainer: stop this run between two steps."""

    message: Literal["stop"] = "stop"
    run: str


class Describe(Frozen):
    """To the inspector: describe the architecture of this checkpoint."""

    message: Literal["describe"] = "describe"
    checkpoint: Checkpoint

    @property
    def undone(self) -> str:
        """What did not come about, where there is no answer."""
        return f"'{self.checkpoint.reference}' could not be described"


class TraceCosts(Frozen):
    """To the inspector: trace what a training step of this checkpoint's architecture costs."""

    message: Literal["trace_costs"] = "trace_costs"
    checkpoint: Checkpoint

    @property
    def undone(self) -> str:
        """What did not come about, where there is no answer."""
        return f"The costs of '{self.checkpoint.reference}' could not be traced"


class Predict(Frozen):
    """To the inspector: have this model answer these sentences."""

    message: Literal["predict"] = "predict"
    model: AskedModel
    sentences: tuple[Sentence, ...]

    @property
    def undone(self) -> str:
        """What did not come about, where there is no answer."""
        what = self.model.folder or f"'{self.model.spec.checkpoint}' before training"
        return f"The model {what} could not answer"


class ScoreBaselines(Frozen):
    """To the inspector: score what needs no model on these data."""

    message: Literal["score_baselines"] = "score_baselines"
    dataset: Dataset

    @property
    def undone(self) -> str:
        """What did not come about, where there is no answer."""
        return f"The baselines of '{self.dataset.reference}' could not be worked out"


class MeasureSpeed(Frozen):
    """To the inspector: measure how fast this machine trains, as these settings have it train."""

    message: Literal["measure_speed"] = "measure_speed"
    settings: Settings

    @property
    def undone(self) -> str:
        """What did not come about, where there is no answer."""
        return "The speed of this machine could not be measured"


class Ready(Frozen):
    """From a child, once: it listens. What it needs of torch may still be loading."""

    message: Literal["ready"] = "ready"


class Said(Frozen):
    """From the trainer: the run said this."""

    message: Literal["said"] = "said"
    run: str
    event: RunEvent


class Described(Frozen):
    """From the inspector: the answer to `describe`."""

    message: Literal["described"] = "described"
    description: BackboneDescription


class CostsTraced(Frozen):
    """From the inspector: the answer to `trace_costs`."""

    message: Literal["costs_traced"] = "costs_traced"
    profile: CostProfile


class Predicted(Frozen):
    """From the inspector: the answer to `predict`, one for each sentence."""

    message: Literal["predicted"] = "predicted"
    predictions: tuple[Prediction, ...]


class BaselinesScored(Frozen):
    """From the inspector: the answer to `score_baselines`."""

    message: Literal["baselines_scored"] = "baselines_scored"
    baselines: tuple[Baseline, ...]


class SpeedMeasured(Frozen):
    """From the inspector: the answer to `measure_speed`."""

    message: Literal["speed_measured"] = "speed_measured"
    speed: Speed


class Refused(Frozen):
    """From the inspector: it cannot; `kind` is the class of the error, `reason` its message."""

    message: Literal["refused"] = "refused"
    kind: str
    reason: str

    @classmethod
    def because_of(cls, problem: Exception) -> "Refused":
        """What to send for an error."""
        if isinstance(problem, FreezeLabError):
            return cls(kind=type(problem).__name__, reason=str(problem))
        reason = f"Unexpected {type(problem).__name__}: {problem}"
        return cls(kind=InternalError.__name__, reason=reason)

    def as_error(self) -> FreezeLabError:
        """The same error, to raise on this side of the pipe."""
        kind = getattr(errors, self.kind, None)
        if isinstance(kind, type) and issubclass(kind, FreezeLabError):
            return kind(self.reason)
        return InternalError(self.reason)


Question = Describe | TraceCosts | Predict | ScoreBaselines | MeasureSpeed
"""What the inspector is asked."""
Answer = Described | CostsTraced | Predicted | BaselinesScored | SpeedMeasured
"""What it answers, where it does not refuse."""

ToChild = Annotated[Train | Stop | Question, Field(discriminator="message")]
FromChild = Annotated[Ready | Said | Answer | Refused, Field(discriminator="message")]

_Message = TypeVar("_Message")
_TO_CHILD: TypeAdapter[ToChild] = TypeAdapter(ToChild)
_FROM_CHILD: TypeAdapter[FromChild] = TypeAdapter(FromChild)


def encode(message: ToChild | FromChild) -> bytes:
    """One line, its end included."""
    return message.model_dump_json().encode() + b"\n"


def decode_to_child(line: bytes) -> ToChild | None:
    """What the parent said; None, and a line in the log, for anything else."""
    return _decode(line, _TO_CHILD)


def decode_from_child(line: bytes) -> FromChild | None:
    """What the child said; None, and a line in the log, for anything else."""
    return _decode(line, _FROM_CHILD)


def _decode(line: bytes, adapter: TypeAdapter[_Message]) -> _Message | None:
    try:
        return adapter.validate_json(line)
    except ValidationError as problem:
        why = problem.errors(include_url=False, include_input=False)[0]["msg"]
        logger.warning("Not a message, ignored: %r (%s)", line[:_SHOWN], why)
        return None
