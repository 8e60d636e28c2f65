"""Scenarios: the freezing choices that textbooks name, each as a plan for a given model."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan import MAX_PHASES, Phase, Plan, Schedule
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


HEADS_ALONE = 1e-2  # linear heads on frozen features want a high rate
HEADS_ALONG = 1e-3  # heads that learn together with layers below them
GRADUAL_LAYERS = 3
DISCRIMINATIVE_FACTOR = 2.6  # Howard & Ruder 2018, section 3.2
_SPARSE_FACTOR = 10  # biases or LayerNorms alone bear and need ten times an encoder's rate
_COUNTED = re.compile(r"(top|bottom)-(\d+)")


def scenario_kind(name: str) -> tuple[str, str]:
    """A scenario's kind and its argument: `top-2` -> (top, 2), `freeze-head:ner` ->
    (freeze-head, ner); the argument of all others is empty."""
    if counted := _COUNTED.fullmatch(name):
        return counted[1], counted[2]
    kind, _, argument = name.partition(":")
    return kind, argument


def encoder_learning_rate(model: ModelDescription) -> float:
    """The rate the scenarios give an encoder: small ones bear and need a higher one.

    5e-5 is the top of the range of Devlin et al. 2019 (appendix A.3) for 768-wide BERT; 3e-4 was
    measured on the embedded 384-wide encoder (`docs/log.md`).
    """
    return 3e-4 if model.backbone.hidden_size < 512 else 5e-5


def recipe(name: str, model: ModelDescription) -> Plan:
    """The plan of a scenario that fits `model`, with rates that suit it.

    The heads learn at 1e-2 where they learn alone or beside few other numbers, and at 1e-3 beside
    layers, except where a paper gives everything one rate (`lp-ft` and `chain-thaw`, after their
    first phase).
    """
    kind, argument = scenario_kind(name)
    rate = encoder_learning_rate(model)
    changes: dict[str, object] = {}
    match kind:
        case "heads-only":
            changes = {"head_learning_rate": HEADS_ALONE}
        case "bitfit" | "layernorm":
            changes = {
                "learning_rate": round(_SPARSE_FACTOR * rate, 6),
                "head_learning_rate": HEADS_ALONE,
            }
        case "embeddings-frozen":
            changes = {"freeze": ("embeddings",)}
        case "freeze-head":
            changes = {"freeze": (f"head:{argument}",)}
        case "discriminative":
            changes = {"layer_decay": DISCRIMINATIVE_FACTOR}
        case "lp-ft" | "chain-thaw":
            changes = {"head_learning_rate": rate}
        case "ulmfit":
            changes = {
                "layer_decay": DISCRIMINATIVE_FACTOR,
                "schedule": Schedule.SLANTED_TRIANGULAR,
            }
    basis = {"name": name, "learning_rate": rate, "head_learning_rate": HEADS_ALONG}
    return Plan.model_validate({**basis, "phases": phases_of(name, model), **changes})


def phases_of(name: str, model: ModelDescription) -> tuple[Phase, ...]:
    """The phases of a scenario on `model`."""
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
            return _thawing_down(model, min(GRADUAL_LAYERS, model.backbone.layers))
        case "lp-ft":
            return (_heads_alone("linear probing"), Phase(name="fine-tuning", train=("all",)))
        case "chain-thaw":
            return _one_at_a_time(model)
        case "ulmfit":
            thawing = _thawing_down(model, model.backbone.layers)
            # until convergence in the paper: here as long as all phases before it together
            return (*thawing, Phase(name="all", train=("all",), epochs=float(len(thawing))))
        case _:
            return (Phase(name="all", train=("all",)),)


def _heads_alone(name: str = "heads") -> Phase:
    return Phase(name=name, train=("heads",), head_learning_rate=HEADS_ALONE)


def _thawing_down(model: ModelDescription, count: int) -> tuple[Phase, ...]:
    """Heads first, then the last layer, then one more at a time downward (Howard & Ruder 2018,
    section 3.3)."""
    top = model.backbone.layers - 1
    thawed = (
        Phase(name=f"+ layer {top + 1 - n}", train=("heads", f"top:{n}"))
        for n in range(1, count + 1)
    )
    return (_heads_alone(), *thawed)


def _one_at_a_time(model: ModelDescription) -> tuple[Phase, ...]:
    """New layers, then each layer alone from the first up, then all (Felbo et al. 2017, section
    3.3). The first is the embeddings, as in the authors' program; the heads rest meanwhile."""
    first = (
        (Phase(name="embeddings", train=("embeddings",)),)
        if any(tensor.role is Role.EMBEDDINGS for tensor in model.tensors)
        else ()
    )
    layers = (Phase(name=f"layer {n}", train=(f"layer:{n}",)) for n in range(model.backbone.layers))
    return (_heads_alone(), *first, *layers, Phase(name="all", train=("all",)))
