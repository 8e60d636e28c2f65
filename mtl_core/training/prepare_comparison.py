"""Builds the run specs of a comparison, checked against the model before anything runs."""

from collections.abc import Callable, Iterable, Iterator

from pydantic import ValidationError

from mtl_core.errors import BadInput, InvalidRun, UnknownScenario
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.description import ModelDescription
from mtl_core.text import count_or_all
from mtl_core.training.comparison import ComparisonSpec, sorted_sizes
from mtl_core.training.options import RunOptions, option_values
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec


def prepare_comparison(
    comparison: ComparisonSpec, model: ModelDescription, threads: int = 1
) -> tuple[RunSpec, ...]:
    """Build the specs of all runs, ordered by seed, number of training sentences and scenario.

    Within a seed the largest number of sentences comes first, so that results appear evenly and
    the most relevant ones first. Epochs and learning rates are those before a sweep or an equal
    training time, which change them later. Equal comparisons give equal specs. Raises InvalidRun
    with all problems at once, or UnknownScenario if scenario names are the only problem.
    """
    problems = list(_repeated("scenario", comparison.scenarios))
    problems += _repeated("seed", map(str, comparison.seeds))
    problems += _repeated("factor", (f"{factor:g}" for factor in comparison.sweep))
    problems += _repeated("number of examples", map(count_or_all, comparison.train_sizes))
    if comparison.train_sizes and comparison.examples:
        problems.append("--examples has numbers both for every task and for one task: use either.")
    only_names = not problems
    specs: dict[str, RunSpec] = {}
    for scenario in comparison.scenarios:
        try:
            first = _first_run(comparison, scenario, model, threads)
            for factor in comparison.sweep:
                at_factor(first, factor)
        except BadInput as problem:
            only_names &= isinstance(problem, UnknownScenario)
            problems.append(str(problem))
            continue
        specs[scenario] = first
    if problems:
        kind: Callable[[str], BadInput] = UnknownScenario if only_names else InvalidRun
        raise kind(" ".join(dict.fromkeys(problems)))
    return tuple(
        with_seed(specs[scenario], seed).model_copy(update={"examples": examples})
        for seed in comparison.seeds
        for examples in _limits(comparison, model)
        for scenario in comparison.scenarios
    )


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


def _first_run(
    comparison: ComparisonSpec, scenario: str, model: ModelDescription, threads: int
) -> RunSpec:
    plan = scenario_plan(scenario, model)
    return prepare_spec(
        model,
        plan.with_rates(comparison.learning_rate, comparison.head_learning_rate),
        checkpoint=comparison.checkpoint,
        scenario=scenario,
        data=comparison.data,
        threads=threads,
        seed=comparison.seeds[0],
        **option_values(comparison, RunOptions),
    )


def _limits(comparison: ComparisonSpec, model: ModelDescription) -> list[dict[str, int]]:
    """Return the limits of examples by task that runs have, the largest number first."""
    if not comparison.train_sizes:
        return [comparison.examples]
    return [
        {} if size is None else {task.name: size for task in model.tasks}
        for size in reversed(sorted_sizes(comparison.train_sizes))
    ]


def _scaled(phase: Phase, factor: float) -> Phase:
    rates = {
        "learning_rate": phase.learning_rate,
        "head_learning_rate": phase.head_learning_rate,
    }
    return phase.model_copy(
        update={name: rate * factor for name, rate in rates.items() if rate is not None}
    )


def _repeated(what: str, names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield f"The {what} '{name}' is given twice; give it once."
        seen.add(name)
