"""Scenarios: named freezing strategies from textbooks and papers, each as a plan for a model."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan import MAX_PHASES, Phase, Plan, Schedule
from mtl_core.freezing.rates import HEADS_ALONE, Rates, default_rates
from mtl_core.models.description import ModelDescription, Role
from mtl_core.nearest import did_you_mean

_GRADUAL_LAYERS = 3
_DISCRIMINATIVE_DECAY = 2.6  # Howard & Ruder 2018, section 3.2

_NUMBERED = re.compile(r"(top|bottom)-(\d+)")
_NEEDS_SEPARATE_LAYERS = ("top", "bottom", "gradual", "discriminative", "chain-thaw", "ulmfit")
_PHASE_PER_LAYER = ("chain-thaw", "ulmfit")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario that fits a model. `name` is the value of `--scenario`."""

    name: str
    trains: str  # what is trained, in one line
    phases: int


@lru_cache(maxsize=32)
def scenarios(model: ModelDescription) -> tuple[Scenario, ...]:
    """List the scenarios that fit `model`.

    Ordered from few to many trainable parameters, then those with special rates or several phases.
    """
    return tuple(
        Scenario(name, trains, len(_phases(name, model)))
        for name, trains in _candidates(model)
        if _incompatibility(name, model) is None
    )


def scenario_plan(name: str, model: ModelDescription, rates: Rates | None = None) -> Plan:
    """Build the plan of scenario `name` for `model`, with `rates` or its default learning rates.

    `lp-ft` and `chain-thaw` use one rate for all parameters after the first phase, as in the
    papers. Raises UnknownScenario with the scenarios that fit.
    """
    if name not in {scenario.name for scenario in scenarios(model)}:
        raise UnknownScenario(_unknown_scenario_message(name, model))
    kind, argument = scenario_kind(name)
    rates = rates or default_rates(kind, model.backbone.hidden_size)
    changes: dict[str, object] = {}
    match kind:
        case "embeddings-frozen":
            changes = {"freeze": ("embeddings",)}
        case "freeze-head":
            changes = {"freeze": (f"head:{argument}",)}
        case "discriminative":
            changes = {"layer_decay": _DISCRIMINATIVE_DECAY}
        case "lp-ft" | "chain-thaw":
            changes = {"head_learning_rate": rates.encoder}
        case "ulmfit":
            changes = {
                "layer_decay": _DISCRIMINATIVE_DECAY,
                "schedule": Schedule.SLANTED_TRIANGULAR,
            }
    basis = {
        "name": name,
        "learning_rate": rates.encoder,
        "head_learning_rate": rates.heads,
        "phases": _phases(name, model, rates.heads),
    }
    return Plan.model_validate({**basis, **changes})


def scenario_kind(name: str) -> tuple[str, str]:
    """Split a scenario's name into kind and argument.

    `top-2` gives (top, 2), `freeze-head:ner` gives (freeze-head, ner). The argument of all other
    scenarios is empty.
    """
    if numbered := _NUMBERED.fullmatch(name):
        return numbered[1], numbered[2]
    kind, _, argument = name.partition(":")
    return kind, argument


def _phases(name: str, model: ModelDescription, first: float = HEADS_ALONE) -> tuple[Phase, ...]:
    """The phases of a scenario; the first one of `lp-ft` and `chain-thaw` has the rate `first`."""
    kind, argument = scenario_kind(name)
    match kind:
        case "frozen":
            return (Phase(name="frozen", train=()),)
        case "heads-only":
            return (Phase(name="heads", train=("heads",)),)
        case "top" | "bottom":
            return (Phase(name=f"{kind} {argument}", train=("heads", f"{kind}:{argument}")),)
        case "bitfit":
            return (Phase(name="biases", train=("heads", "biases")),)
        case "layernorm":
            return (Phase(name="LayerNorms", train=("heads", "layernorms")),)
        case "gradual":
            return _top_down(model, min(_GRADUAL_LAYERS, model.backbone.layers))
        case "lp-ft":
            probing = _heads_alone(first, "linear probing")
            return (probing, Phase(name="fine-tuning", train=("all",)))
        case "chain-thaw":
            return (_heads_alone(first), *_layer_by_layer(model))
        case "ulmfit":
            gradual = _top_down(model, model.backbone.layers)
            # the paper trains until convergence; here as long as all earlier phases together
            return (*gradual, Phase(name="all", train=("all",), epochs=float(len(gradual))))
        case _:
            return (Phase(name="all", train=("all",)),)


def _heads_alone(rate: float = HEADS_ALONE, name: str = "heads") -> Phase:
    return Phase(name=name, train=("heads",), head_learning_rate=rate)


