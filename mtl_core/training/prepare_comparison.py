"""Builds the run specs of a comparison, checked against the model before anything runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError

from mtl_core.errors import BadInput, InvalidRun
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import Task
from mtl_core.text import count_or_all
from mtl_core.training.arm import ComparisonArm
from mtl_core.training.comparison import ComparisonSpec, sorted_sizes
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

ModelOf = Callable[[str, SentenceVector | None], ModelDescription]
"""Returns the model of a checkpoint with a head for each task, which read this sentence vector, or
for None the one that the checkpoint was trained with. Raises CheckpointError."""


def prepare_comparison(
    comparison: ComparisonSpec,
    model_of: ModelOf,
    threads: int = 1,
    check: Callable[[RunSpec], None] = lambda _: None,
) -> tuple[RunSpec, ...]:
    """Build the specs of all runs, ordered by seed, number of training sentences and arm.

    Within a seed the largest number of sentences comes first, so that results appear evenly and
    the most relevant ones first. Epochs and learning rates are those before a sweep or an equal
    training time, which change them later. Equal comparisons give equal specs. `check` raises
    BadInput for a first run of an arm that cannot be started. Raises the error of the arms if all
    problems are of one kind, else InvalidRun, with all problems at once.
    """
    problems: list[BadInput] = [InvalidRun(text) for text in _repetitions(comparison)]
    specs: dict[str, RunSpec] = {}
    for arm in comparison.arms:
        try:
            _check_own_options(comparison, arm)
            first = _first_run(comparison, arm, model_of, threads)
            for factor in comparison.sweep:
                at_factor(first, factor)
            check(first)
        except BadInput as problem:
            named = problem if arm.is_plain else type(problem)(f"Arm '{arm.name}': {problem}")
            problems.append(named)
            continue
        specs[arm.name] = first
    problems += map(InvalidRun, _same_runs(specs))
    if problems:
        kinds = {type(problem) for problem in problems}
        kind = kinds.pop() if len(kinds) == 1 else InvalidRun
        raise kind(" ".join(dict.fromkeys(map(str, problems))))
    return tuple(
        with_seed(specs[arm], seed).model_copy(update=limits)
        for seed in comparison.seeds
        for limits in _limits(comparison, next(iter(specs.values())).tasks)
        for arm in comparison.arm_names
    )


def arm_plan(comparison: ComparisonSpec, arm: ComparisonArm, model: ModelDescription) -> Plan:
    """Return the plan of an arm for a model, with the rates and loss weights of its runs.

    Raises PlanError if the plan does not fit the model.
    """
    plan = arm.plan or scenario_plan(arm.scenario or "", model)
    plan = plan.with_rates(
        arm.learning_rate or comparison.learning_rate,
        arm.head_learning_rate or comparison.head_learning_rate,
    )
    if not arm.task_weights:
        return plan
    weights = {**plan.task_weights, **arm.task_weights}
    return plan.model_copy(update={"task_weights": weights})


def with_stated_vectors(comparison: ComparisonSpec, runs: Iterable[RunSpec]) -> ComparisonSpec:
    """Return the comparison with the sentence vector of each arm whose start is its own.

    A command that repeats the comparison then needs no default of that checkpoint or run.
    """
    vectors = {run.arm_name: run.sentence_vector for run in runs}
    arms = tuple(
        arm.model_copy(update={"options": {**arm.options, "sentence_vector": vectors[arm.name]}})
        if arm.checkpoint is not None or "starts_from" in arm.options
        else arm
        for arm in comparison.arms
    )
    return comparison.model_copy(update={"arms": arms})


def with_seed(spec: RunSpec, seed: int) -> RunSpec:
    """Return the spec with another seed. Raises InvalidRun if it is out of range."""
    if not 0 <= seed < 2**63:
        raise InvalidRun(f"Seed {seed}: it must be a whole number from 0 and below 2^63.")
    return spec.model_copy(update={"seed": seed})


def at_factor(spec: RunSpec, factor: float) -> RunSpec:
    """Return the spec with every learning rate of its plan multiplied by `factor`.

    Raises InvalidRun if a rate leaves the range that plans allow.
    """
    plan = spec.plan
    try:
        scaled = Plan.model_validate(
            plan.model_dump()
            | {
                "learning_rate": plan.learning_rate * factor,
                "head_learning_rate": plan.head_learning_rate * factor,
                "phases": [_scaled(phase, factor).model_dump() for phase in plan.phases],
            }
        )
    except ValidationError:
        raise InvalidRun(
            f"Factor {factor:g}: a learning rate of '{plan.name}' would be outside the range from "
            "0 (exclusive) to 10."
        ) from None
    return spec.model_copy(update={"plan": scaled})


def _repetitions(comparison: ComparisonSpec) -> Iterator[str]:
    yield from _repeated("arm", comparison.arm_names, ", or give one of them another name")
    yield from _repeated("seed", map(str, comparison.seeds))
    yield from _repeated("factor", (f"{factor:g}" for factor in comparison.sweep))
    yield from _repeated("number of examples", map(count_or_all, comparison.train_sizes))
    if comparison.train_sizes and comparison.examples:
        yield "--examples has numbers both for every task and for one task: use either."


def _check_own_options(comparison: ComparisonSpec, arm: ComparisonArm) -> None:
    """Raises InvalidRun for an own value that the comparison sets for every arm."""
    if comparison.train_sizes and "examples" in arm.options:
        raise InvalidRun(
            "it has its own number of examples, and the comparison trains every plan with several "
            "numbers: remove one of the two."
        )
    if comparison.seconds is not None and "epochs" in arm.options:
        raise InvalidRun(
            "it has its own epochs, and the comparison gives every run the same seconds: remove "
            "one of the two."
        )


def _same_runs(specs: Mapping[str, RunSpec]) -> Iterator[str]:
    """Describes arms whose runs differ in nothing but the arm's name."""
    by_run: dict[str, str] = {}
    for name, spec in specs.items():
        run = spec.model_copy(update={"arm": None}).model_dump_json()
        if run in by_run:
            yield f"Arms '{by_run[run]}' and '{name}' are the same. Leave one of them out."
        by_run.setdefault(run, name)


