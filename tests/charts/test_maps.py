"""Maps: what each plan lets learn, what moved, and what was answered for what."""

from typing import Any

import pytest

from mtl_core.charts.cells import Cell, cell_figure
from mtl_core.charts.confusion import confusion_figure
from mtl_core.charts.maps import (
    MovementQuantity,
    freeze_map,
    map_rows,
    mean_of,
    movement_map,
    value_text,
)
from mtl_core.charts.theme import LIGHT, Figure, blend, text_color_on
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.training.events import Movement
from tests.grouped_story import plan_result, told_run
from tests.run_story import minilm

ORANGE = LIGHT.states[next(iter(LIGHT.states)).TRAINABLE].color
ROWS = (
    "classifier",
    "ner",
    "pooler",
    *(f"layer {number}" for number in range(5, -1, -1)),
    "embeddings",
)


def tables(scenario: str) -> tuple[ParameterTable, ...]:
    return tuple(parameter_tables(scenario_plan(scenario, minilm()), minilm()))


def hover_texts(figure: Figure) -> list[str]:
    return list(figure["data"][0]["text"])


def cell(figure: Figure, column: int, row_from_top: int, rows: int) -> tuple[str, str]:
    """Text and ground of one cell."""
    y = rows - 1 - row_from_top
    text = [
        each["text"]
        for each in figure["layout"]["annotations"]
        if each["x"] == column and each["y"] == y and "xref" not in each
    ]
    ground = next(
        shape["fillcolor"]
        for shape in figure["layout"]["shapes"]
        if shape["x0"] < column < shape["x1"] and shape["y0"] < y < shape["y1"]
    )
    return "".join(text), ground


def test_heads_are_on_top_and_the_embeddings_below() -> None:
    assert map_rows(tables("full")) == ROWS


def test_each_plan_shows_which_groups_learn() -> None:
    drawn = freeze_map({"top layer": tables("top-1"), "full": tables("full")}, LIGHT)
    assert cell(drawn, 0, 0, 10) == ("▲", ORANGE)
    assert cell(drawn, 0, 3, 10) == ("▲", ORANGE)
    assert cell(drawn, 0, 4, 10) == ("❄︎", "#D9EAF3")
    assert cell(drawn, 1, 2, 10)[0] == "○"
    assert "full, pooler: no loss reaches it" in hover_texts(drawn)


def test_a_later_phase_is_numbered_and_a_group_in_part_is_paler() -> None:
    drawn = freeze_map({"gradual": tables("gradual"), "bitfit": tables("bitfit")}, LIGHT)
    assert cell(drawn, 0, 0, 10)[0] == "▲"
    assert cell(drawn, 0, 3, 10)[0] == "▲ 2"
    assert cell(drawn, 0, 4, 10)[0] == "▲ 3"
    assert "gradual, layer 4: trained from phase 3" in hover_texts(drawn)
    assert cell(drawn, 1, 3, 10)[1] == blend(ORANGE, "#FFFFFF", 0.45)


def moved_plan(seeds: dict[int, tuple[float, float]]) -> Any:
    runs = {
        seed: told_run(
            "top-1",
            seed,
            0.5,
            {
                "layer 0": Movement(moved=0.0, cka=1.0),
                "layer 5": Movement(moved=layer, gradient_norm=0.5, cka=0.9),
                "ner": Movement(moved=head, gradient_norm=2.0),
            },
        )
        for seed, (layer, head) in seeds.items()
    }
    return plan_result("top layer", 10.0, runs=runs)


def test_movement_is_the_mean_over_seeds_in_per_cent_and_exactly_0_where_frozen() -> None:
    plan = moved_plan({1: (0.01, 0.9), 2: (0.03, 1.1)})
    drawn = movement_map([plan], ("ner", "layer 5", "layer 0"), LIGHT, MovementQuantity.MOVED)
    assert cell(drawn, 0, 0, 3) == ("100", ORANGE)
    assert cell(drawn, 0, 1, 3)[0] == "2.0"
    assert cell(drawn, 0, 2, 3) == ("0", "#D9EAF3")
    assert "top layer, layer 0: did not move" in hover_texts(drawn)


