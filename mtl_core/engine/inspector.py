"""The inspector seen from the server: ask, and have a child only while someone asks."""

import threading
from collections.abc import Sequence
from time import monotonic

from mtl_core.cost.profile import CostProfile
from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.protocol import (
    Answer,
    BaselinesScored,
    CostsTraced,
    Describe,
    Described,
    Predict,
    Predicted,
    Question,
    Refused,
    ScoreBaselines,
    TraceCosts,
)
from mtl_core.errors import ChildDied, InternalError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.predictions import AskedModel, Prediction, Sentence

_OTHER_ANSWER = "The inspector answered another question; try again."

ARGV = tuple(module_argv("mtl_core.engine.inspector_child"))


class Inspector:
    """Answers from a child that is started when asked and ended when idle.

    Safe for threads: several sessions may ask at once and are served one after another.
    """

    def __init__(
        self,
        child_argv: Sequence[str] = ARGV,
        idle_seconds: float = 120.0,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._argv, self._idle, self._timeout = child_argv, idle_seconds, timeout_seconds
        self._turn = threading.Lock()
        self._child: ChildProcess | None = None
        self._rest: threading.Timer | None = None

    @property
    def awake(self) -> bool:
        """Whether a child is there at this moment."""
        child = self._child
        return child is not None and child.alive

    def describe(self, checkpoint: Checkpoint) -> BackboneDescription:
        """The architecture of a checkpoint. Takes seconds where a child must first be started.

        Raises what `models.describe.describe` raises, ChildDied if the child ended over it, and
        InternalError if it takes too long.
        """
        answer = self._answer(Describe(checkpoint=checkpoint))
        if isinstance(answer, Described):
            return answer.description
        raise InternalError(_OTHER_ANSWER)

    def trace_costs(self, checkpoint: Checkpoint) -> CostProfile:
        """What a training step of a checkpoint's architecture costs, for every plan.

        Raises what `cost.trace.trace_costs` raises, and what `describe` does of the child.
        """
        answer = self._answer(TraceCosts(checkpoint=checkpoint))
        if isinstance(answer, CostsTraced):
            return answer.profile
        raise InternalError(_OTHER_ANSWER)

    def predict(self, model: AskedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
        """What a model answers to each sentence. Loading it takes a second; it then stays a while.

        Raises what `training.predicting.load_asked` raises, and what `describe` does of the child.
        """
        answer = self._answer(Predict(model=model, sentences=tuple(sentences)))
        if isinstance(answer, Predicted):
            return answer.predictions
        raise InternalError(_OTHER_ANSWER)

    def baselines(self, dataset: Dataset) -> tuple[Baseline, ...]:
        """What needs no model, learned from and scored on these data.

        Raises what `describe` does of the child.
        """
        answer = self._answer(ScoreBaselines(dataset=dataset))
        if isinstance(answer, BaselinesScored):
            return answer.baselines
        raise InternalError(_OTHER_ANSWER)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._turn:
            self._end()

    def _answer(self, question: Question) -> Answer:
        if not self._turn.acquire(timeout=self._timeout):
            raise InternalError("Others keep the inspector busy; try again in a minute.")
        try:
            return self._ask(question)
        finally:
            self._rest_later()
            self._turn.release()

    def _ask(self, question: Question) -> Answer:
        child = self._awake_child()
        deadline = monotonic() + self._timeout
        try:
            child.send(question)
            while (left := deadline - monotonic()) > 0:
                answer = child.receive(left)
                if isinstance(answer, Answer):
                    return answer
                if isinstance(answer, Refused):
                    raise answer.as_error()
        except ChildDied as problem:
            self._end()
            raise ChildDied(f"{question.undone}. {problem}") from None
        self._end()  # an answer that came late would be taken for the next one's
        raise InternalError(
            f"{question.undone} within {self._timeout:g} seconds. "
            "Try again when the machine is less busy."
        )

    def _awake_child(self) -> ChildProcess:
        if self._rest is not None:
            self._rest.cancel()
        if self._child is None or not self._child.alive:
            self._end()
            self._child = ChildProcess(self._argv)
        return self._child

    def _rest_later(self) -> None:
        if self._child is not None:
            self._rest = threading.Timer(self._idle, self._rest_now, args=[self._child])
            self._rest.daemon = True
            self._rest.start()

    def _rest_now(self, idle: ChildProcess) -> None:
        with self._turn:
            asked_again = self._rest is not threading.current_thread()
            if self._child is idle and not asked_again:
                self._end()

    def _end(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
        if self._child is not None:
            self._child.close()
        self._child = self._rest = None
