"""Reads stored runs and comparisons, with their models and data, for several commands."""

from collections.abc import Mapping, Sequence

from mtl_core.cli.model_and_plan import describe_in_process
from mtl_core.errors import CheckpointError, DataError, PlanError, UnknownComparison, UnknownRun
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.events import RunFinished
from mtl_core.training.spec import RunSpec


def find_comparison(store: RunStore, id_: str) -> ComparisonRecord | None:
    """The comparison with this id; None if it is the id of a run.

    Raises UnknownRun if it is neither.
    """
    try:
        return store.comparison(id_)
    except UnknownComparison:
        if store.deleted(id_) is None:
            store.run(id_)
        return None


def runs_named(store: RunStore, names: Sequence[str]) -> list[str]:
    """The ids of runs, with those of the runs of each comparison that is named; each once.

    Raises UnknownRun for a name of neither.
    """
    found = [
        [run.id for run in record.runs] if (record := find_comparison(store, name)) else [name]
        for name in names
    ]
    return list(dict.fromkeys(run for runs in found for run in runs))


def model_of(spec: RunSpec, settings: Settings) -> ModelDescription | None:
    """The model of a run; None if its checkpoint is missing or has changed."""
    try:
        backbone = description_of(
            resolve_checkpoint(spec.checkpoint, settings.owner_access),
            settings,
            describe_in_process,
        )
        return ModelDescription(backbone, spec.tasks, spec.sentence_vector)
    except (CheckpointError, PlanError):
        return None


def vector_of_start(run: str | None, settings: Settings) -> SentenceVector | None:
    """The sentence vector of the run that another one starts from; None if it is unknown."""
    if run is None:
        return None
    store = RunStore(settings.database)
    try:
        return store.run(run).spec.sentence_vector
    except UnknownRun:  # reported with the model that is missing
        return None
    finally:
        store.close()


def data_of(spec: RunSpec, examples: Mapping[str, int], settings: Settings) -> Dataset | None:
    """The data of a run; None if they are missing or differ from what it trained on."""
    from mtl_core.engine.data_reader import DataReader
    from mtl_core.report.load import sentences_of

    try:
        return sentences_of(spec, examples, DataReader(settings.owner_access).dataset)
    except DataError:
        return None


def finished_event(store: RunStore, run: RunRecord) -> RunFinished | None:
    """The final event of a finished run; None if the run did not finish."""
    if run.state is not RunState.FINISHED:
        return None
    event = store.latest(run.id, "run_finished")
    return event if isinstance(event, RunFinished) else None
