from itertools import combinations
from math import log10
from typing import Any

import pytest

from mtl_core.charts.label_placement import Box, PointLabel, Screen, place_labels
from mtl_core.charts.labels import LETTER_PIXELS, round_steps, round_steps_log, text_pixels
from mtl_core.charts.pareto import Cost, cost_of, pareto_figure
from mtl_core.charts.pareto_labels import BaselineLine
from mtl_core.charts.theme import DARK, LIGHT, Figure
from tests.grouped_story import grouped, plan_result

CHEAP = plan_result("cheap", 10.0, [(0.70, 0.75, 0.80)], trainable=0)
MIDDLE = plan_result("middle", 100.0, [(0.84, 0.85, 0.86)], trainable=100)
DEAR = plan_result("dear", 1000.0, [(0.80, 0.82, 0.83)], trainable=10_000)
OPEN = plan_result("still open", None)
STYLE = LIGHT.task(1)


def figure(**changes: Any) -> Figure:
    comparison = grouped(DEAR, CHEAP, MIDDLE, OPEN)
    return pareto_figure(comparison, "sentiment", {"cheap", "middle"}, STYLE, LIGHT, **changes)


def trace(drawn: Figure, name: str) -> dict[str, Any]:
    return next(each for each in drawn["data"] if each["name"] == name)


def test_a_plan_on_the_front_is_filled_and_any_other_hollow() -> None:
    drawn = figure()
    assert trace(drawn, "cheap")["marker"]["symbol"] == "diamond"
    assert trace(drawn, "dear")["marker"]["symbol"] == "diamond-open"


def test_points_are_at_the_logarithm_of_their_seconds_and_their_mean() -> None:
    drawn = figure()
    assert [(trace(drawn, n)["x"], trace(drawn, n)["y"]) for n in ("cheap", "middle", "dear")] == [
        ([1.0], [0.75]),
        ([2.0], [0.85]),
        ([3.0], [0.82]),
    ]


def test_the_front_goes_across_and_then_up() -> None:
    drawn = figure()
    front = trace(drawn, "front")
    assert front["x"][:3] == [1.0, 2.0, 2.0]
    assert front["y"] == [0.75, 0.75, 0.85, 0.85]
    assert front["x"][3] == drawn["layout"]["xaxis"]["range"][1]


def test_a_bar_goes_from_the_lowest_to_the_highest_seed() -> None:
    assert trace(figure(), "dear, seeds")["y"] == [0.80, 0.83]


def test_a_plan_that_is_not_finished_is_omitted() -> None:
    assert not [each for each in figure()["data"] if "open" in each["name"].split(",")[0]]


def test_the_ticks_are_in_seconds() -> None:
    axis = figure()["layout"]["xaxis"]
    assert axis["ticktext"][:2] == ["10 s", "30 s"]
    assert axis["tickvals"][0] == 1.0


def test_memory_has_a_linear_axis_and_a_share_of_0_is_leftmost() -> None:
    memory = figure(cost=Cost.MEMORY)
    assert trace(memory, "middle")["x"] == [1e9]
    assert "1 GB" in trace(memory, "middle")["hovertemplate"]
    share = figure(cost=Cost.SHARE)
    assert [trace(share, n)["x"][0] for n in ("middle", "dear")] == [-2.0, 0.0]
    assert trace(share, "cheap")["x"] == [-3.0]
    assert "at none" in trace(share, "cheap")["hovertemplate"]


def test_an_unknown_cost_is_none() -> None:
    assert cost_of(OPEN, Cost.SECONDS) is None
    assert cost_of(MIDDLE, Cost.SHARE) == 0.01


def test_a_near_baseline_is_a_line_and_a_far_one_is_listed() -> None:
    drawn = figure(
        baselines=[BaselineLine("bag of words", 0.68), BaselineLine("majority class", 0.1)]
    )
    assert trace(drawn, "bag of words")["y"] == [0.68, 0.68]
    texts = [each["text"] for each in drawn["layout"]["annotations"]]
    assert "bag of words 0.68" in texts
    assert "below: majority class 0.10" in texts
    assert drawn["layout"]["yaxis"]["range"][0] < 0.68


