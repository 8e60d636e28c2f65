import pytest

from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.charts.loss_comparison import OverlaidRun, XAxis, overlay_figure, smooth
from mtl_core.charts.theme import LIGHT, Figure
from tests.run_story import Story, both, minilm, scores, spec_of

STYLE = LIGHT.task(1)


def run(name: str, last: float) -> RunSummary:
    story = (
        Story(spec_of("heads-only"), [4], name)
        .start()
        .evaluate(scores(0.4, 0.0, (0.7, 1.4)))
        .phase()
        .learn([both(1.0), both(0.5), both(0.5), both(0.5)])
        .evaluate(scores(0.7, 0.4, (0.5, last)))
    )
    return summarise(name, story.spec, story, minilm())


def figure(**changes: object) -> Figure:
    runs = [OverlaidRun("first", run("a", 0.30), True), OverlaidRun("second", run("b", 0.31))]
    return overlay_figure(runs, "ner", STYLE, LIGHT, **changes)  # type: ignore[arg-type]


def test_the_run_in_colour_is_drawn_last_and_the_others_in_grey() -> None:
    drawn = figure()["data"]
    assert [trace["name"] for trace in drawn] == [
        "second",
        "second, validation",
        "first",
        "first, validation",
    ]
    assert [trace["line"]["color"] for trace in drawn[::2]] == [LIGHT.context, STYLE.color]


def test_each_run_is_named_at_its_end_with_its_validation_loss() -> None:
    notes = figure()["layout"]["annotations"]
    assert [note["text"] for note in notes] == ["second 0.31", "<b>first 0.30</b>"]
    assert notes[1]["font"]["color"] == STYLE.text
    assert all(note["xref"] == "paper" and note["x"] == 1 for note in notes)


def test_labels_do_not_touch_and_stay_on_the_axis() -> None:
    layout = figure()["layout"]
    ys = sorted(note["y"] for note in layout["annotations"])
    a_pixel = layout["yaxis"]["range"][1] / (300 - 10 - 38)
    assert ys[1] - ys[0] >= 17 * a_pixel - 1e-9
    assert ys[0] >= 0


@pytest.mark.parametrize(
    ("axis", "xs", "rings"),
    [
        (XAxis.STEP, [1, 2, 3, 4], [0, 4]),
        (XAxis.EPOCH, [0.1, 0.2, 0.3, 0.4], [0.0, 0.4]),
        (XAxis.SECONDS, [0.5, 1.0, 1.5, 2.0], [0.0, 3.0]),
    ],
)
def test_x_is_the_step_the_epoch_or_the_seconds_since_training_began(
    axis: XAxis, xs: list[float], rings: list[float]
) -> None:
    train, validation = figure(x_axis=axis)["data"][:2]
    assert train["x"] == pytest.approx(xs)
    assert validation["x"] == pytest.approx(rings)
    assert figure(x_axis=axis)["layout"]["xaxis"]["title"]["text"] == axis.value


def test_without_smoothing_each_step_has_its_own_loss() -> None:
    assert figure(smoothing=0.0)["data"][0]["y"] == [1.0, 0.5, 0.5, 0.5]


def test_the_average_starts_at_the_first_loss() -> None:
    assert smooth([1.0, 0.5], 0.9) == pytest.approx([1.0, (0.09 + 0.05) / 0.19])
    assert smooth([], 0.9) == []


def test_train_and_validation_can_be_hidden() -> None:
    assert figure(train=False)["data"][0]["x"] == []
    only_train = figure(validation=False, smoothing=0.0)
    assert only_train["data"][1]["x"] == []
    assert only_train["layout"]["annotations"][1]["text"] == "<b>first 0.50</b>"


def test_with_nothing_selected_only_the_axes_are_drawn() -> None:
    layout = figure(train=False, validation=False)["layout"]
    assert layout["annotations"] == []
    assert layout["yaxis"]["range"] == [0, 1.0]


def test_a_run_without_the_task_is_omitted() -> None:
    runs = [OverlaidRun("first", run("a", 0.3))]
    assert overlay_figure(runs, "topic", STYLE, LIGHT)["data"] == []


def test_a_name_is_text_and_never_markup() -> None:
    runs = [OverlaidRun("<b>&", run("a", 0.3))]
    drawn = overlay_figure(runs, "ner", STYLE, LIGHT)
    assert drawn["data"][0]["name"] == "&lt;b&gt;&amp;"
    assert drawn["layout"]["annotations"][0]["text"] == "&lt;b&gt;&amp; 0.30"
