"""The arms, margins and papers that several claims share."""

from mtl_core.analysis.claim_rules import Arm
from mtl_core.analysis.outcomes import MARGINS
from mtl_core.lessons.claim import Published
from mtl_core.lessons.sources import BEN_ZAKEN, LEE
from mtl_core.tasks.task import TaskKind

ACCURACY, F1 = MARGINS[TaskKind.SENTENCE], MARGINS[TaskKind.TOKEN]
"""The margins: smaller differences of accuracy, or of entity F1, do not matter."""


def standard(scenario: str) -> Arm:
    """An arm of the six plans: three epochs, twenty seeds."""
    return Arm(experiment="standard", scenario=scenario)


def recipe(scenario: str) -> Arm:
    """An arm of the recipes: three epochs, five seeds."""
    return Arm(experiment="recipes", scenario=scenario)


def nine_epochs(scenario: str) -> Arm:
    """An arm with nine epochs."""
    return Arm(experiment="nine epochs", scenario=scenario)


def first_token(scenario: str) -> Arm:
    """An arm whose sentence head reads the first token."""
    return Arm(experiment="first token", scenario=f"{scenario}, first token")


METRICS = {"sentiment": "Sentiment accuracy", "ner": "NER entity F1"}
"""The metric of a task, as a claim names it."""

HEADS, FULL = standard("heads-only"), standard("full")
SEARCHED = "each plan with the rates searched for it (400 sentences, three epochs, mean vector)"
FULL_BUDGET = f"same sentences, epochs, seeds and sentence vector; {SEARCHED}"
A_QUARTER = Published(text="a quarter of the layers reaches 90 %", source=LEE)
CLOSE = Published(text="competitive with full on small to medium data", source=BEN_ZAKEN)