def test_baselines_that_nearly_touch_share_a_label_above_the_upper_one() -> None:
    near = [BaselineLine("one", 0.690), BaselineLine("two", 0.691), BaselineLine("three", 0.725)]
    drawn = figure(baselines=near)
    named = {
        each["text"]: each["y"]
        for each in drawn["layout"]["annotations"]
        if each["text"].startswith(("one", "two", "three"))
    }
    assert named == {"two 0.69, one 0.69": 0.691, "three 0.72": 0.725}
    assert [trace(drawn, each.label)["y"][0] for each in near] == [0.690, 0.691, 0.725]


def test_names_that_look_like_markup_stay_text() -> None:
    comparison = grouped(plan_result("<b>x</b>", 1.0))
    drawn = pareto_figure(comparison, "ner", (), DARK.task(1), DARK)
    assert drawn["layout"]["annotations"][0]["text"] == "&lt;b&gt;x&lt;/b&gt;"


def test_an_empty_comparison_draws_only_axes() -> None:
    drawn = pareto_figure(grouped(), "ner", (), STYLE, LIGHT)
    assert drawn["data"] == []
    assert drawn["layout"]["xaxis"]["range"] == [0.0, 1.0]


def test_labels_of_near_points_do_not_overlap() -> None:
    two = [PointLabel(64.0, 200, 100, 90, 110, True), PointLabel(64.0, 210, 100, 90, 110, True)]
    bars = [Box(194, 84, 206, 116), Box(204, 84, 216, 116)]
    first, second = place_labels([Screen(two, bars, Box(0, 0, 480, 200))])
    assert (first["xanchor"], second["xanchor"]) == ("right", "left")


def test_labels_are_moved_in_pairs_where_moving_one_does_not_help() -> None:
    """Six plans of which four crowd the right end: letters, x, y, on the front."""
    points = [(10, 33, 119, 1), (10, 281, 137, 1), (14, 309, 154, 1), (7, 325, 143, 0)]
    points += [(20, 381, 138, 0), (4, 381, 175, 1)]
    wanted = [
        PointLabel(n * LETTER_PIXELS, x, y, y - 9, y + 9, bool(above)) for n, x, y, above in points
    ]
    bars = [Box(x - 7, y - 9, x + 7, y + 9) for _, x, y, _ in points]
    steps = [Box(33, 117, 281, 121), Box(281, 135, 309, 139), Box(309, 152, 381, 156)]
    places = place_labels([Screen(wanted, [*bars, *steps], Box(0, 0, 430, 216))])
    names = [_box(name, place) for name, place in zip(wanted, places, strict=True)]
    assert [one.overlap(other) for one, other in combinations(names, 2)] == [0.0] * 15


def test_no_label_crosses_a_vertical_step_of_the_front() -> None:
    """The first plan's name has room at its left and right; a rise stands close at its right."""
    low = plan_result("cheap", 10.0, [(0.70, 0.70, 0.70)], trainable=1)
    high = plan_result("dear", 12.0, [(0.80, 0.80, 0.80)], trainable=2)
    last = plan_result("dearest", 1000.0, [(0.805, 0.805, 0.805)], trainable=3)
    drawn = pareto_figure(
        grouped(low, high, last), "sentiment", {"cheap", "dear", "dearest"}, STYLE, LIGHT
    )
    (name,) = (each for each in drawn["layout"]["annotations"] if each["text"] == "<b>cheap</b>")
    left, right = drawn["layout"]["xaxis"]["range"]
    to_rise = (log10(12) - 1) / (right - left) * 430
    ends = {
        "right": name["xshift"],
        "left": name["xshift"] + 5 * LETTER_PIXELS,
        "center": 5 * LETTER_PIXELS / 2,
    }
    assert ends[name["xanchor"]] < to_rise or name["yshift"] < -16


def _box(name: PointLabel, place: dict[str, Any]) -> Box:
    wide, x = name.width, name.x + place["xshift"]
    left = {"left": x, "right": x - wide, "center": x - wide / 2}[place["xanchor"]]
    return Box(left, name.y + place["yshift"], left + wide, name.y + place["yshift"] + 16)


