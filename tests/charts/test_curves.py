"""Bands over seeds, drift of a task, and quality by the number of examples."""

from dataclasses import replace

import pytest

from mtl_core.charts.curve import Curve, CurvePoint, curve_figure
from mtl_core.charts.drift import Drift, drift_figure
from mtl_core.charts.loss_comparison import XAxis, bands_figure, training_band, validation_band
from mtl_core.charts.theme import LIGHT
from tests.grouped_story import plan_result, told_run

STYLE = LIGHT.task(1)
TOP = plan_result(
    "top", 10.0, runs={s: told_run("top-1", s, loss) for s, loss in ((1, 0.2), (2, 0.4))}
)
FULL = plan_result("full", 20.0, runs={1: told_run("full", 1, 0.1)})


def test_a_band_holds_mean_lowest_and_highest_of_each_evaluation() -> None:
    band = validation_band(TOP, "ner")
    assert band.x == (0, 4)
    assert band.mean == pytest.approx((1.4, 0.3))
    assert band.low == (1.4, 0.2)
    assert band.high == (1.4, 0.4)


def test_seconds_count_from_the_end_of_the_evaluation_before_training() -> None:
    assert validation_band(TOP, "ner", XAxis.SECONDS).x == (0.0, 3.0)


def test_training_losses_are_smoothed_run_by_run() -> None:
    assert training_band(TOP, "ner", smoothing=0.0).mean == (1.0, 0.5, 0.5, 0.5)
    assert training_band(TOP, "no such task").x == ()


def test_the_plan_in_colour_is_drawn_last_and_only_several_seeds_have_a_band() -> None:
    drawn = bands_figure([TOP, FULL], "ner", frozenset({"top"}), STYLE, LIGHT)
    assert [each["name"] for each in drawn["data"]] == [
        "top, lowest to highest",
        "full, validation",
        "top, validation",
    ]
    assert [each["line"]["color"] for each in drawn["data"][1:]] == [LIGHT.context, STYLE.color]
    texts = {each["text"] for each in drawn["layout"]["annotations"]}
    assert texts == {"<b>top 0.30</b>", "full 0.10"}


def test_an_end_label_is_at_its_loss_unless_it_would_touch_another() -> None:
    drawn = bands_figure([TOP, FULL], "ner", frozenset({"top"}), STYLE, LIGHT)
    notes = {each["text"]: each["y"] for each in drawn["layout"]["annotations"]}
    assert notes == pytest.approx({"<b>top 0.30</b>": 0.3, "full 0.10": 0.1})


def test_a_task_that_drifted_is_a_line_from_before_to_after() -> None:
    drifts = [
        Drift("encoder frozen", 0.647, 0.647, 0.647, 0.647, "exactly as before"),
        Drift("all layers", 0.647, 0.28, 0.24, 0.32, "0.367 lost"),
    ]
    drawn = drift_figure(drifts, "entity F1", STYLE, LIGHT)
    change = next(each for each in drawn["data"] if each["name"] == "all layers, change")
    assert change["x"] == [0.647, 0.28]
    assert change["y"] == [-0.22, -0.22]
    texts = [each["text"] for each in drawn["layout"]["annotations"]]
    assert "<b>0.280</b> 0.367 lost" in texts
    assert "0.647 before" in texts


def test_more_sentences_are_further_right_and_each_number_run_has_a_tick() -> None:
    curve = Curve("full", (CurvePoint(100, 0.8, 0.7, 0.9), CurvePoint(10, 0.5, 0.5, 0.5)), True)
    drawn = curve_figure([curve], STYLE, LIGHT)
    assert drawn["data"][-1]["x"] == [1.0, 2.0]
    assert drawn["data"][-1]["y"] == [0.5, 0.8]
    assert drawn["layout"]["xaxis"]["ticktext"] == ["10", "100"]
    assert drawn["layout"]["annotations"][0]["text"] == "<b>full 0.80</b>"


def test_a_baseline_is_a_dotted_line_below_the_plans_and_names_its_end() -> None:
    points = (CurvePoint(10, 0.4, 0.4, 0.4), CurvePoint(100, 0.6, 0.6, 0.6))
    plan = Curve("full", (CurvePoint(10, 0.5, 0.4, 0.6), CurvePoint(100, 0.8, 0.7, 0.9)))
    words = Curve("bag of words", points, baseline=True)
    drawn = curve_figure([plan, words], STYLE, LIGHT)
    lines = [each for each in drawn["data"] if each.get("hoverinfo") != "skip"]
    assert [(each["name"], each["mode"], each["line"]["dash"]) for each in lines] == [
        ("bag of words", "lines", "dot"),
        ("full", "lines+markers", "solid"),
    ]
    assert len(drawn["data"]) == 3  # only the plan has a band
    assert "bag of words 0.60" in [each["text"] for each in drawn["layout"]["annotations"]]


def test_a_seed_that_still_runs_does_not_cut_the_band_of_the_finished_ones() -> None:
    still = replace(told_run("top-1", 2, 0.9), finished=None)
    plan = plan_result("top", 10.0, runs={1: told_run("top-1", 1, 0.2), 2: still})
    assert validation_band(plan, "ner").mean == (1.4, 0.2)
