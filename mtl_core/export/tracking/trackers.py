"""Writers of runs for MLflow and TensorBoard. Each needs its extra of the package."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from mtl_core.errors import BadInput, error_message
from mtl_core.export.tracking.values import parameters, plan_text
from mtl_core.store.record import RunRecord, RunState

_EXPERIMENT = "Freeze Lab"
_MOST_IN_A_BATCH = 1000  # metrics, of MLflow
_STATUS = {
    RunState.FINISHED: "FINISHED",
    RunState.FAILED: "FAILED",
    RunState.STOPPED: "KILLED",
    RunState.INTERRUPTED: "KILLED",
}


class TrackerKind(StrEnum):
    """A program that shows runs."""

    MLFLOW = "mlflow"
    TENSORBOARD = "tensorboard"


class TrackedRun(Protocol):
    """A run in a tracker."""

    def add(self, values: Mapping[str, float], step: int, seconds: float) -> None:
        """Add metrics of a step, `seconds` after the start of the run."""
        ...

    def end(self, record: RunRecord) -> None:
        """Write the final state of the run."""
        ...

    def close(self) -> None:
        """Write what is buffered."""
        ...


class Tracker(Protocol):
    """Creates runs in a tracker."""

    def start(self, record: RunRecord) -> TrackedRun:
        """Create a run with its parameters and its plan."""
        ...


def open_tracker(kind: TrackerKind, place: str) -> Tracker:
    """A tracker that writes to `place`: a folder, or for MLflow also the URI of a server.

    Raises BadInput if the package of the tracker is not installed, or the place cannot be used.
    """
    try:
        return MlflowTracker(place) if kind is TrackerKind.MLFLOW else TensorBoardTracker(place)
    except ImportError as problem:
        raise BadInput(
            f"{kind} is not installed ({problem}). Install it with: "
            f"pip install 'freeze-lab[{kind}]'"
        ) from None
    except BadInput:
        raise
    except Exception as problem:
        raise BadInput(f"{kind} cannot use '{place}': {error_message(problem)}") from problem


class TensorBoardTracker:
    """Writes event files, one folder for each run."""

    def __init__(self, folder: str) -> None:
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._folder, self._writer = Path(folder), EventFileWriter

    def start(self, record: RunRecord) -> TrackedRun:
        """Create the folder of a run; files that an earlier call wrote are replaced."""
        folder = self._folder / record.id
        for earlier in folder.glob("events.out.tfevents.*"):
            earlier.unlink()
        return _TensorBoardRun(self._writer(str(folder)), record)


class _TensorBoardRun:
    def __init__(self, writer: Any, record: RunRecord) -> None:
        self._writer, self._began = writer, _began(record).timestamp()
        facts = "\n".join(
            f"| {name} | {value} |" for name, value in parameters(record.spec).items()
        )
        self._text("parameters", f"| option | value |\n|---|---|\n{facts}")
        self._text("plan", f"```yaml\n{plan_text(record.spec)}```")

    def add(self, values: Mapping[str, float], step: int, seconds: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        found = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._writer.add_event(
            Event(wall_time=self._began + seconds, step=step, summary=Summary(value=found))
        )

    def end(self, record: RunRecord) -> None:
        self._text("state", f"{record.state}{f': {record.reason}' if record.reason else ''}")

    def close(self) -> None:
        self._writer.close()

    def _text(self, tag: str, text: str) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING

        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=shape)
        value = Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)
        self._writer.add_event(Event(wall_time=self._began, step=0, summary=Summary(value=[value])))


class MlflowTracker:
    """Writes runs of one experiment, into a folder or to a tracking server."""

    def __init__(self, place: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=mlflow_uri(place))
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        self._experiment = (
            self._client.create_experiment(_EXPERIMENT) if found is None else found.experiment_id
        )

    def start(self, record: RunRecord) -> TrackedRun:
        """Create a run; one that an earlier call wrote is deleted."""
        chosen = f"tags.freeze_lab_run = '{record.id}'"
        for earlier in self._client.search_runs([self._experiment], chosen):
            self._client.delete_run(earlier.info.run_id)
        return _MlflowRun(self._client, self._experiment, record)


def mlflow_uri(place: str) -> str:
    """The tracking URI of a place: itself, or the database in a folder.

    MLflow no longer develops its files without a database. Raises OSError.
    """
    if ":" in place:
        return place
    Path(place).mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{Path(place).absolute() / 'mlflow.db'}"


class _MlflowRun:
    def __init__(self, client: Any, experiment: str, record: RunRecord) -> None:
        from mlflow.entities import Param

        self._client, self._began = client, _milliseconds(_began(record))
        tags = {
            "freeze_lab_run": record.id,
            "mlflow.note.content": f"```yaml\n{plan_text(record.spec)}```",
        }
        if record.comparison is not None:
            tags["freeze_lab_comparison"] = record.comparison
        self._id = client.create_run(
            experiment, start_time=self._began, tags=tags, run_name=record.title or record.name
        ).info.run_id
        found = [Param(name, value) for name, value in parameters(record.spec).items()]
        client.log_batch(self._id, params=found)

    def add(self, values: Mapping[str, float], step: int, seconds: float) -> None:
        from mlflow.entities import Metric

        when = self._began + int(seconds * 1000)
        found = [Metric(name, float(value), when, step) for name, value in values.items()]
        for first in range(0, len(found), _MOST_IN_A_BATCH):
            self._client.log_batch(self._id, metrics=found[first : first + _MOST_IN_A_BATCH])

    def end(self, record: RunRecord) -> None:
        if record.reason:
            self._client.set_tag(self._id, "reason", record.reason)
        ended = _milliseconds(record.finished_at or datetime.now(UTC))
        self._client.set_terminated(self._id, _STATUS[record.state], end_time=ended)

    def close(self) -> None:
        """Nothing is buffered."""


def _began(record: RunRecord) -> datetime:
    return record.started_at or record.created_at


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)