def test_a_label_that_would_leave_the_frame_is_on_the_other_side() -> None:
    place = place_labels(
        [Screen([PointLabel(64.0, 5, 100, 95, 105, True)], [], Box(0, 0, 480, 200))]
    )[0]
    assert place["xanchor"] == "left"
    assert place["yshift"] > 0


def test_the_label_of_a_plan_off_the_front_is_below_its_bar() -> None:
    place = place_labels(
        [Screen([PointLabel(25.6, 200, 100, 60, 140, False)], [], Box(0, 0, 480, 200))]
    )[0]
    assert place["xanchor"] == "center"
    assert place["yshift"] == 60 - 16 - 100


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((8.0, 240.0), [10, 30, 100]),
        ((10.0, 40.0), [10, 20, 30, 40]),
        ((0.001, 100.0), [0.001, 0.1, 10]),
        ((5.0, 5.0), []),
    ],
)
def test_a_logarithmic_axis_has_a_few_round_ticks(
    ends: tuple[float, float], expected: list[float]
) -> None:
    assert round_steps_log(*ends, 4) == pytest.approx(expected)


def test_a_linear_axis_has_round_steps() -> None:
    assert round_steps(0.61, 0.93, 4) == pytest.approx([0.7, 0.8, 0.9])


def test_a_position_must_be_free_on_wide_and_narrow_screens() -> None:
    """Left of the point there is room for the name on the wide screen alone."""
    wide = Screen([PointLabel(64.0, 200, 100, 95, 105, True)], [], Box(0, 0, 480, 200))
    phone = Screen([PointLabel(64.0, 50, 100, 95, 105, True)], [], Box(0, 0, 240, 200))
    assert place_labels([wide])[0]["xanchor"] == "right"
    assert place_labels([wide, phone])[0]["xanchor"] == "left"


def test_a_plans_label_does_not_cover_a_baselines_label() -> None:
    """Under the long bar of the dear plan a baseline is named at the right end."""
    cheap = plan_result("cheap", 10.0, [(0.66, 0.67, 0.68)])
    dear = plan_result("dear", 100.0, [(0.50, 0.65, 0.75)])
    near = [BaselineLine("untrained heads", 0.45)]
    drawn = pareto_figure(
        grouped(cheap, dear), "sentiment", {"cheap"}, STYLE, LIGHT, baselines=near
    )
    name = next(each for each in drawn["layout"]["annotations"] if each["text"] == "dear")
    assert (name["xanchor"], name["yshift"]) == ("right", -20)


def test_the_axis_of_a_single_point_has_ticks_that_differ() -> None:
    one = grouped(plan_result("one", 10.0, [(0.885, 0.885, 0.885)]))
    drawn = pareto_figure(one, "sentiment", {"one"}, STYLE, LIGHT)
    assert drawn["layout"]["yaxis"]["range"] == pytest.approx([0.845, 0.925])


def test_a_baselines_label_moves_to_the_left_end_if_the_front_is_at_the_right() -> None:
    """The dear plan's level part lies a little above the baseline; left of it nothing does."""
    cheap = plan_result("cheap", 10.0, [(0.60, 0.60, 0.60)])
    dear = plan_result("dear", 100.0, [(0.76, 0.76, 0.76)])
    drawn = pareto_figure(
        grouped(cheap, dear),
        "sentiment",
        {"cheap", "dear"},
        STYLE,
        LIGHT,
        baselines=[BaselineLine("bag of words", 0.75)],
    )
    name = next(e for e in drawn["layout"]["annotations"] if e["text"] == "bag of words 0.75")
    assert (name["x"], name["xanchor"], name["yanchor"]) == (0, "left", "bottom")


def test_a_label_is_one_line_further_away_if_all_else_is_occupied() -> None:
    wanted = PointLabel(64.0, 200, 100, 91, 109, True)
    ring = [Box(100, 70, 300, 91), Box(209, 70, 300, 130), Box(100, 70, 191, 130)]
    place = place_labels([Screen([wanted], [*ring, Box(100, 109, 300, 124)], Box(0, 0, 480, 200))])[
        0
    ]
    assert (place["xanchor"], place["yshift"]) == ("center", 109 + 16 - 100)


def test_narrow_letters_are_narrower_than_broad_ones() -> None:
    assert text_pixels("till") < 4 * LETTER_PIXELS < text_pixels("mmmm")
