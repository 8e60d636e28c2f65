"""Display names of tasks, scenarios and blocks."""

from mtl_core.freezing.minimal_selectors import PlanBlock
from mtl_core.freezing.scenarios import scenario_kind
from mtl_core.models.description import ModelDescription, Role
from mtl_core.text import capitalized

_ACRONYM_LENGTH = 3


def task_title(name: str) -> str:
    """`sentiment` gives Sentiment, `ner` gives NER: names of up to three letters are acronyms."""
    if len(name) <= _ACRONYM_LENGTH:
        return name.upper()
    return name[:1].upper() + name[1:].replace("_", " ")


def scenario_title(scenario: str) -> str:
    """The name of a scenario on a button: `Heads only`, `Top 2 layers`."""
    return capitalized(scenario_phrase(scenario))


def scenario_phrase(scenario: str) -> str:
    """The name of a scenario inside a sentence: `heads only`, `top 2 layers`."""
    kind, argument = scenario_kind(scenario)
    if kind == "freeze-head":
        return f"{task_title(argument)} head frozen"
    if kind in ("top", "bottom"):
        return f"{kind} layer" if argument == "1" else f"{kind} {argument} layers"
    return {
        "frozen": "all frozen",
        "heads-only": "heads only",
        "layernorm": "LayerNorms and heads",
        "bitfit": "biases and heads (BitFit)",
        "embeddings-frozen": "embeddings frozen",
        "discriminative": "discriminative rates",
        "lp-ft": "LP-FT",
        "ulmfit": "ULMFiT",
    }.get(scenario, scenario)


def block_title(block: PlanBlock, model: ModelDescription) -> str:
    """The name of a block on a button: `NER head`, `layer 3`, `other tensors`."""
    match block.role:
        case Role.HEAD:
            named = (task.name for task in model.tasks if task.head == block.name)
            return f"{task_title(next(named, block.name))} head"
        case Role.LAYER if model.backbone.shares_layers:
            return f"all {model.backbone.depth} layers"
        case Role.BESIDE:
            return "other tensors"
        case _:
            return block.name


def task_titles(model: ModelDescription) -> tuple[str, ...]:
    """The titles of the model's tasks, in order."""
    return tuple(task_title(task.name) for task in model.tasks)
