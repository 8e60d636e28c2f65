"""Scenarios: the freezing choices that textbooks name, each as a plan for a given model."""

import difflib
import re
from dataclasses import dataclass

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.models.description import ModelDescription

HEADS_ALONE = 1e-2  # linear heads on frozen features want a high rate
HEADS_ALONG = 1e-3  # heads that learn together with layers below them
_DISCRIMINATIVE_FACTOR = 2.6  # Howard & Ruder 2018, section 3.2
_GRADUAL_LAYERS = 3


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as it can be asked for on one model: `name` is what `--scenario` takes."""

    name: str
    title: str
    learns: str  # what learns, in one line
    phases: int


def encoder_learning_rate(model: ModelDescription) -> float:
    """The rate the scenarios give an encoder: small ones bear and need a higher one.

    5e-5 is the top of the range of Devlin et al. 2019 (appendix A.3) for 768-wide BERT; 3e-4 was
    measured on the embedded 384-wide encoder (`docs/log.md`).
    """
    return 3e-4 if model.backbone.hidden_size < 512 else 5e-5


def scenarios(model: ModelDescription) -> tuple[Scenario, ...]:
    """Every scenario that fits `model`, in the order of how much learns."""
    layers = model.backbone.layers
    tops = () if model.backbone.shares_layers else range(1, layers + 1)
    gradual = min(_GRADUAL_LAYERS, layers)
    heads = " and ".join(f"'{task.head}'" for task in model.tasks)
    listed = [
        Scenario("frozen", "All frozen", "nothing", 1),
        Scenario("heads-only", "Heads only", f"the heads {heads}", 1),
        *(Scenario(f"top-{n}", _top_title(n), f"heads and {_top_words(n)}", 1) for n in tops),
        *(
            Scenario(
                f"freeze-head:{task.name}",
                f"Freeze {task.name} head",
                f"all but the head '{task.head}'",
                1,
            )
            for task in model.tasks
        ),
        Scenario("full", "Full", "everything a loss reaches", 1),
    ]
    if not model.backbone.shares_layers:
        listed += [
            Scenario(
                "gradual",
                "Gradual",
                f"heads, then one layer more a phase, down to the top {gradual}",
                gradual + 1,
            ),
            Scenario(
                "discriminative",
                "Discriminative rates",
                f"everything; each layer {_DISCRIMINATIVE_FACTOR}x slower than the one above",
                1,
            ),
        ]
    return tuple(listed)


def scenario_plan(name: str, model: ModelDescription) -> Plan:
    """The plan of scenario `name` for `model`, with rates that suit it.

    Raises UnknownScenario with what exists.
    """
    if name not in {scenario.name for scenario in scenarios(model)}:
        raise UnknownScenario(_unknown(name, model))
    rate = encoder_learning_rate(model)
    match name.split("-", 1):
        case ["frozen"]:
            phases: tuple[Phase, ...] = (Phase(name="frozen", train=()),)
        case ["heads", _]:
            phases = (Phase(name="heads", train=("heads",)),)
        case ["top", count]:
            phases = (Phase(name=f"top {count}", train=("heads", f"top:{count}")),)
        case ["gradual"]:
            phases = _gradual_phases(model)
        case _:
            phases = (Phase(name="all", train=("all",)),)
    return Plan(
        name=name,
        phases=phases,
        learning_rate=rate,
        head_learning_rate=HEADS_ALONE if name == "heads-only" else HEADS_ALONG,
        layer_decay=_DISCRIMINATIVE_FACTOR if name == "discriminative" else 1.0,
        freeze=(f"head:{name.removeprefix('freeze-head:')}",) if "freeze-head:" in name else (),
    )


def _gradual_phases(model: ModelDescription) -> tuple[Phase, ...]:
    """Heads first, then the last layer, then one more at a time downward."""
    top = model.backbone.layers - 1
    layers = range(1, min(_GRADUAL_LAYERS, model.backbone.layers) + 1)
    return (
        Phase(name="heads", train=("heads",), head_learning_rate=HEADS_ALONE),
        *(Phase(name=f"+ layer {top + 1 - n}", train=("heads", f"top:{n}")) for n in layers),
    )


def _top_title(count: int) -> str:
    return "Top layer" if count == 1 else f"Top {count}"


def _top_words(count: int) -> str:
    return "the last layer" if count == 1 else f"the last {count} layers"


def _unknown(name: str, model: ModelDescription) -> str:
    backbone = model.backbone
    known = [scenario.name for scenario in scenarios(model)]
    if re.fullmatch(r"top-\d+", name) and not backbone.shares_layers:
        return (
            f"'{name}' does not fit this checkpoint: it has {backbone.layers} layers, "
            f"so top-1 to top-{backbone.layers} exist."
        )
    needs_layers = name in ("gradual", "discriminative") or re.fullmatch(r"top-\d+", name)
    if backbone.shares_layers and needs_layers:
        return (
            f"'{name}' does not fit this checkpoint: its {backbone.depth} layers share one set of "
            f"weights, so they learn or freeze together. Fitting: {', '.join(known)}."
        )
    if name.startswith("freeze-head:"):
        tasks = ", ".join(task.name for task in model.tasks)
        return f"'{name}': there is no task '{name.partition(':')[2]}'. Tasks: {tasks}."
    short = [each for each in known if not each.startswith("top-")]
    nearest = difflib.get_close_matches(name, known, n=2)
    hint = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    tops = "" if backbone.shares_layers else f", top-1 to top-{backbone.layers}"
    return f"There is no scenario '{name}'.{hint} Scenarios: {', '.join(short)}{tops}."