def _top_down(model: ModelDescription, count: int) -> tuple[Phase, ...]:
    """Heads first, then one more layer per phase from the top down.

    Source: Howard & Ruder 2018, section 3.3.
    """
    top = model.backbone.layers - 1
    phases = (
        Phase(name=f"+ layer {top + 1 - n}", train=("heads", f"top:{n}"))
        for n in range(1, count + 1)
    )
    return (_heads_alone(), *phases)


def _layer_by_layer(model: ModelDescription) -> tuple[Phase, ...]:
    """After the heads: embeddings and each layer alone from the bottom up, then all.

    Source: Felbo et al. 2017, section 3.3. Embeddings come first, as in the authors' code; the
    heads are frozen while single layers are trained.
    """
    first = (
        (Phase(name="embeddings", train=("embeddings",)),)
        if any(tensor.role is Role.EMBEDDINGS for tensor in model.tensors)
        else ()
    )
    layers = (Phase(name=f"layer {n}", train=(f"layer:{n}",)) for n in range(model.backbone.layers))
    return (*first, *layers, Phase(name="all", train=("all",)))


def _candidates(model: ModelDescription) -> Iterator[tuple[str, str]]:
    """Yield name and what is trained of every scenario, whether or not it fits."""
    numbers = range(1, model.backbone.layers + 1)
    heads = " and ".join(f"'{task.head}'" for task in model.tasks)
    gradual = min(_GRADUAL_LAYERS, model.backbone.layers)
    lower_rates = f"each layer at 1/{_DISCRIMINATIVE_DECAY} of the rate above"
    yield "frozen", "nothing"
    yield "heads-only", f"the heads {heads}"
    yield "layernorm", "heads and every LayerNorm"
    yield "bitfit", "heads and every bias"
    for n in numbers:
        yield f"top-{n}", f"heads and {_layers('last', n)}"
    for n in numbers:
        yield f"bottom-{n}", f"heads and {_layers('first', n)}"
    for task in model.tasks:
        yield f"freeze-head:{task.name}", f"all but the head '{task.head}'"
    yield "embeddings-frozen", "all but the embeddings"
    yield "full", "all parameters that a loss reaches"
    yield "lp-ft", "the heads, then everything"
    yield "gradual", f"heads, then one more layer per phase, up to the top {gradual}"
    yield "discriminative", f"everything; {lower_rates}"
    yield "ulmfit", f"heads, then one more layer per phase, then all; {lower_rates}"
    yield (
        "chain-thaw",
        "heads, then embeddings and each layer alone from the bottom up, then everything",
    )


def _incompatibility(name: str, model: ModelDescription) -> str | None:
    """Why a scenario does not fit `model`; None if it fits."""
    kind, _ = scenario_kind(name)
    backbone = model.backbone
    if kind in _NEEDS_SEPARATE_LAYERS and backbone.shares_layers:
        return (
            f"its {backbone.depth} layers share one set of weights, so they can only be trained "
            "or frozen together"
        )
    if kind in _PHASE_PER_LAYER and len(_phases(name, model)) > MAX_PHASES:
        return f"its {backbone.layers} layers need more than {MAX_PHASES} phases"
    encoder = [tensor for tensor in model.tensors if tensor.role is not Role.HEAD]
    if kind == "bitfit" and not any(tensor.bias for tensor in encoder):
        return "its encoder has no biases"
    if kind == "layernorm" and not any(tensor.layernorm for tensor in encoder):
        return "its encoder has no LayerNorms"
    if kind == "embeddings-frozen" and not any(t.role is Role.EMBEDDINGS for t in encoder):
        return "it has no separate embeddings"
    return None


def _layers(which: str, count: int) -> str:
    return f"the {which} layer" if count == 1 else f"the {which} {count} layers"


def _unknown_scenario_message(name: str, model: ModelDescription) -> str:
    """The error message for a name that is not listed."""
    known = [scenario.name for scenario in scenarios(model)]
    short = [each for each in known if scenario_kind(each)[0] not in ("top", "bottom")]
    kind, argument = scenario_kind(name)
    last = model.backbone.layers
    possible = {candidate for candidate, _ in _candidates(model)}
    reason = _incompatibility(name, model)
    if reason and (name in possible or kind in ("top", "bottom")):
        return (
            f"'{name}' does not fit this checkpoint: {reason}. "
            f"Scenarios that fit: {', '.join(short)}."
        )
    if _NUMBERED.fullmatch(name):
        return (
            f"'{name}' does not fit this checkpoint: it has {last} layers, "
            f"so {kind}-1 to {kind}-{last} exist."
        )
    if name.startswith("freeze-head:"):
        tasks = ", ".join(task.name for task in model.tasks)
        return f"'{name}': there is no task '{argument}'. Tasks: {tasks}."
    hint = did_you_mean(name, known, most=2)
    numbered = (
        "" if model.backbone.shares_layers else f", top-1 to top-{last}, bottom-1 to bottom-{last}"
    )
    return f"There is no scenario '{name}'.{hint} Scenarios: {', '.join(short)}{numbered}."
