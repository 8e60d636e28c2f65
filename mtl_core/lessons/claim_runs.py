"""The runs that test claims: found in the store, and queued where they are missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from mtl_core.analysis.claim_findings import Evidence
from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.summary import RunSummary
from mtl_core.lessons.experiments import EXPERIMENTS, Experiment
from mtl_core.models.description import ModelDescription
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, PlannedRun, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.training.spec import RunSpec

_PREFIX = "Claims: "

ArmRuns = Mapping[Arm, Mapping[int, RunRecord]]
"""The newest run of each arm by seed, finished or not."""

GONE_ON_FROM = frozenset(
    experiment.goes_on_from for experiment in EXPERIMENTS.values() if experiment.goes_on_from
)
"""Arms whose models other runs begin with."""


def comparison_title(experiment: str) -> str:
    """What the comparison of an experiment is called in the store."""
    return f"{_PREFIX}{experiment}"


def experiment_of(comparison: ComparisonRecord) -> str | None:
    """The experiment that a comparison belongs to; None where it is somebody's own."""
    name = comparison.name.removeprefix(_PREFIX)
    return name if name != comparison.name and name in EXPERIMENTS else None


def runs_of_arms(comparisons: Iterable[ComparisonRecord]) -> ArmRuns:
    """The runs of every arm, from comparisons given newest first; the newest run of a seed counts.

    Runs that ended without finishing are left out.
    """
    found: dict[Arm, dict[int, RunRecord]] = {}
    for comparison in comparisons:
        experiment = experiment_of(comparison)
        if experiment is None:
            continue
        for run in comparison.runs:
            if run.state.is_final and run.state is not RunState.FINISHED:
                continue
            arm = Arm(experiment=experiment, scenario=run.spec.scenario or run.name)
            found.setdefault(arm, {}).setdefault(run.spec.seed, run)
    return found


def evidence_of(
    runs: ArmRuns, arms: Iterable[Arm], summary_of: Callable[[RunRecord], RunSummary]
) -> Evidence:
    """The finished runs of `arms` as a claim's rule reads them."""
    return {
        arm: {
            seed: summary_of(run)
            for seed, run in runs.get(arm, {}).items()
            if run.state is RunState.FINISHED
        }
        for arm in arms
    }


def missing_arms(runs: ArmRuns, arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """Those of `arms` with a seed that has neither finished nor waits nor runs."""
    return tuple(
        arm for arm in arms if set(EXPERIMENTS[arm.experiment].spec.seeds) - set(runs.get(arm, {}))
    )


def queue_arms(
    store: RunStore,
    arms: Sequence[Arm],
    model_of: Callable[[str, str], ModelDescription],
    threads: int,
    owner: Owner | None = None,
) -> list[ComparisonRecord]:
    """Queue what is missing of `arms`, given what the store holds; the comparisons added.

    `arms` have those that they go on from before them. `model_of` gives the model of a
    checkpoint for some data. Raises CheckpointError where one is not here.
    """
    runs = runs_of_arms(store.comparisons(limit=1000))
    added = []
    missing = missing_arms(runs, arms)
    for name in dict.fromkeys(arm.experiment for arm in missing):
        experiment = EXPERIMENTS[name]
        spec = experiment.spec.model_copy(
            update={"scenarios": tuple(arm.scenario for arm in missing if arm.experiment == name)}
        )
        starts = {}
        if experiment.goes_on_from is not None:
            before = runs_of_arms(store.comparisons(limit=1000))[experiment.goes_on_from]
            starts = {seed: run.id for seed, run in before.items()}
        model = model_of(spec.checkpoint, spec.data)
        planned = planned_runs(name, spec, model, threads, starts)
        added.append(store.add_comparison(spec, planned, comparison_title(name), owner))
    return added


def planned_runs(
    name: str,
    spec: ComparisonSpec,
    model: ModelDescription,
    threads: int,
    starts: Mapping[int, str],
) -> tuple[PlannedRun, ...]:
    """The runs of `spec`, which is experiment `name` or a part of it, as they are to be queued.

    `starts` are the runs that each seed goes on from, where the experiment does.
    """
    experiment = EXPERIMENTS[name]
    return tuple(
        PlannedRun(
            _staged(run, experiment, starts),
            keeps_model=Arm(experiment=name, scenario=run.scenario or "") in GONE_ON_FROM,
        )
        for run in prepare_comparison(spec, model, threads)
    )


def _staged(run: RunSpec, experiment: Experiment, starts: Mapping[int, str]) -> RunSpec:
    if experiment.leaves_out:
        weights = {**run.plan.task_weights, **dict.fromkeys(experiment.leaves_out, 0.0)}
        run = run.model_copy(update={"plan": run.plan.model_copy(update={"task_weights": weights})})
    if experiment.goes_on_from is None:
        return run
    return run.model_copy(update={"starts_from": starts[run.seed]})
