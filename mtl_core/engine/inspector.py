"""The server's side of the inspector process, which is started on demand."""

import threading
from collections.abc import Sequence
from time import monotonic

from mtl_core.cost.profile import CostProfile
from mtl_core.engine.child import ChildProcess, module_argv
from mtl_core.engine.protocol import (
    BaselinesScored,
    CostsTraced,
    Describe,
    Described,
    Predict,
    Predicted,
    Request,
    RequestFailed,
    Response,
    ScoreBaselines,
    TraceCosts,
)
from mtl_core.errors import ChildDied, InternalError
from mtl_core.file_access import FileAccess
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.tasks.baselines import Baseline
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.predictions import ModelSource, Prediction, Sentence

_WRONG_RESPONSE = "The inspector responded to another request; try again."

ARGV = tuple(module_argv("mtl_core.engine.inspector_child"))


class Inspector:
    """Sends requests to a child process that is started on demand and ended when idle.

    Safe for threads: concurrent requests are handled one after another. Every request may raise
    ChildDied if the child ends during it, and InternalError after `timeout_seconds`.
    """

    def __init__(
        self,
        child_argv: Sequence[str] = ARGV,
        idle_seconds: float = 120.0,
        timeout_seconds: float = 60.0,
    ) -> None:
        self._argv, self._idle, self._timeout = child_argv, idle_seconds, timeout_seconds
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._idle_timer: threading.Timer | None = None

    def describe(self, checkpoint: Checkpoint) -> BackboneDescription:
        """Describe the architecture of a checkpoint. Raises what `models.describe.describe` does.

        Takes seconds if a child must be started first.
        """
        response = self._request(Describe(checkpoint=checkpoint))
        if isinstance(response, Described):
            return response.description
        raise InternalError(_WRONG_RESPONSE)

    def trace_costs(self, checkpoint: Checkpoint) -> CostProfile:
        """Trace the costs of a training step with a checkpoint's architecture.

        Raises what `cost.trace.trace_costs` does.
        """
        response = self._request(TraceCosts(checkpoint=checkpoint))
        if isinstance(response, CostsTraced):
            return response.profile
        raise InternalError(_WRONG_RESPONSE)

    def predict(
        self, model: ModelSource, sentences: Sequence[Sentence], access: FileAccess
    ) -> tuple[Prediction, ...]:
        """Predict the labels of each sentence. The model is loaded in a second and then cached.

        Raises what `training.predicting.load_predictor` does.
        """
        response = self._request(Predict(model=model, sentences=tuple(sentences), access=access))
        if isinstance(response, Predicted):
            return response.predictions
        raise InternalError(_WRONG_RESPONSE)

    def baselines(self, dataset: Dataset) -> tuple[Baseline, ...]:
        """Fit and score the baselines of a data set, which need no encoder."""
        response = self._request(ScoreBaselines(dataset=dataset))
        if isinstance(response, BaselinesScored):
            return response.baselines
        raise InternalError(_WRONG_RESPONSE)

    def close(self) -> None:
        """End the child, if there is one."""
        with self._lock:
            self._end_child()

    def _request(self, request: Request) -> Response:
        if not self._lock.acquire(timeout=self._timeout):
            raise InternalError("The inspector is busy with other requests; try again in a minute.")
        try:
            return self._exchange(request)
        finally:
            self._start_idle_timer()
            self._lock.release()

    def _exchange(self, request: Request) -> Response:
        child = self._running_child()
        deadline = monotonic() + self._timeout
        try:
            child.send(request)
            while (left := deadline - monotonic()) > 0:
                message = child.receive(left)
                if isinstance(message, Response):
                    return message
                if isinstance(message, RequestFailed):
                    raise message.to_error()
        except ChildDied as problem:
            self._end_child()
            raise ChildDied(f"{request.failure}. {problem}") from None
        self._end_child()  # a late response would be taken for that of the next request
        raise InternalError(
            f"{request.failure} within {self._timeout:g} seconds. "
            "Try again when the machine is less busy."
        )

    def _running_child(self) -> ChildProcess:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._child is None or not self._child.alive:
            self._end_child()
            self._child = ChildProcess(self._argv)
        return self._child

    def _start_idle_timer(self) -> None:
        if self._child is not None:
            self._idle_timer = threading.Timer(self._idle, self._end_if_idle, args=[self._child])
            self._idle_timer.daemon = True
            self._idle_timer.start()

    def _end_if_idle(self, child: ChildProcess) -> None:
        with self._lock:
            used_since = self._idle_timer is not threading.current_thread()
            if self._child is child and not used_since:
                self._end_child()

    def _end_child(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._child is not None:
            self._child.close()
        self._child = self._idle_timer = None
