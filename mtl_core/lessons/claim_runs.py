"""The runs that test claims: found in the store, and queued where they are missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from mtl_core.analysis.claim_findings import Evidence
from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.summary import RunSummary
from mtl_core.engine.lab import Lab
from mtl_core.lessons.experiments import EXPERIMENTS, Experiment, Experiments
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.store.record import ComparisonRecord, PlannedRun, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import prepare_comparison
from mtl_core.training.spec import RunSpec

_PREFIX = "Claims: "
_MOST_COMPARISONS = 10_000

ArmRuns = Mapping[Arm, Mapping[int, RunRecord]]
"""The newest run of each arm by seed, finished or not."""

GONE_ON_FROM = frozenset(
    experiment.goes_on_from for experiment in EXPERIMENTS.values() if experiment.goes_on_from
)
"""Arms whose models other runs begin with."""


def comparison_title(experiment: str) -> str:
    """What the comparison of an experiment is called in the store."""
    return f"{_PREFIX}{experiment}"


def experiment_of(
    comparison: ComparisonRecord, experiments: Experiments = EXPERIMENTS
) -> str | None:
    """The experiment that a comparison is, or is a part of; None where it is another one.

    It bears the experiment's title, and differs from it at most by leaving scenarios out.
    """
    name = comparison.name.removeprefix(_PREFIX)
    if name == comparison.name or name not in experiments:
        return None
    whole = experiments[name].spec
    part = whole.model_copy(update={"scenarios": comparison.spec.scenarios})
    return name if comparison.spec == part else None


def comparison_words(comparison: ComparisonRecord) -> str:
    """What to call a comparison before a visitor: the title of the experiment that it is, or its
    own name."""
    name = experiment_of(comparison)
    if name is None:
        return comparison.name
    whole = comparison.spec.scenarios == EXPERIMENTS[name].spec.scenarios
    return EXPERIMENTS[name].title + ("" if whole else ", in part")


def runs_of_arms(
    comparisons: Iterable[ComparisonRecord], experiments: Experiments = EXPERIMENTS
) -> ArmRuns:
    """The runs of every arm, from comparisons given newest first; the newest run of a seed counts.

    Runs that ended without finishing are left out.
    """
    found: dict[Arm, dict[int, RunRecord]] = {}
    for comparison in comparisons:
        experiment = experiment_of(comparison, experiments)
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


@lru_cache(maxsize=8)
def right_labels(data: str) -> GoldLabels:
    """What is right on the validation split of data that ships, or that a path names."""
    return gold_labels(load_dataset(data))


def missing_arms(runs: ArmRuns, arms: Iterable[Arm]) -> tuple[Arm, ...]:
    """Those of `arms` with a seed that has neither finished nor waits nor runs."""
    return tuple(
        arm for arm in arms if set(EXPERIMENTS[arm.experiment].spec.seeds) - set(runs.get(arm, {}))
    )


def queue_arms(
    lab: Lab,
    arms: Sequence[Arm],
    model_of: Callable[[str, str], ModelDescription],
    experiments: Experiments = EXPERIMENTS,
) -> list[ComparisonRecord]:
    """Queue what is missing of `arms`, given what the store holds; the comparisons added.

    `arms` have those that they go on from before them. `model_of` gives the model of a
    checkpoint for some data. Raises CheckpointError where one is not here, MissingWeights where
    its weights are not, and PlanError where a scenario does not fit it.
    """
    runs = own_runs(lab.store, experiments)
    added = []
    missing = missing_arms(runs, arms)
    for name in dict.fromkeys(arm.experiment for arm in missing):
        experiment = experiments[name]
        wanted = {arm.scenario for arm in missing if arm.experiment == name}
        scenarios = tuple(each for each in experiment.spec.scenarios if each in wanted)
        spec = experiment.spec.model_copy(update={"scenarios": scenarios})
        require_weights(resolve_checkpoint(spec.checkpoint))
        starts = {}
        if experiment.goes_on_from is not None:
            before = own_runs(lab.store, experiments)[experiment.goes_on_from]
            starts = {seed: run.id for seed, run in before.items()}
        model = model_of(spec.checkpoint, spec.data)
        planned = planned_runs(name, spec, model, lab.settings.threads, starts)
        added.append(lab.queue_planned(spec, planned, comparison_title(name)))
    return added


def own_runs(store: RunStore, experiments: Experiments = EXPERIMENTS) -> ArmRuns:
    """The runs made here, whatever shipped beside them."""
    return runs_of_arms(store.comparisons(limit=_MOST_COMPARISONS), experiments)


def claim_comparisons(store: RunStore) -> list[ComparisonRecord]:
    """Every comparison that tests claims, made here or shipped, newest first."""
    known = store.comparisons(limit=_MOST_COMPARISONS, shipped=None)
    return [each for each in known if experiment_of(each)]


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
