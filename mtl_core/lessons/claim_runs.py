"""Finds the runs that test claims in the store, judges claims by them and queues missing runs."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Protocol

from mtl_core.analysis.claim_judge import judge
from mtl_core.analysis.claim_rules import Arm, Collapses, arms_of
from mtl_core.analysis.claim_scores import Evidence, Gold
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.analysis.marks import GoldLabels, gold_labels
from mtl_core.analysis.summary import RunSummary
from mtl_core.engine.actor import THIS_MACHINE, Actor
from mtl_core.engine.lab import Lab
from mtl_core.file_access import FileAccess
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.scenarios import scenario_kind
from mtl_core.lessons.claim import Claim, missing_weights
from mtl_core.lessons.experiments import EXPERIMENTS, Experiments
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.store.record import (
    ComparisonRecord,
    ListedComparison,
    PlannedRun,
    RunRecord,
    RunState,
)
from mtl_core.store.runs import RunStore
from mtl_core.tasks.data_sources import ReadsData
from mtl_core.text import listed
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.prepare_comparison import ModelOf, arm_plan, prepare_comparison

_PREFIX = "Claims: "
_MAX_COMPARISONS = 10_000

ArmRuns = Mapping[Arm, Mapping[int, RunRecord]]
"""The newest run of each arm by seed that has finished or diverged; without one, the newest
active one."""


class ModelOfData(Protocol):
    """Describes a checkpoint with a head for each task of the data.

    The heads read `vector`, or for None the sentence vector that the checkpoint was trained with.
    """

    def __call__(
        self, checkpoint: str, vector: SentenceVector | None, *, data: str
    ) -> ModelDescription:
        """Return the description. Raises CheckpointError."""


_START_ARMS = frozenset(each.starts_from for each in EXPERIMENTS.values() if each.starts_from)
"""Arms whose models other runs start from, so that their models are saved."""


def comparison_title(experiment: str) -> str:
    """The name under which the comparison of an experiment is stored."""
    return f"{_PREFIX}{experiment}"


def experiment_of(
    comparison: ListedComparison, experiments: Experiments = EXPERIMENTS
) -> str | None:
    """The name of the experiment that a comparison belongs to; None if it belongs to none.

    The comparison has the experiment's title and the same specification, or some of the same
    arms; other arms of it test nothing. Its runs may have been trained together or not, and seeds
    may have been added.
    """
    name = comparison.name.removeprefix(_PREFIX)
    if name == comparison.name or name not in experiments:
        return None
    whole = experiments[name].spec
    own = {name: getattr(comparison.spec, name) for name in ("arms", "separate_runs")}
    part = whole.model_copy(update=own)
    first = comparison.spec.model_copy(
        update={"seeds": comparison.spec.seeds[: len(whole.seeds)], "looks": whole.looks}
    )
    has_arms = any(arm in whole.arms for arm in comparison.spec.arms)
    return name if has_arms and first == part else None


def comparison_name(comparison: ListedComparison) -> str:
    """The displayed name of a comparison: the title of its experiment, or its own name."""
    name = experiment_of(comparison)
    if name is None:
        return comparison.name
    whole = comparison.spec.arms == EXPERIMENTS[name].spec.arms
    return EXPERIMENTS[name].title + ("" if whole else ", in part")


def runs_of_arms(
    comparisons: Iterable[ComparisonRecord], experiments: Experiments = EXPERIMENTS
) -> ArmRuns:
    """The runs of every arm by seed. `comparisons` are ordered newest first.

    Of several runs of a seed the newest one that has finished is returned, without one the newest.
    A run that diverged counts as finished, because it would diverge again. Other failed runs and
    stopped ones are left out, and so are runs whose plan or options are not those that their arm
    has now: a default learning rate was different, for example.
    """
    plans: dict[Arm, Plan | None] = {}
    found: dict[Arm, dict[int, RunRecord]] = {}
    for comparison in comparisons:
        experiment = experiment_of(comparison, experiments)
        if experiment is None:
            continue
        now = experiments[experiment].spec.arms
        same = {arm.name for arm in comparison.spec.arms if arm in now}
        for run in comparison.runs:
            if run.spec.arm_name not in same or (run.state.is_final and not run.has_result):
                continue
            arm = Arm(experiment=experiment, scenario=run.spec.arm_name)
            if arm not in plans:
                plans[arm] = _plan_now(run, experiments[experiment].spec)
            if plans[arm] not in (None, run.spec.plan):
                continue
            by_seed = found.setdefault(arm, {})
            known = by_seed.get(run.spec.seed)
            if known is None or (not known.state.is_final and run.state.is_final):
                by_seed[run.spec.seed] = run
    return found


def _plan_now(run: RunRecord, spec: ComparisonSpec) -> Plan | None:
    """The plan that the arm of a run has now; None if the checkpoint is not in the catalogue."""
    described = shipped_description(run.spec.checkpoint)
    if not described.is_file():
        return None
    model = ModelDescription(read_description(described), run.spec.tasks)
    (arm,) = (each for each in spec.arms if each.name == run.spec.arm_name)
    return arm_plan(spec, arm, model)


def claim_finding(
    claim: Claim,
    runs: ArmRuns,
    summary_of: Callable[[RunRecord], RunSummary],
    load: ReadsData,
    experiments: Experiments = EXPERIMENTS,
) -> Finding:
    """Judges a claim by the finished runs of its arms, on data that `load` reads.

    The verdict is OPEN until all planned seeds of all arms are finished. A run that diverged has
    collapsed; a claim that does not count collapsed runs stays OPEN and names it. Seeds that were
    added later are not used: their number was fixed before the runs.
    """
    if not can_be_tested(claim, experiments, load):
        return Finding(ClaimVerdict.OPEN, detail="these data or this checkpoint cannot test it")
    arms = arms_of(claim.rule)
    evidence: Evidence = {
        arm: {
            seed: summary_of(run)
            for seed, run in runs.get(arm, {}).items()
            if run.has_result and seed in experiments[arm.experiment].spec.seeds
        }
        for arm in arms
    }
    evidence = on_the_same_files(evidence)
    specs = [experiments[arm.experiment].spec for arm in arms]
    finished, total = sum(map(len, evidence.values())), sum(len(spec.seeds) for spec in specs)
    if finished < total:
        detail = f"{finished} of {total} runs are finished" if finished else None
        return Finding(ClaimVerdict.OPEN, detail=detail)
    diverged = _diverged(evidence)
    if diverged and not isinstance(claim.rule, Collapses):
        return Finding(ClaimVerdict.OPEN, detail=f"no score: {listed(diverged)} diverged")
    gold: Gold = {
        data: _gold_labels(data, _others(specs, data), load)
        for data in {spec.data for spec in specs}
    }
    return judge(claim.rule, evidence, gold)


def _diverged(evidence: Evidence) -> list[str]:
    """The arm and the seed of each run that diverged."""
    return [
        f"{arm.scenario} with seed {seed}"
        for arm, runs in evidence.items()
        for seed, run in sorted(runs.items())
        if run.diverged
    ]


def can_be_tested(claim: Claim, experiments: Experiments, load: ReadsData) -> bool:
    """Whether these experiments have all arms of a claim, and their data its tasks.

    Raises DataError if the data cannot be read.
    """
    return all(
        arm.experiment in experiments and arm.scenario in experiments[arm.experiment].spec.arm_names
        for arm in claim.arms
    ) and _tasks_of(claim, experiments) <= {
        name
        for data in {experiments[arm.experiment].spec.data for arm in claim.arms}
        for name in _task_names(data, load)
    }


@lru_cache(maxsize=8)  # all claims read the same few data sets
def _task_names(data: str, load: ReadsData) -> frozenset[str]:
    return frozenset(task.name for task in load(data).tasks)


def _tasks_of(claim: Claim, experiments: Experiments) -> set[str]:
    """The names of the tasks that a claim and its arms refer to."""
    named = {task for task in [getattr(claim.rule, "task", None)] if task}
    for each in claim.arms:
        spec = experiments[each.experiment].spec
        (arm,) = (arm for arm in spec.arms if arm.name == each.scenario)
        kind, argument = scenario_kind(arm.scenario or "")
        named |= {*arm.task_weights, *arm.options.get("examples", ()), *spec.examples}
        named |= {*spec.label_noise, *({argument} if kind == "freeze-head" else ())}
    return named


def can_run(claim: Claim, experiments: Experiments, access: FileAccess, load: ReadsData) -> bool:
    """Whether these experiments can test a claim with the weights on this machine."""
    return can_be_tested(claim, experiments, load) and not missing_weights(
        claim, access, experiments
    )


def _others(specs: Iterable[ComparisonSpec], data: str) -> tuple[str, ...]:
    """The other data on which runs on `data` were evaluated."""
    names = (name for spec in specs if spec.data == data for name in spec.also_evaluate)
    return tuple(dict.fromkeys(names))


def on_the_same_files(evidence: Evidence) -> Evidence:
    """Leaves out runs that read other files than most runs on data of that name.

    Scores of an earlier version of the data cannot be compared with those of a later one.
    """
    runs = [run for by_seed in evidence.values() for run in by_seed.values()]
    counts = Counter((run.spec.data, _files(run)) for run in runs)
    most = {data: files for (data, files), _ in sorted(counts.items(), key=lambda each: each[1])}
    return {
        arm: {seed: run for seed, run in by_seed.items() if _files(run) == most[run.spec.data]}
        for arm, by_seed in evidence.items()
    }


def _files(run: RunSummary) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(run.spec.data_digests.items()))


@lru_cache(maxsize=8)
def _gold_labels(data: str, others: tuple[str, ...], load: ReadsData) -> GoldLabels:
    """The correct labels of a data set and of other data, by split."""
    return gold_labels(load(data), [load(name) for name in others])


def missing_arms(
    runs: ArmRuns, arms: Iterable[Arm], experiments: Experiments = EXPERIMENTS
) -> tuple[Arm, ...]:
    """The arms that lack a finished or active run for some seed."""
    return tuple(
        arm for arm in arms if set(experiments[arm.experiment].spec.seeds) - set(runs.get(arm, {}))
    )


def complete_arms(
    lab: Lab,
    arms: Sequence[Arm],
    model_of: ModelOfData,
    experiments: Experiments = EXPERIMENTS,
    by: Actor = THIS_MACHINE,
) -> None:
    """Resumes the incomplete comparisons of these arms, and queues arms that still lack a run.

    Finished runs are not repeated. Comparisons that `by` may not change are not resumed. Raises as
    `queue_arms` does.
    """
    lacking = missing_arms(local_runs(lab.store, experiments), arms, experiments)
    names = {arm.experiment for arm in lacking}
    for record in reversed(local_comparisons(lab.store, names, experiments)):  # first stages first
        unfinished = [run for run in record.runs if run.state is not RunState.FINISHED]
        experiment = experiment_of(record, experiments) or ""
        own = {Arm(experiment=experiment, scenario=run.spec.arm_name) for run in unfinished}
        if (
            own & set(lacking)
            and by.may_change(record)
            and _starts_are_current(lab.store, record, unfinished, experiments)
        ):
            lab.resume_comparison(record.id, by)
    queue_arms(lab, arms, model_of, experiments, by)


def local_comparisons(
    store: RunStore, names: Collection[str], experiments: Experiments = EXPERIMENTS
) -> list[ComparisonRecord]:
    """The comparisons of this machine that belong to these experiments, newest first."""
    records = store.comparisons(limit=_MAX_COMPARISONS)
    return [each for each in records if experiment_of(each, experiments) in names]


def _starts_are_current(
    store: RunStore,
    record: ComparisonRecord,
    unfinished: Sequence[RunRecord],
    experiments: Experiments,
) -> bool:
    """Whether the runs to start from were not replaced since these runs were queued."""
    start = experiments[experiment_of(record, experiments) or ""].starts_from
    if start is None:
        return True
    current = local_runs(store, experiments).get(start, {})
    return all(
        run.spec.seed in current and run.spec.starts_from == current[run.spec.seed].id
        for run in unfinished
    )


def queue_arms(
    lab: Lab,
    arms: Sequence[Arm],
    model_of: ModelOfData,
    experiments: Experiments = EXPERIMENTS,
    by: Actor = THIS_MACHINE,
) -> list[ComparisonRecord]:
    """Queues all seeds of each arm that lacks one, and returns the comparisons that were added.

    An arm follows the arm that its runs start from.
    Raises CheckpointError if a checkpoint is not available, MissingWeights if its weights are
    not, and PlanError if a scenario does not fit the model.
    """
    runs = local_runs(lab.store, experiments)
    added = []
    missing = missing_arms(runs, arms, experiments)
    for name in dict.fromkeys(arm.experiment for arm in missing):
        experiment = experiments[name]
        spec = experiment.spec.with_arms(
            {arm.scenario for arm in missing if arm.experiment == name}
        )
        for checkpoint in spec.checkpoints:
            require_weights(resolve_checkpoint(checkpoint, lab.access))
        starts = {}
        if experiment.starts_from is not None:
            start_runs = local_runs(lab.store, experiments)[experiment.starts_from]
            starts = {seed: run.id for seed, run in start_runs.items()}
        models = partial(model_of, data=spec.data)
        threads = lab.settings.threads_of_each(spec.run_count)
        planned = planned_runs(name, spec, models, threads, starts)
        added.append(lab.queue_planned(spec, planned, comparison_title(name), by))
    return added


def local_runs(store: RunStore, experiments: Experiments = EXPERIMENTS) -> ArmRuns:
    """The runs made on this machine, without the shipped ones."""
    return runs_of_arms(store.comparisons(limit=_MAX_COMPARISONS), experiments)


def claim_comparisons(store: RunStore) -> list[ComparisonRecord]:
    """Every comparison that tests claims, local or shipped, newest first."""
    known = store.comparisons(limit=_MAX_COMPARISONS, shipped=None)
    return [each for each in known if experiment_of(each)]


def planned_runs(
    name: str,
    spec: ComparisonSpec,
    model_of: ModelOf,
    threads: int,
    starts: Mapping[int, str],
) -> tuple[PlannedRun, ...]:
    """The runs of `spec`, which is the experiment `name` or a subset of its arms.

    `starts` maps each seed to the run whose model it starts from; empty if the experiment starts
    from the checkpoint.
    """
    staged = EXPERIMENTS[name].starts_from is not None
    return tuple(
        PlannedRun(
            run.model_copy(update={"starts_from": starts[run.seed]}) if staged else run,
            keeps_model=Arm(experiment=name, scenario=run.arm_name) in _START_ARMS,
        )
        for run in prepare_comparison(spec, model_of, threads)
    )
