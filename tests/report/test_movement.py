import pytest

from mtl_core.analysis.inside import Cosine, Probe, Spread
from mtl_core.report.movement import (
    cosine_row,
    cosine_text,
    cosine_title,
    probe_text,
    probe_title,
    similarity_title,
)


def spread(value: float) -> Spread:
    return Spread(value, value, value, 3)


def cosine(value: float) -> Cosine:
    return Cosine(value, value, value, 3, (value - 0.25, value + 0.25))


def test_the_plan_whose_top_layer_changed_most_is_named() -> None:
    plans = {"heads": {0: spread(1.0), 1: spread(1.0)}, "full": {0: spread(0.9), 1: spread(0.25)}}
    assert similarity_title(plans) == "full changed the top layer most: similarity 0.25"
    assert (
        similarity_title({"full": plans["full"]}) == "full changed the top layer: similarity 0.25"
    )
    assert (
        similarity_title({"heads": plans["heads"]})
        == "No plan changed the outputs of the top layer"
    )


@pytest.mark.parametrize(
    ("full", "title", "words"),
    [
        (cosine(-0.3), "The tasks' gradients conflict, most with full", "conflicting"),
        (cosine(0.3), "The tasks' gradients align, most with full", "aligned"),
        (cosine(0.05), "The tasks' gradients are almost orthogonal", "orthogonal"),
        (None, "The tasks train no shared tensors", "no shared tensors"),
    ],
)
def test_cosines_are_named_by_whether_the_tasks_help_each_other(
    full: Cosine | None, title: str, words: str
) -> None:
    assert cosine_title({"heads": None, "full": full}) == title
    assert cosine_text(full) == words


def test_the_range_over_batches_is_in_the_row_of_a_cosine() -> None:
    assert cosine_row("full", cosine(0.3))["By batch"] == "+0.050 to +0.550"
    assert cosine_row("full", Cosine(0.3, 0.3, 0.3, 1))["By batch"] == ""
    assert cosine_row("heads", None)["By batch"] == ""


def test_a_probe_names_the_plan_with_the_highest_score() -> None:
    still = Probe(0.25, spread(0.25))
    unclear = Probe(0.25, Spread(0.3, 0.2, 0.4, 3))
    taught = Probe(0.25, Spread(0.5, 0.4, 0.6, 3))
    assert probe_title("NER", {"heads": still, "full": taught}) == (
        "NER: highest probe score after full, 0.25 → 0.50"
    )
    assert probe_title("NER", {"heads": still}) == ("NER: no plan raised the probe score")
    assert probe_title("NER", {"heads": unclear}) == ("NER: no plan raised the probe score")
    assert probe_text(unclear) == "within the range of the seeds"
    assert (probe_text(still), probe_text(taught)) == ("exactly as before", "0.250 gained")
