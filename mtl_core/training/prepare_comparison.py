"""From a comparison to the specs of its runs, checked against the model before anything runs."""

from collections.abc import Callable, Iterable, Iterator

from pydantic import ValidationError

from mtl_core.errors import BadInput, InvalidRun, UnknownScenario
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.description import ModelDescription
from mtl_core.training.comparison import ComparisonSpec, TrainSize, in_order
from mtl_core.training.options import RunOptions, option_values
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec


def prepare_comparison(
    comparison: ComparisonSpec, model: ModelDescription, threads: int = 1
) -> tuple[RunSpec, ...]:
    """The specs of all runs, seed by seed, within a seed from the largest number of training
    sentences to the smallest, and for each of them scenario by scenario.

    Results so appear evenly, those that the answer rests on first. `epochs` are those asked for and
    the rates the scenarios' own, or those that `learning_rate` and `head_learning_rate` name: a
    sweep and an equal time change both later. Equal comparisons give equal specs. Raises
    InvalidRun, or UnknownScenario where the only fault is a scenario's name, with all that is wrong
    at once.
    """
    problems = list(_repeated("scenario", comparison.scenarios))
    problems += _repeated("seed", map(str, comparison.seeds))
    problems += _repeated("factor", (f"{factor:g}" for factor in comparison.sweep))
    problems += _repeated("number of examples", map(_size_text, comparison.train_sizes))
    if comparison.train_sizes and comparison.examples:
        problems.append("Numbers of examples are named for every task and for one: name either.")
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
    """The same run with another seed. Raises InvalidRun for one that is out of range."""
    if not 0 <= seed < 2**63:
        raise InvalidRun(f"Seed {seed}: a whole number from 0 and below 2^63 is needed.")
    return spec.model_copy(update={"seed": seed})


def at_factor(spec: RunSpec, factor: float) -> RunSpec:
    """The same run with every learning rate of its plan multiplied by `factor`.

    Raises InvalidRun where a rate leaves the range that plans allow.
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
            f"Factor {factor:g}: a learning rate of '{plan.name}' would not lie above 0 and at "
            "most at 10."
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
    """The runs' limits of examples by task, the largest number first."""
    if not comparison.train_sizes:
        return [comparison.examples]
    return [
        {} if size is None else {task.name: size for task in model.tasks}
        for size in reversed(in_order(comparison.train_sizes))
    ]


def _size_text(size: TrainSize) -> str:
    return "all" if size is None else str(size)


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
            yield f"The {what} '{name}' is named twice; name it once."
        seen.add(name)
