"""The inspector: a child that answers at once what a page wants to know of torch."""

import logging
import traceback
from collections.abc import Callable

from mtl_core.engine.parent import Parent
from mtl_core.engine.protocol import Describe, Described, Refused
from mtl_core.errors import FreezeLabError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription

Describer = Callable[[Checkpoint], BackboneDescription]


def serve(describe: Describer) -> None:
    """Answer what the parent asks until it is gone."""
    parent = Parent()
    for message in parent.messages():
        if isinstance(message, Describe):
            parent.send(_answer(describe, message.checkpoint))


def _answer(describe: Describer, checkpoint: Checkpoint) -> Described | Refused:
    try:
        return Described(description=describe(checkpoint))
    except FreezeLabError as problem:
        return Refused.because_of(problem)
    except Exception as problem:
        traceback.print_exc()
        return Refused.because_of(problem)


def _describe(checkpoint: Checkpoint) -> BackboneDescription:
    from mtl_core.models.describe import describe

    return describe(checkpoint)


if __name__ == "__main__":
    logging.basicConfig()
    serve(_describe)
