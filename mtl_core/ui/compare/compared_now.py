"""What the Compare page shows, read once a run of the page: the runs, singly and by plan."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.plans import PlanResult
from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError, PlanError
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import ParameterTable
from mtl_core.report.compared import ComparedRuns, a_run, judged
from mtl_core.report.front import limits_of
from mtl_core.settings import FileAccess
from mtl_core.store.record import RunRecord
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.run_cache import model_of, summary_of


def compared_now(lab: Lab, records: Sequence[RunRecord]) -> ComparedRuns:
    """The runs read from the store, judged."""
    read = [(record, summary_of(lab, record)) for record in records]
    specs = [summary.spec for _, summary in read]
    gold = gold_of(lab, max(specs, key=lambda spec: bool(spec.data_digests))) if specs else None
    return judged(read, gold)


def gold_of(lab: Lab, spec: RunSpec) -> GoldLabels | None:
    """The right labels of the spec's validation split; None where its data are not here."""
    dataset = dataset_of(lab, spec)
    return None if dataset is None else gold_labels(dataset)


def dataset_of(lab: Lab, spec: RunSpec) -> Dataset | None:
    """The spec's sentences, if they are here; read once for each digest."""
    try:
        return _read(*_known_by(lab, spec))
    except FreezeLabError:
        return None


def learned_from(lab: Lab, shown: ComparedRuns) -> Dataset | None:
    """The sentences that all plans learned from and were scored on; None where they do not share
    them, or these are not here."""
    specs = [a_run(plan).spec for plan in shown.plans.plans]
    spec, limits = max(specs, key=lambda each: bool(each.data_digests)), limits_of(shown)
    return None if limits is None else limited_data(lab, spec, limits)


def limited_data(lab: Lab, spec: RunSpec, limits: Mapping[str, int]) -> Dataset | None:
    """The spec's sentences with limits of examples by task; None while no run has said which they
    were, or where these are not here."""
    if not spec.data_digests or dataset_of(lab, spec) is None:
        return None
    return _limited(*_known_by(lab, spec), tuple(sorted(limits.items())))


def _known_by(lab: Lab, spec: RunSpec) -> tuple[str, FileAccess, tuple[tuple[str, str], ...]]:
    return spec.data, lab.access, tuple(sorted(spec.data_digests.items()))


@lru_cache(maxsize=12)
def _limited(
    data: str,
    access: FileAccess,
    _digests: tuple[tuple[str, str], ...],  # other content is another entry of the cache
    examples: tuple[tuple[str, int], ...],
) -> Dataset:
    return load_dataset(data, access, dict(examples))


@lru_cache(maxsize=4)
def _read(data: str, access: FileAccess, digests: tuple[tuple[str, str], ...]) -> Dataset | None:
    """The data, if they are still those that the runs learned from."""
    dataset = load_dataset(data, access)
    return dataset if not digests or dict(digests) == dict(dataset.digests) else None


def tables_of(lab: Lab, plan: PlanResult) -> tuple[ParameterTable, ...]:
    """The plan's tables, a phase each; none where its checkpoint is not here any more."""
    spec = a_run(plan).spec
    model = model_of(lab, spec)
    try:
        return tuple(parameter_tables(spec.plan, model)) if model else ()
    except PlanError:
        return ()