def _first_run(
    comparison: ComparisonSpec, arm: ComparisonArm, model_of: ModelOf, threads: int
) -> RunSpec:
    checkpoint, options = comparison.checkpoint_of(arm), comparison.options_of(arm)
    if arm.checkpoint is not None:
        options["sentence_vector"] = arm.options.get("sentence_vector")
    model = model_of(checkpoint, options["sentence_vector"])
    options["sentence_vector"] = options["sentence_vector"] or model.sentence_vector
    spec = prepare_spec(
        model,
        arm_plan(comparison, arm, model),
        checkpoint=checkpoint,
        scenario=arm.scenario,
        data=comparison.data,
        threads=threads,
        seed=comparison.seeds[0],
        **options,
    )
    return spec.model_copy(update={"arm": arm.name})


def _limits(comparison: ComparisonSpec, tasks: Sequence[Task]) -> list[dict[str, dict[str, int]]]:
    """Return the limits of examples by task that replace those of a run, the largest first."""
    if not comparison.train_sizes:
        return [{}]
    return [
        {"examples": {} if size is None else {task.name: size for task in tasks}}
        for size in reversed(sorted_sizes(comparison.train_sizes))
    ]


def _scaled(phase: Phase, factor: float) -> Phase:
    rates = {
        "learning_rate": phase.learning_rate,
        "head_learning_rate": phase.head_learning_rate,
        "thawed_learning_rate": phase.thawed_learning_rate,
    }
    return phase.model_copy(
        update={name: rate * factor for name, rate in rates.items() if rate is not None}
    )


def _repeated(what: str, names: Iterable[str], remedy: str = "") -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"The {what} '{name}' is given twice; give it once{remedy}."
        seen.add(name)
