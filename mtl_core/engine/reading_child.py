"""A reading process: parses foreign data and tokenizers, within a limit of memory."""

import logging
import sys
import traceback
from contextlib import suppress

from mtl_core.engine.parent import Parent, connect
from mtl_core.engine.protocol import RequestFailed
from mtl_core.engine.reading import respond
from mtl_core.engine.reading_protocol import ReadingRequest, ReadingResponse
from mtl_core.errors import FreezeLabError


def serve(memory_bytes: int) -> None:
    """Handle the requests of the parent, until the parent is gone; 0 bytes mean no limit."""
    parent = Parent(connect())
    if memory_bytes:
        limit_memory(memory_bytes)
    for message in parent.messages():
        if isinstance(message, ReadingRequest):
            parent.send(_answer(message, memory_bytes))


def limit_memory(limit_bytes: int) -> None:
    """Refuse this process more memory than `limit_bytes`, where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        # Private memory only: threads reserve addresses that they never use.
        resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def memory_problem(request: ReadingRequest, limit_bytes: int) -> FreezeLabError:
    """The error for a request that needs more memory than there is."""
    failure = request.failure
    return type(failure)(
        f"{failure} with {limit_bytes:,} bytes of memory, the limit of this dashboard "
        "(FREEZE_LAB_READ_BYTES). Use fewer or shorter examples, or read the files on the command "
        "line, which has no such limit."
    )


def _answer(request: ReadingRequest, limit_bytes: int) -> ReadingResponse | RequestFailed:
    try:
        return respond(request)
    except FreezeLabError as problem:
        return RequestFailed.from_error(problem)
    except MemoryError:
        return RequestFailed.from_error(memory_problem(request, limit_bytes))
    except Exception as problem:
        traceback.print_exc()
        return RequestFailed.from_error(problem)


if __name__ == "__main__":
    logging.basicConfig()
    serve(int(sys.argv[1]))
