"""The trainer: a child that carries out runs, one at a time, and stays warm between them."""

import gc
import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

from mtl_core.engine.parent import Parent
from mtl_core.engine.protocol import Said, Stop, ToChild, Train
from mtl_core.errors import FreezeLabError
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.runs import RunStore
from mtl_core.training.events import LAST_WORDS, RunEvent, RunFailed
from mtl_core.training.spec import RunSpec

FineTune = Callable[
    [RunSpec, str, Path | None, Callable[[], bool], Path | None, tuple[RunSpec, ...]],
    Iterator[RunEvent],
]
"""spec, run, output, should_stop, uploads, beside -> what happens, as `training.run.fine_tune`."""


FOREGROUND = "--foreground"
"""The argument of a trainer that a command waits for: it keeps no visitors waiting."""


def serve(fine_tune: FineTune, warm_up: Callable[[], None] = lambda: None) -> None:
    """Carry out what the parent asks until it is gone.

    `warm_up` loads what takes long, once the parent knows that this child listens.
    """
    to_stop: set[str] = set()

    def take_stops(message: ToChild) -> bool:
        if isinstance(message, Stop):
            to_stop.add(message.run)
        return isinstance(message, Stop)

    parent = Parent(at_once=take_stops, steps_back=FOREGROUND not in sys.argv[1:])
    with suppress(Exception):  # whatever is missing will be told by the run that misses it
        warm_up()
    for message in parent.messages():
        if isinstance(message, Train):
            for event in _events(fine_tune, message, to_stop):
                parent.send(Said(run=message.run, event=event))
            gc.collect()


def _events(fine_tune: FineTune, asked: Train, to_stop: set[str]) -> Iterator[RunEvent]:
    """What the run says; an error, or silence at the end, becomes its last word."""
    began = monotonic()
    output, uploads = (Path(each) if each else None for each in (asked.output, asked.uploads))
    try:
        events = fine_tune(
            asked.spec, asked.run, output, lambda: asked.run in to_stop, uploads, asked.beside
        )
        for event in events:
            yield event
            if isinstance(event, LAST_WORDS):
                return
        reason = "The run ended without saying how."
    except FreezeLabError as problem:
        reason = str(problem)
    except MemoryError:
        reason = (
            "Memory ran out: try a smaller batch size or maximum length, or a plan whose lowest "
            "layer that learns lies higher."
        )
    except Exception as problem:
        traceback.print_exc()
        reason = f"Unexpected {type(problem).__name__}: {problem}"
    yield RunFailed(elapsed_seconds=monotonic() - began, reason=reason)


def _fine_tune(
    spec: RunSpec,
    run: str,
    output: Path | None,
    should_stop: Callable[[], bool],
    uploads: Path | None,
    beside: tuple[RunSpec, ...],
) -> Iterator[RunEvent]:
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune

    settings = Settings.from_environment()
    prefixes, start = PrefixStore.of(settings), _start(spec, settings)
    return fine_tune(spec, run, output, should_stop, uploads, prefixes, start, beside)


def _start(spec: RunSpec, settings: Settings) -> Path | None:
    """The model of the run that this one goes on from. Raises BadInput where there is none."""
    if spec.starts_from is None:
        return None
    with closing(RunStore(settings.database)) as store:
        return model_folder(store, spec.starts_from)


def _import_torch() -> None:
    import mtl_core.models.load
    import mtl_core.training.run  # noqa: F401


if __name__ == "__main__":
    logging.basicConfig()
    serve(_fine_tune, _import_torch)
