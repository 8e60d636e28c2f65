"""The recipe of each scenario: its phases, its rates and its schedule on a given model."""

import re

from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.models.description import ModelDescription, Role

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
