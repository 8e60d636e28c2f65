"""Claims about cost: seconds and memory of runs, and the bytes that a step holds."""

from mtl_core.analysis.claim_intervals import of_ratios
from mtl_core.analysis.claim_rules import Cheaper, KeptBytes, Quantity
from mtl_core.analysis.claim_scores import Evidence, Runs, values_by_seed
from mtl_core.analysis.claim_verdicts import Finding, Scale, exact, judged
from mtl_core.analysis.summary import RunSummary
from mtl_core.cost.estimate import step_cost
from mtl_core.cost.profile_cache import catalogue_profile
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import catalogue_description
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.text import percent


def cheaper(rule: Cheaper, evidence: Evidence) -> Finding:
    """Judges the ratio of a cost of two arms, paired by seed."""
    arm, against = (
        _costs(evidence.get(each, {}), rule.quantity) for each in (rule.arm, rule.against)
    )
    shared = sorted(set(arm) & set(against))
    ratios = [against[seed] / arm[seed] for seed in shared]
    return judged(of_ratios(ratios), rule.times, scale=Scale.RATIO)


def kept_bytes(rule: KeptBytes) -> Finding:
    """Counts what a step of two scenarios holds in addition to the weights."""
    ratio = _kept_bytes_ratio(rule)
    detail = f"{rule.scenario} holds {percent(1 / ratio)} of the bytes of {rule.against}"
    return exact(ratio >= rule.times, ratio, Scale.RATIO, bar=rule.times, detail=detail)


def _costs(runs: Runs, quantity: Quantity) -> dict[int, float]:
    passes = _frozen_pass(runs, quantity)
    own = values_by_seed(runs, lambda run: _quantity(run, quantity))
    return {seed: cost + passes for seed, cost in own.items()}


def _quantity(run: RunSummary, quantity: Quantity) -> float | None:
    """The cost of a run; None if it is that of several runs, which were trained together."""
    if run.finished is None or run.spec.trained_together:
        return None
    if quantity is Quantity.PEAK_MEMORY:
        return float(run.finished.peak_memory_bytes)
    return run.finished.training_seconds


def _frozen_pass(runs: Runs, quantity: Quantity) -> float:
    """Seconds of the pass over frozen layers; 0 for other quantities.

    Only the first seed computes it and the others reuse it. The longest pass is therefore added to
    every seed, as if each had computed it.
    """
    if quantity is not Quantity.SECONDS:
        return 0.0
    passes = (run.finished.prefix_seconds for run in runs.values() if run.finished is not None)
    return max(passes, default=0.0)


def _kept_bytes_ratio(rule: KeptBytes) -> float:
    """Bytes held in addition to the weights under `against`, divided by those under `scenario`.

    Reads the shapes and the cost profile that ship for a catalogue checkpoint, no weights.
    """
    model = ModelDescription(catalogue_description(rule.checkpoint), DEFAULT_TASKS)
    return _kept(rule, rule.against, model) / _kept(rule, rule.scenario, model)


def _kept(rule: KeptBytes, scenario: str, model: ModelDescription) -> int:
    """The bytes of the phase that holds most."""
    profile = catalogue_profile(rule.checkpoint)
    costs = [
        step_cost(profile, model, table, rule.batch_size, rule.max_length)
        for table in parameter_tables(scenario_plan(scenario, model), model)
    ]
    return max(cost.memory_bytes - cost.weight_bytes for cost in costs)
