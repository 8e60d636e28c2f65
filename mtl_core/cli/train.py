"""The `train` command: one run here and now."""

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer

from mtl_core.cli.console import discard_stdout
from mtl_core.cli.model_and_plan import DEFAULT_CHECKPOINT, load_model_and_plan
from mtl_core.cli.options import (
    CheckpointOption,
    DataOption,
    EventFormat,
    OutputOption,
    PlanOption,
    ScenarioOption,
)
from mtl_core.cli.run_options import run_options
from mtl_core.cli.run_output import PrintEvent, event_printer
from mtl_core.cli.task_values import checked_rate
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.settings import Settings
from mtl_core.store.model_folder import model_folder
from mtl_core.store.record import RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent, RunFailed, RunStopped, Step
from mtl_core.training.prefix.store import PrefixStore
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

_SECONDS_BETWEEN_WRITES = 0.3


@run_options(RunSpec)
def train(
    checkpoint: CheckpointOption = DEFAULT_CHECKPOINT,
    scenario: ScenarioOption = None,
    plan: PlanOption = None,
    data: DataOption = "sample",
    learning_rate: Annotated[
        float | None, typer.Option(help="Of the encoder; else the plan's.")
    ] = None,
    head_learning_rate: Annotated[
        float | None, typer.Option(help="Of the heads; else the plan's.")
    ] = None,
    *,
    options: dict[str, Any],
    output: OutputOption = None,
    form: Annotated[EventFormat, typer.Option("--format")] = EventFormat.TEXT,
) -> None:
    """Fine-tune once, here and now, and tell what happens. The run is kept in the store."""
    chosen = load_model_and_plan(checkpoint, scenario, plan, data)
    settings = Settings.from_environment()
    spec = prepare_spec(
        chosen.model,
        chosen.plan.with_rates(checked_rate(learning_rate), checked_rate(head_learning_rate)),
        checkpoint=checkpoint,
        scenario=chosen.scenario,
        data=data or "sample",
        threads=settings.threads,
        **options,
    )
    with closing(RunStore(settings.database)) as store, event_printer(form) as print_event:
        # Absolute, as the store keeps it: a later --starts-from may come from another folder.
        _run(spec, output and output.absolute(), settings, store, print_event)


def _run(
    spec: RunSpec, output: Path | None, settings: Settings, store: RunStore, print_event: PrintEvent
) -> None:
    """Train in this process; everything the run says is told and kept."""
    from mtl_core.training.run import fine_tune

    start = model_folder(store, spec.starts_from) if spec.starts_from else None
    record = store.add(spec, RunState.RUNNING)
    keep = _Keeping(store, record)
    began = monotonic()

    def asked_to_stop() -> bool:
        return store.stop_requested(record.id)

    def last_word(kind: type[RunFailed] | type[RunStopped], reason: str) -> None:
        event = kind(elapsed_seconds=monotonic() - began, reason=reason)
        keep(event)
        print_event(event)

    try:
        with terminated_is_interrupted():
            prefixes = PrefixStore.of(settings)
            for event in fine_tune(
                spec, record.id, output, asked_to_stop, settings.owner_access, prefixes, start
            ):
                keep(event)
                print_event(event)
    except BadInput as problem:
        keep(RunFailed(elapsed_seconds=monotonic() - began, reason=str(problem)))
        if not keep.has_begun:
            store.delete(record.id)
        raise
    except (BrokenPipeError, SystemExit):  # Rich leaves when nobody reads, where print raises
        reason = "Whoever read its events has left."
        keep(RunStopped(elapsed_seconds=monotonic() - began, reason=reason))
        discard_stdout()
        raise typer.Abort from None
    except KeyboardInterrupt:
        last_word(RunStopped, "Interrupted.")
        raise
    except FreezeLabError as problem:
        last_word(RunFailed, str(problem))
        raise
    except Exception as problem:
        last_word(RunFailed, f"{type(problem).__name__}: {problem}")
        raise


class _Keeping:
    """Writes events to the store: steps a few at a time, the rest at once."""

    def __init__(self, store: RunStore, record: RunRecord) -> None:
        self._store, self._run = store, record.id
        self._waiting: list[RunEvent] = []
        self._written_at = monotonic()
        self.has_begun = False

    def __call__(self, event: RunEvent) -> None:
        self._waiting.append(event)
        late = monotonic() - self._written_at > _SECONDS_BETWEEN_WRITES
        if late or not isinstance(event, Step):
            self._store.append(self._run, self._waiting)
            self._waiting, self._written_at = [], monotonic()
        self.has_begun = self.has_begun or not isinstance(event, RunFailed)


@contextmanager
def terminated_is_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, with a last word."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
