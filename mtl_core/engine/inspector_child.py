"""The inspector: a child that answers at once what a page wants to know of torch."""

import logging
import traceback
from collections.abc import Callable

from mtl_core.cost.profile import CostProfile
from mtl_core.engine.parent import Parent
from mtl_core.engine.protocol import CostsTraced, Describe, Described, Refused, TraceCosts
from mtl_core.errors import FreezeLabError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription

Describer = Callable[[Checkpoint], BackboneDescription]
Tracer = Callable[[Checkpoint], CostProfile]


def serve(describe: Describer, trace_costs: Tracer) -> None:
    """Answer what the parent asks until it is gone."""
    parent = Parent()
    for message in parent.messages():
        if isinstance(message, Describe | TraceCosts):
            parent.send(_answer(message, describe, trace_costs))


def _answer(
    question: Describe | TraceCosts, describe: Describer, trace_costs: Tracer
) -> Described | CostsTraced | Refused:
    try:
        if isinstance(question, TraceCosts):
            return CostsTraced(profile=trace_costs(question.checkpoint))
        return Described(description=describe(question.checkpoint))
    except FreezeLabError as problem:
        return Refused.because_of(problem)
    except Exception as problem:
        traceback.print_exc()
        return Refused.because_of(problem)


def _describe(checkpoint: Checkpoint) -> BackboneDescription:
    from mtl_core.models.describe import describe

    return describe(checkpoint)


def _trace_costs(checkpoint: Checkpoint) -> CostProfile:
    from mtl_core.cost.trace import trace_costs

    return trace_costs(checkpoint)


if __name__ == "__main__":
    logging.basicConfig()
    serve(_describe, _trace_costs)