def test_similarity_and_gradient_show_only_the_groups_that_have_them() -> None:
    plan = moved_plan({1: (0.01, 0.9)})
    rows = ("ner", "layer 5", "layer 0")
    likeness = movement_map([plan], rows, LIGHT, MovementQuantity.CKA)
    assert hover_texts(likeness) == [
        "top layer, layer 5: CKA with the layer before training 0.9000",
        "top layer, layer 0: CKA with the layer before training 1.0000",
    ]
    assert mean_of(plan, "ner", MovementQuantity.GRADIENT) == 2.0
    assert mean_of(plan, "layer 0", MovementQuantity.GRADIENT) is None


def test_a_plan_without_measurements_has_no_column() -> None:
    drawn = movement_map([plan_result("old", 1.0)], ("ner",), LIGHT, MovementQuantity.MOVED)
    assert drawn["data"][0]["x"] == []


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.0, "0"), (0.00004, "0.004"), (0.0038, "0.38"), (0.0123, "1.2"), (0.5, "50")],
)
def test_only_an_exact_0_is_written_as_0(value: float, words: str) -> None:
    assert value_text(value, MovementQuantity.MOVED) == words


def test_correct_predictions_are_in_the_tasks_colour_and_errors_in_grey() -> None:
    style = LIGHT.task(0)
    drawn = confusion_figure(["negative", "positive"], [[8, 2], [0, 10]], style, LIGHT)
    assert cell(drawn, 0, 0, 2)[0] == "8"
    assert cell(drawn, 1, 1, 2) == ("10", blend(style.color, "#FFFFFF", 0.85))
    assert cell(drawn, 0, 1, 2) == ("", LIGHT.panel)
    assert "2 of 10 negative predicted as positive" in hover_texts(drawn)


def test_counts_that_do_not_match_their_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="2 labels need 2 rows and columns"):
        confusion_figure(["a", "b"], [[1]], LIGHT.task(0), LIGHT)


def test_many_column_names_are_rotated_and_few_are_not() -> None:
    cells = {("row", "one"): Cell("1", "#FFFFFF", "#000000", "one")}
    level = cell_figure(["row"], ["one"], cells, LIGHT)["layout"]["annotations"]
    assert not any("textangle" in each for each in level)
    names = [f"a longer name {number}" for number in range(5)]
    turned = cell_figure(["row"], names, {}, LIGHT)["layout"]["annotations"]
    assert [each["textangle"] for each in turned if "textangle" in each] == [-38] * 5


def test_text_on_a_cell_is_dark_on_light_and_light_on_dark() -> None:
    assert (text_color_on("#FFFFFF"), text_color_on("#5D1A78")) == ("#160800", "#F4F6F8")


def test_distances_that_are_nearly_equal_have_nearly_the_same_colour() -> None:
    run = told_run(
        "heads-only", 1, 0.5, {"classifier": Movement(moved=2.17), "ner": Movement(moved=2.33)}
    )
    drawn = movement_map(
        [plan_result("heads only", 1.0, runs={1: run})], ROWS[:2], LIGHT, MovementQuantity.MOVED
    )
    (_, nearly), (_, most) = (cell(drawn, 0, row, 2) for row in (0, 1))
    assert most == ORANGE
    assert nearly == blend(ORANGE, LIGHT.background, 0.9734)


def test_a_long_name_at_the_right_end_fits() -> None:
    names = ("LP-FT", "ULMFiT", "chain-thaw", "biases and heads (BitFit)")
    cells = {("ner", name): Cell("▲", ORANGE, "#160800", name) for name in names}
    layout = cell_figure(["ner"], names, cells, LIGHT)["layout"]
    assert names[-1] in [each["text"] for each in layout["annotations"]]
    assert layout["margin"]["r"] == 106
