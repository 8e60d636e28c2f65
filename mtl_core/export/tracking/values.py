"""The parameters and metrics of a run, by the names that trackers show."""

import re
from collections.abc import Iterator, Mapping

from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.training.events import Evaluation, Measured, RunEvent, RunFinished, RunStarted, Step
from mtl_core.training.spec import RunSpec

_NOT_IN_NAMES = re.compile(r"[^\w./ -]")
_NO_PARAMETERS = {"plan", "tasks", "versions", "data_digests", "other_data_digests"}


def parameters(spec: RunSpec) -> dict[str, str]:
    """The options of a run and the name of its plan; options without a value are left out."""
    values = spec.model_dump(mode="json", exclude=_NO_PARAMETERS)
    return {"plan": spec.plan.name} | {
        name: str(value) for name, value in values.items() if value not in (None, [], {})
    }


def plan_text(spec: RunSpec) -> str:
    """The plan of a run as a plan file."""
    return plan_to_yaml(spec.plan)


def metrics(event: RunEvent) -> Mapping[str, float]:
    """The numbers of an event by name; empty for an event without numbers to draw."""
    return {_name(name): value for name, value in _metrics(event) if value is not None}


def step_of(event: RunEvent) -> int | None:
    """The step that an event belongs to; None: the latest one."""
    if isinstance(event, Step | Evaluation):
        return event.step
    return 0 if isinstance(event, RunStarted) else None


def _metrics(event: RunEvent) -> Iterator[tuple[str, float | None]]:
    match event:
        case RunStarted():
            for state, count in event.totals:
                yield f"parameters/{state}", count
        case Step():
            for task, loss in event.loss.items():
                yield f"loss/{task}", loss
            for group, rate in event.learning_rates.items():
                yield f"learning_rate/{group}", rate
            yield "epoch", event.epoch
        case Evaluation():
            for task, score in event.tasks.items():
                for name, value in score:
                    yield f"{event.split}/{task}/{name}", value
        case Measured():
            for group, movement in event.groups.items():
                yield f"moved/{group}", movement.moved
        case RunFinished():
            for task, score in event.metrics.items():
                for name, value in score:
                    yield f"final/{task}/{name}", value
            yield "peak_memory_bytes", event.peak_memory_bytes
            yield "total_seconds", event.total_seconds
            yield "frozen_identical", event.frozen_identical


def _name(text: str) -> str:
    """A name with the characters that MLflow allows, which are fewer than those of a task."""
    return _NOT_IN_NAMES.sub("_", text)
