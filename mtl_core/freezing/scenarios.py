"""Scenarios: the freezing choices that textbooks name, each as a plan for a given model."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan import MAX_PHASES, Plan
from mtl_core.freezing.recipes import (
    DISCRIMINATIVE_FACTOR,
    GRADUAL_LAYERS,
    phases_of,
    recipe,
    scenario_kind,
)
from mtl_core.models.description import ModelDescription, Role

_SINGLE_LAYERS = ("top", "bottom", "gradual", "discriminative", "chain-thaw", "ulmfit")
_PHASE_FOR_EACH_LAYER = ("chain-thaw", "ulmfit")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as it can be asked for on one model: `name` is what `--scenario` takes."""

    name: str
    title: str
    learns: str  # what learns, in one line
    phases: int


def scenarios(model: ModelDescription) -> tuple[Scenario, ...]:
    """Every scenario that fits `model`: from little to much, then those with rates or phases of
    their own."""
    return tuple(
        Scenario(name, title, learns, len(phases_of(name, model)))
        for name, title, learns in _candidates(model)
        if _misfit(name, model) is None
    )


def scenario_plan(name: str, model: ModelDescription) -> Plan:
    """The plan of scenario `name` for `model`, with rates that suit it.

    Raises UnknownScenario with what exists.
    """
    if name not in {scenario.name for scenario in scenarios(model)}:
        raise UnknownScenario(_unknown(name, model))
    return recipe(name, model)


def _candidates(model: ModelDescription) -> Iterator[tuple[str, str, str]]:
    """Name, title and what learns, of every scenario, whether or not it fits."""
    counts = range(1, model.backbone.layers + 1)
    heads = " and ".join(f"'{task.head}'" for task in model.tasks)
    gradual = min(GRADUAL_LAYERS, model.backbone.layers)
    yield "frozen", "All frozen", "nothing"
    yield "heads-only", "Heads only", f"the heads {heads}"
    yield "layernorm", "LayerNorms", "heads and every LayerNorm"
    yield "bitfit", "BitFit", "heads and every bias"
    for n in counts:
        yield f"top-{n}", _counted("Top", n), f"heads and {_layers('last', n)}"
    for n in counts:
        yield f"bottom-{n}", _counted("Bottom", n), f"heads and {_layers('first', n)}"
    for task in model.tasks:
        yield (
            f"freeze-head:{task.name}",
            f"Freeze {task.name} head",
            f"all but the head '{task.head}'",
        )
    yield "embeddings-frozen", "Embeddings frozen", "all but the embeddings"
    yield "full", "Full", "everything a loss reaches"
    yield "lp-ft", "LP-FT", "the heads, then everything"
    yield "gradual", "Gradual", f"heads, then one layer more a phase, down to the top {gradual}"
    yield (
        "discriminative",
        "Discriminative rates",
        f"everything; each layer {DISCRIMINATIVE_FACTOR}x slower than the one above",
    )
    yield "ulmfit", "ULMFiT", "heads, then one layer more a phase, then everything; 2.6x a layer"
    yield (
        "chain-thaw",
        "Chain-thaw",
        "heads, then embeddings and each layer alone from the bottom up, then everything",
    )


def _misfit(name: str, model: ModelDescription) -> str | None:
    """Why a scenario does not fit `model`; None where it does."""
    kind, _ = scenario_kind(name)
    backbone = model.backbone
    if kind in _SINGLE_LAYERS and backbone.shares_layers:
        return (
            f"its {backbone.depth} layers share one set of weights, so they learn or freeze "
            "together"
        )
    if kind in _PHASE_FOR_EACH_LAYER and len(phases_of(name, model)) > MAX_PHASES:
        return f"its {backbone.layers} layers need more than {MAX_PHASES} phases"
    encoder = [tensor for tensor in model.tensors if tensor.role is not Role.HEAD]
    if kind == "bitfit" and not any(tensor.bias for tensor in encoder):
        return "its encoder has no biases"
    if kind == "layernorm" and not any(tensor.layernorm for tensor in encoder):
        return "its encoder has no LayerNorms"
    if kind == "embeddings-frozen" and not any(t.role is Role.EMBEDDINGS for t in encoder):
        return "it has no embeddings of its own"
    return None


def _counted(side: str, count: int) -> str:
    return f"{side} layer" if count == 1 else f"{side} {count}"


def _layers(which: str, count: int) -> str:
    return f"the {which} layer" if count == 1 else f"the {which} {count} layers"


def _unknown(name: str, model: ModelDescription) -> str:
    """What is wrong with a name that is not listed, and what is."""
    known = [scenario.name for scenario in scenarios(model)]
    short = [each for each in known if scenario_kind(each)[0] not in ("top", "bottom")]
    kind, argument = scenario_kind(name)
    last = model.backbone.layers
    possible = {candidate for candidate, _, _ in _candidates(model)}
    reason = _misfit(name, model)
    if reason and (name in possible or kind in ("top", "bottom")):
        return f"'{name}' does not fit this checkpoint: {reason}. Fitting: {', '.join(short)}."
    if re.fullmatch(r"(top|bottom)-\d+", name):
        return (
            f"'{name}' does not fit this checkpoint: it has {last} layers, "
            f"so {kind}-1 to {kind}-{last} exist."
        )
    if name.startswith("freeze-head:"):
        tasks = ", ".join(task.name for task in model.tasks)
        return f"'{name}': there is no task '{argument}'. Tasks: {tasks}."
    nearest = difflib.get_close_matches(name, known, n=2)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    counted = (
        "" if model.backbone.shares_layers else f", top-1 to top-{last}, bottom-1 to bottom-{last}"
    )
    return f"There is no scenario '{name}'.{hint} Scenarios: {', '.join(short)}{counted}."
