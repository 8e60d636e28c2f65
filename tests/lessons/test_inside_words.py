import pytest

from mtl_core.analysis.convergence import Convergence, Trend
from mtl_core.analysis.inside import Probe, Spread
from mtl_core.report.inside_words import (
    convergence_title,
    cosine_title,
    cosine_words,
    likeness_title,
    probe_title,
    probe_words,
)

FLAT, FALLING, OVER, OPEN = (
    Convergence(trend) for trend in (Trend.FLAT, Trend.FALLING, Trend.OVERFITTING, Trend.OPEN)
)


def spread(value: float) -> Spread:
    return Spread(value, value, value, 3)


def test_the_plan_whose_top_layer_changed_most_is_named() -> None:
    plans = {"heads": {0: spread(1.0), 1: spread(1.0)}, "full": {0: spread(0.9), 1: spread(0.25)}}
    assert likeness_title(plans) == "full changed the top layer most: likeness 0.25"
    assert likeness_title({"full": plans["full"]}) == "full changed the top layer: likeness 0.25"
    assert likeness_title({"heads": plans["heads"]}) == "No layer says anything else than before"


@pytest.mark.parametrize(
    ("full", "title", "words"),
    [
        (spread(-0.3), "The tasks pull against each other, most with full", "against each other"),
        (spread(0.3), "The tasks pull the same way, most with full", "the same way"),
        (spread(0.05), "The tasks neither help nor hinder each other", "at a right angle"),
        (None, "The tasks teach nothing in common", "nothing in common"),
    ],
)
def test_cosines_are_said_by_whether_they_help(full: Spread | None, title: str, words: str) -> None:
    assert cosine_title({"heads": None, "full": full}) == title
    assert cosine_words(full) == words


def test_a_probe_names_the_plan_after_which_the_encoder_knows_most() -> None:
    still = Probe(0.25, spread(0.25))
    unclear = Probe(0.25, Spread(0.3, 0.2, 0.4, 3))
    taught = Probe(0.25, Spread(0.5, 0.4, 0.6, 3))
    assert probe_title("NER", {"heads": still, "full": taught}) == (
        "NER: the encoder knows most after full, 0.25 → 0.50"
    )
    assert probe_title("NER", {"heads": still}) == (
        "NER: no plan taught the encoder more than it knew"
    )
    assert probe_title("NER", {"heads": unclear}) == (
        "NER: no plan taught the encoder more than it knew"
    )
    assert probe_words(unclear) == "within the seeds' range"
    assert (probe_words(still), probe_words(taught)) == ("exactly as before", "0.250 gained")


@pytest.mark.parametrize(
    ("heads", "full", "title"),
    [
        (FLAT, FLAT, "Every plan converged on every task"),
        (FLAT, FALLING, "Not yet converged: full. A longer run may move it up"),
        (
            FALLING,
            FALLING,
            "No plan had converged on every task: longer runs may change the order",
        ),
        (FLAT, OVER, "No loss still falls; 1 of 2 overfit on some task"),
        (OPEN, OPEN, "Too few evaluations to say whether a plan converged"),
    ],
)
def test_what_had_not_converged_is_named(heads: Convergence, full: Convergence, title: str) -> None:
    told = {"heads": {"ner": heads, "sentiment": FLAT}, "full": {"ner": full, "sentiment": FLAT}}
    if heads is OPEN:
        told = {label: {"ner": OPEN, "sentiment": OPEN} for label in told}
    assert convergence_title(told) == title
