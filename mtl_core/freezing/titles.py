"""Titles of tasks and scenarios as people read them."""

from mtl_core.freezing.scenarios import Scenario, scenario_kind
from mtl_core.models.description import ModelDescription

_ACRONYM_LENGTH = 3


def task_title(name: str) -> str:
    """`sentiment` -> Sentiment, `ner` -> NER: short names are taken for acronyms."""
    if len(name) <= _ACRONYM_LENGTH:
        return name.upper()
    return name[:1].upper() + name[1:].replace("_", " ")


def scenario_title(scenario: Scenario) -> str:
    """The scenario's title, a frozen head's task written as `task_title` does."""
    kind, _, task = scenario.name.partition(":")
    if kind == "freeze-head":
        return f"Freeze {task_title(task)} head"
    return "Discriminative" if kind == "discriminative" else scenario.title


def scenario_phrase(scenario: str) -> str:
    """A scenario's name within a sentence: `heads only`, `top 2 layers`, `NER head frozen`."""
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


def task_titles(model: ModelDescription) -> tuple[str, ...]:
    """The titles of the model's tasks, in their order."""
    return tuple(task_title(task.name) for task in model.tasks)
