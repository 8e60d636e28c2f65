"""The state of a run in the middle of training, from which it continues bit for bit.

A folder holds `state.safetensors` and `events.jsonl`. The first has the weights that learn, the
moments of AdamW, the random stream of dropout, the gradient norms so far, and as metadata the
number of steps, the number of events, the clock, the digests of frozen tensors, and the digest of
all of this, so that a damaged file is noticed. The second has all events until then, since the
store may have missed the last ones. Everything else is computed
again from the spec: the order of the sentences, the outputs of frozen layers, and the measures
before training.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from mtl_core.errors import error_message
from mtl_core.training.events import RunEvent, RunFinished, event_from_json, event_to_json
from mtl_core.training.spec import RunSpec

if TYPE_CHECKING:
    from hashlib import _Hash

    from torch import Tensor

logger = logging.getLogger(__name__)

_STATE, _EVENTS, _DRAFT = "state.safetensors", "events.jsonl", "state.draft"
_KEY = "freeze_lab"


@dataclass(frozen=True)
class Saved:
    """A saved state: `step` steps were taken, and `events` events belong to them."""

    step: int
    events: int
    values: Mapping[str, Any]
    tensors: "Mapping[str, Tensor]"


class StateFolder:
    """Writes and reads the state of one run.

    Pass every event to `record` before it is yielded. `spec` is that of the loaded run: a state of
    another spec, such as one with other weights or data, is not read. `every_seconds` is the time
    between two states: at most this much work is lost. `is_requested` returns whether one is
    needed now.
    """

    def __init__(
        self,
        folder: Path,
        spec: RunSpec,
        every_seconds: float,
        is_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder, self._every_seconds = folder, every_seconds
        self._is_requested = is_requested
        self._spec = hashlib.sha256(spec.model_dump_json().encode()).hexdigest()
        self._new: list[str] = []
        self._count = 0
        self._saved_bytes = 0  # of the events that belong to the last state
        self._saved_digest = hashlib.sha256()  # of the same events
        self._saved_at = monotonic()

    def record(self, event: RunEvent) -> None:
        """Remember an event for the next state."""
        self._new.append(event_to_json(event))
        self._count += 1

    def is_due(self) -> bool:
        """Whether a state is requested, or the last one is older than `every_seconds`."""
        return self._is_requested() or monotonic() - self._saved_at >= self._every_seconds

    def write(self, step: int, values: Mapping[str, Any], tensors: "Mapping[str, Tensor]") -> None:
        """Replace the state by one after `step` steps. The old one stays if this is interrupted.

        So it does if the disk is full or the folder read-only: the run continues without a newer
        state, and the next one is tried `every_seconds` later.
        """
        from safetensors import SafetensorError

        self._saved_at = monotonic()
        try:
            size, digest = self._write_events()
            self._write_tensors(step, values, tensors, digest.hexdigest())
        except (OSError, SafetensorError) as problem:
            logger.warning("The state of a run could not be saved: %s", error_message(problem))
            with suppress(OSError):
                (self._folder / _DRAFT).unlink(missing_ok=True)
            return
        self._new, self._saved_bytes, self._saved_digest = [], size, digest

    def _write_events(self) -> "tuple[int, _Hash]":
        """Write the new events after those of the last state; size and digest of the file."""
        content = b"".join(f"{each}\n".encode() for each in self._new)
        digest = self._saved_digest.copy()
        digest.update(content)
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _EVENTS).open("ab") as lines:
            lines.truncate(self._saved_bytes)  # what an attempt without a state has left
            lines.write(content)
            lines.flush()
            os.fsync(lines.fileno())
            return lines.tell(), digest

    def _write_tensors(
        self,
        step: int,
        values: Mapping[str, Any],
        tensors: "Mapping[str, Tensor]",
        events_digest: str,
    ) -> None:
        from safetensors.torch import save_file

        facts = {"step": step, "events": self._count, "spec": self._spec, "values": values}
        facts["events_sha256"] = events_digest
        facts["sha256"] = _digest(facts, tensors)
        draft = self._folder / _DRAFT
        save_file(dict(tensors), draft, metadata={_KEY: json.dumps(facts)})
        draft.replace(self._folder / _STATE)

    def read(self) -> Saved | None:
        """The state, or None if there is none that fits. Later events then follow its own."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._folder / _STATE, framework="pt") as file:
                facts = json.loads((file.metadata() or {})[_KEY])
                if facts["spec"] != self._spec:
                    raise ValueError
                names = file.keys()
                tensors = {name: file.get_tensor(name) for name in names}
            if facts.pop("sha256") != _digest(facts, tensors):
                raise ValueError
            lines = _lines(self._folder, facts)
            content = "".join(lines).encode()
            self._saved_bytes, self._saved_digest = len(content), hashlib.sha256(content)
            os.truncate(self._folder / _EVENTS, self._saved_bytes)
        except (OSError, SafetensorError, KeyError, TypeError, ValueError):
            self.delete()
            return None
        self._count = len(lines)
        return Saved(facts["step"], facts["events"], facts["values"], tensors)

    def delete(self) -> None:
        """Delete the state, because the run has ended or starts from its first step."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._new, self._count = [], 0
        self._saved_bytes, self._saved_digest = 0, hashlib.sha256()


def _digest(facts: Mapping[str, Any], tensors: "Mapping[str, Tensor]") -> str:
    """The SHA-256 over the facts of a state and the digests of its tensors."""
    from mtl_core.training.proof import digests

    return hashlib.sha256(
        json.dumps([facts, digests(tensors, sorted(tensors))]).encode()
    ).hexdigest()


def saved_at(folder: Path) -> int | None:
    """When the state in `folder` was written, in nanoseconds; None if there is none."""
    try:
        return (folder / _STATE).stat().st_mtime_ns
    except OSError:
        return None


def saved_events(folder: Path) -> list[RunEvent]:
    """The events that belong to the state in `folder`; empty if there is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / _STATE, framework="numpy") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
        return [event_from_json(line) for line in _lines(folder, facts)]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return []


def _lines(folder: Path, facts: Mapping[str, Any]) -> list[str]:
    """The events that belong to a state. Raises ValueError if they are not all there as written."""
    lines = (folder / _EVENTS).read_text(encoding="utf-8").splitlines(keepends=True)
    own = lines[: facts["events"]]
    if hashlib.sha256("".join(own).encode()).hexdigest() != facts["events_sha256"]:
        raise ValueError(f"the {facts['events']} events of the state are not those in {_EVENTS}")
    return own


def recorded(events: Iterator[RunEvent], state: StateFolder | None) -> Iterator[RunEvent]:
    """Yield events after recording them in `state`, which is deleted once the run has finished.

    A run that was stopped keeps it: it can be resumed.
    """
    if state is None:
        yield from events
        return
    finished = False
    for event in events:
        state.record(event)
        yield event
        finished = isinstance(event, RunFinished)
    if finished:
        state.delete()
