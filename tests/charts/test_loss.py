from itertools import pairwise
from typing import Any

import pytest

from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import LossPoint, RunSummary
from mtl_core.charts.labels import spread_apart
from mtl_core.charts.loss import downsample, loss_figure, loss_sketch
from mtl_core.charts.theme import DARK, LIGHT
from tests.run_story import Story, both, finished_heads_only, minilm, scores, spec_of


def in_second_phase() -> RunSummary:
    story = Story(spec_of("gradual", epochs=4.0), [10, 10, 10, 10]).start()
    story.evaluate(scores(0.4, 0.0, (0.7, 1.4))).phase(1).learn([both(1.0)] * 10, 1)
    story.evaluate(scores(0.6, 0.1, (0.6, 1.0)), 1).end_phase(1)
    story.phase(2).learn([both(0.8)] * 5, 2)
    return summarise("a-run", story.spec, story, minilm())


def traces(summary: RunSummary, task: str = "ner") -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in loss_figure(summary, task, LIGHT)["data"]}


def notes(summary: RunSummary, task: str = "ner") -> list[str]:
    return [note["text"] for note in loss_figure(summary, task, LIGHT)["layout"]["annotations"]]


def test_each_step_the_smoothed_line_and_the_rings_hold_the_runs_values() -> None:
    drawn = traces(in_second_phase())
    assert drawn["each step"]["x"] == list(range(1, 16))
    assert drawn["each step"]["y"] == [1.0] * 10 + [0.8] * 5
    assert drawn["train, smoothed"]["y"][:10] == pytest.approx([1.0] * 10)
    assert drawn["validation"]["x"] == [0, 10]
    assert drawn["validation"]["y"] == [1.4, 1.0]


def test_the_axes_run_from_zero_to_the_runs_whole_length() -> None:
    layout = loss_figure(in_second_phase(), "ner", LIGHT)["layout"]
    assert layout["xaxis"]["range"] == [0, 40]
    assert layout["yaxis"]["range"] == pytest.approx([0, 1.4 * 1.06])


def test_the_zoom_is_kept_per_run() -> None:
    assert loss_figure(in_second_phase(), "ner", LIGHT)["layout"]["uirevision"] == "a-run"


def test_every_second_phase_is_a_band_over_its_steps() -> None:
    shapes = loss_figure(in_second_phase(), "ner", LIGHT)["layout"]["shapes"]
    assert [(shape["x0"], shape["x1"]) for shape in shapes] == [(10, 20), (30, 40)]


def test_the_running_phase_is_named_in_the_colour_of_what_learns() -> None:
    layout = loss_figure(in_second_phase(), "ner", LIGHT)["layout"]
    named = {note["text"]: note["font"]["color"] for note in layout["annotations"][:4]}
    assert named == {
        "<b>1</b> heads": "#5B636D",
        "<b>2</b> + layer 5 ●": "#AD4700",
        "<b>3</b> + layer 4": "#5B636D",
        "<b>4</b> + layer 3": "#5B636D",
    }


def test_a_plan_of_one_phase_has_neither_bands_nor_names() -> None:
    summary = summarise("a-run", spec_of("heads-only"), finished_heads_only(), minilm())
    assert loss_figure(summary, "ner", LIGHT)["layout"]["shapes"] == []
    assert notes(summary) == ["validation <b>0.20</b>", "train <b>0.65</b>"]


def test_a_phase_too_narrow_for_its_name_shows_its_number() -> None:
    story = Story(spec_of("gradual", epochs=4.0), [1, 13, 13, 13]).start().phase(1)
    assert notes(summarise("a-run", story.spec, story, minilm()))[0] == "<b>1</b> ●"


def test_end_labels_that_would_touch_are_spread_apart() -> None:
    assert spread_apart([10.0, 12.0], 17) == pytest.approx([2.5, 19.5])
    assert spread_apart([10.0, 50.0], 17) == [10.0, 50.0]
    assert spread_apart([], 17) == []


def test_tasks_differ_in_colour_dash_and_marker_in_both_themes() -> None:
    for colors in (LIGHT, DARK):
        first, second = (
            loss_figure(in_second_phase(), task, colors)["data"][2] for task in ("sentiment", "ner")
        )
        assert first["line"]["color"] != second["line"]["color"]
        assert first["line"]["dash"] != second["line"]["dash"]
        assert (first["marker"]["symbol"], second["marker"]["symbol"]) == (
            "circle-open",
            "diamond-open",
        )


def test_a_long_run_is_downsampled_and_keeps_its_ends_and_extremes() -> None:
    points = [LossPoint(step, step / 100, 1.0, 1.0) for step in range(1, 10_001)]
    points[4_321] = LossPoint(4_322, 43.22, 9.0, 1.0)
    points[7_654] = LossPoint(7_655, 76.55, 0.0, 1.0)
    kept = downsample(points, 2_000)
    assert len(kept) <= 2_000
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    assert points[4_321] in kept
    assert points[7_654] in kept
    assert all(before.step < after.step for before, after in pairwise(kept))


def test_a_short_run_is_drawn_completely() -> None:
    points = [LossPoint(step, step / 100, 1.0, 1.0) for step in range(1, 2_001)]
    assert downsample(points, 2_000) == points


def test_an_outlier_does_not_flatten_the_rest() -> None:
    story = Story(spec_of("heads-only"), [200]).start().phase()
    story.learn([both(0.5)] * 100 + [both(50.0)] + [both(0.5)] * 99)
    layout = loss_figure(summarise("a-run", story.spec, story), "ner", LIGHT)["layout"]
    assert layout["yaxis"]["range"][1] < 1


def test_a_run_without_a_step_has_axes_and_no_values() -> None:
    summary = summarise("a-run", spec_of("heads-only"), [], minilm())
    drawn = loss_figure(summary, "ner", LIGHT)
    assert [trace["x"] for trace in drawn["data"]] == [[], [], []]
    assert drawn["layout"]["yaxis"]["range"] == [0, 1.0]


def test_markup_in_a_phases_name_stays_text() -> None:
    spec = spec_of("gradual", epochs=4.0)
    first = spec.plan.phases[0].model_copy(update={"name": "<b>x</b>"})
    plan = spec.plan.model_copy(update={"phases": (first, *spec.plan.phases[1:])})
    story = Story(spec.model_copy(update={"plan": plan}), [10, 10, 10, 10]).start()
    assert notes(summarise("a-run", story.spec, story))[0] == "<b>1</b> &lt;b&gt;x&lt;/b&gt;"


def test_a_sketch_has_no_numbers_and_names_the_figure_it_replaces() -> None:
    sketch = loss_sketch("the loss will be drawn here", LIGHT)
    layout = sketch["layout"]
    assert not layout["xaxis"]["showticklabels"]
    assert not layout["yaxis"]["showticklabels"]
    assert [trace["hoverinfo"] for trace in sketch["data"]] == ["skip"]
    assert [note["text"] for note in layout["annotations"]] == ["the loss will be drawn here"]
