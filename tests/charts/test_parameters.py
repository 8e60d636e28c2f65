from mtl_core.charts.parameters import checkpoints_figure
from mtl_core.charts.theme import DARK, LIGHT
from mtl_core.models.facts import checkpoint_facts

KNOWN = checkpoint_facts()


def test_both_parts_of_a_bar_add_up_to_the_checkpoints_parameters() -> None:
    layers, embeddings = checkpoints_figure(KNOWN, "biobert", LIGHT)["data"]
    by_size = sorted(facts.parameters for facts in KNOWN)
    assert [a + b for a, b in zip(layers["x"], embeddings["x"], strict=True)] == by_size
    assert embeddings["text"][-1] == "335 M"
    assert "embeddings: 192,398,592 of 278,043,648 parameters, 69 %" in embeddings["hovertext"][-2]


def test_only_the_selected_name_is_bold() -> None:
    names = checkpoints_figure(KNOWN, "biobert", DARK)["layout"]["yaxis"]["ticktext"]
    assert [name for name in names if name.startswith("<b>")] == ["<b>biobert</b>"]
    assert len(names) == len(KNOWN)
