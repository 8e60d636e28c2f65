"""The report that the Compare page shows, loaded with cached summaries, models and data."""

from collections.abc import Mapping, Sequence
from functools import partial

from mtl_core.engine.lab import Lab
from mtl_core.errors import FreezeLabError
from mtl_core.report.baselines import shared_limits
from mtl_core.report.compared import ComparedRuns, lowest_seed_run
from mtl_core.report.load import Report, sentences_of, summarized_report
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.tasks.dataset import Dataset
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.run_cache import model_of, summary_of


def report_now(
    lab: Lab,
    records: Sequence[RunRecord],
    comparison: ComparisonRecord | None = None,
    reference: str | None = None,
) -> Report:
    """Loads the runs as they are now. `comparison` is the comparison that they form, if any.

    `reference` is the label of a plan that the others are compared with.
    """
    return summarized_report(
        lab.store,
        records,
        partial(model_of, lab),
        partial(_data_of_report, lab),
        comparison,
        summary_of=partial(summary_of, lab),
        reference=reference,
    )


def dataset_of(lab: Lab, spec: RunSpec) -> Dataset | None:
    """Returns the spec's data, or None if they are missing, not allowed or have changed."""
    return _data_of(lab, spec, {})


def shared_data(lab: Lab, shown: ComparedRuns) -> Dataset | None:
    """Returns the data on which all plans were trained and scored.

    None if the plans do not share them, or if they are not available.
    """
    specs = [lowest_seed_run(plan).spec for plan in shown.plans.plans]
    spec, limits = max(specs, key=lambda each: bool(each.data_digests)), shared_limits(shown)
    return None if limits is None else limited_data(lab, spec, limits)


def limited_data(lab: Lab, spec: RunSpec, limits: Mapping[str, int]) -> Dataset | None:
    """Returns the spec's data with limits of examples by task.

    None if they are not available, or before a run has recorded their digests.
    """
    if not spec.data_digests or dataset_of(lab, spec) is None:
        return None
    return _data_of(lab, spec, limits)


def _data_of_report(lab: Lab, spec: RunSpec, limits: Mapping[str, int]) -> Dataset | None:
    return limited_data(lab, spec, limits) if limits else dataset_of(lab, spec)


def _data_of(lab: Lab, spec: RunSpec, limits: Mapping[str, int]) -> Dataset | None:
    """Loads the data; None if they are unavailable or differ from those that the run recorded."""
    try:
        return sentences_of(spec, limits, lab.data.dataset)
    except FreezeLabError:
        return None
