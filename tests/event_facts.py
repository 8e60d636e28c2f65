"""What is the same in the events of two equal runs."""

from typing import Any

from mtl_core.training.events import RunEvent

DIFFERENT = {
    *("elapsed_seconds", "seconds", "training_seconds", "evaluation_seconds", "prefix_seconds"),
    *("total_seconds", "peak_memory_bytes", "output", "run", "trained_beside"),
}
"""Times, memory, and the place of a run."""


def facts(event: RunEvent, *without: str) -> dict[str, Any]:
    """The fields of an event that are the same in an equal run, apart from those in `without`."""
    return event.model_dump(exclude={*DIFFERENT, *without})
