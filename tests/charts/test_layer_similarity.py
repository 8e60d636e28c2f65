from mtl_core.analysis.inside import Spread
from mtl_core.charts.layer_similarity import similarity_figure
from mtl_core.charts.theme import LIGHT

PLANS = {
    "full": {0: Spread(0.9, 0.8, 1.0, 3), 1: Spread(0.25, 0.2, 0.4, 3)},
    "heads only": {0: Spread(1.0, 1.0, 1.0, 3), 1: Spread(1.0, 1.0, 1.0, 3)},
}


def test_each_plan_is_a_line_up_the_stack_with_bars_from_lowest_to_highest_seed() -> None:
    figure = similarity_figure(PLANS, "full", LIGHT)
    grey, strong = figure["data"]  # the one in ink is drawn last
    assert (strong["name"], strong["x"], strong["y"]) == ("full", [0, 1], [0.9, 0.25])
    assert strong["error_y"]["array"] == [0.09999999999999998, 0.15000000000000002]
    assert strong["error_y"]["arrayminus"] == [0.09999999999999998, 0.04999999999999999]
    assert (strong["line"]["color"], grey["line"]["color"]) == (LIGHT.ink, LIGHT.context)
    assert figure["layout"]["xaxis"]["tickvals"] == [0, 1]


def test_the_end_label_is_the_top_layers_similarity() -> None:
    notes = [
        each["text"] for each in similarity_figure(PLANS, "full", LIGHT)["layout"]["annotations"]
    ]
    assert notes == ["heads only 1.00", "<b>full 0.25</b>"]


def test_many_layers_get_a_tick_at_every_second_one_and_at_the_top() -> None:
    deep = {"full": {layer: Spread(1.0, 1.0, 1.0, 1) for layer in range(24)}}
    ticks = similarity_figure(deep, None, LIGHT)["layout"]["xaxis"]["tickvals"]
    assert ticks == list(range(1, 24, 2))
