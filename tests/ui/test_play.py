"""Play: two short runs side by side, started with one click."""

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.charts.theme import LIGHT
from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunState
from mtl_core.training.events import RunStopped
from mtl_core.training.spec import RunSpec
from mtl_core.ui.play.figure import highest_loss, play_figure
from mtl_core.ui.play.runs import play_specs
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.run_cache import summary_of
from tests.run_story import Story, both, came_along, scores, spec_of
from tests.visiting import heading, visited

LOSSES = {"heads-only": (0.68, 0.75), "top-2": (0.5, 0.25)}


def texts(app: AppTest) -> str:
    shown = [each.value for kind in ("markdown", "caption") for each in app.get(kind)]
    return "\n".join(shown).replace("\\", "")


def told(spec: RunSpec, run: str) -> Story:
    """A run of Play up to its end, with the losses of its scenario."""
    story = Story(spec, [30], run).start().evaluate(scores(0.5, 0.0, (0.7, 1.4))).phase()
    return story.learn([both(1.4 - step / 100) for step in range(30)])


def finish(lab: Lab, run: str) -> None:
    spec = lab.store.run(run).spec
    ended = scores(0.8, 0.3, LOSSES[str(spec.scenario)])
    lab.store.append(run, list(told(spec, run).evaluate(ended).end_phase().finish(ended)))


def played(app: AppTest) -> list[str]:
    return str(app.query_params[Key.PLAY]).split(",")


def test_play_is_offered_on_a_new_server_and_on_one_with_runs(lab: Lab) -> None:
    assert visited("freeze").button(key=Key.PLAY_BUTTON).label == "Play: heads only against top 2"
    lab.store.import_comparison(came_along())
    lab.store.add(play_specs(lab)[0])
    assert visited("freeze").button(key=Key.PLAY_BUTTON)


def test_a_click_queues_heads_only_and_the_top_two_layers_on_the_small_sample(lab: Lab) -> None:
    app = visited("freeze")
    app.button(key=Key.PLAY_BUTTON).click().run()
    assert not app.exception
    runs = [lab.store.run(run) for run in played(app)]
    assert [run.spec.scenario for run in runs] == ["heads-only", "top-2"]
    assert {run.spec.data for run in runs} == {"sample-small"}
    assert heading(app) == "Two plans on the same sentences"
    shown = texts(app)
    assert "data: sample-small, 120 training sentences for each task" in shown
    assert "## Heads only: :orange[2,310] of 22,715,526 parameters" in shown
    assert "## Top 2 layers: :orange[3,551,238] of 22,715,526 parameters" in shown
    assert "Starting the trainer" in shown
    assert "Waiting for 1 other run" in shown


def test_a_second_visitor_watches_the_runs_of_the_first(lab: Lab) -> None:
    first, second = visited("freeze"), visited("freeze")
    for app in (first, second):
        app.button(key=Key.PLAY_BUTTON).click().run()
    assert played(first) == played(second)
    assert len(lab.store.runs()) == 2


def test_the_end_is_one_sentence_of_measured_figures(lab: Lab) -> None:
    app = visited("freeze")
    app.button(key=Key.PLAY_BUTTON).click().run()
    for run in played(app):
        finish(lab, run)
    app.run()
    assert (
        "Heads only trained 2,310 parameters in 23 s, to validation losses of 0.68 (Sentiment) "
        "and 0.75 (NER); top 2 layers trained 3,551,238 parameters in 23 s, to validation losses "
        "of 0.50 (Sentiment) and 0.25 (NER). One seed and few sentences do not show which plan "
        "is better."
    ) in texts(app)
    app.button(key=Key.CLOSE_PLAY).click().run()
    assert Key.PLAY not in app.query_params
    assert heading(app).startswith(":orange[2,310] of 22,715,526")


def test_a_stopped_run_is_shown_as_such_and_there_is_no_sentence(lab: Lab) -> None:
    app = visited("freeze")
    app.button(key=Key.PLAY_BUTTON).click().run()
    first, second = played(app)
    finish(lab, first)
    lab.store.append(second, [RunStopped(elapsed_seconds=1.0, reason="Stopped on request.")])
    app.run()
    assert "Stopped: Stopped on request." in texts(app)
    assert "do not show which plan is better" not in texts(app)


def test_an_address_with_an_unknown_run_shows_no_play(lab: Lab) -> None:
    assert heading(visited("freeze", play="a,b")).startswith(":orange[2,310]")


def test_an_address_with_another_run_shows_no_play(lab: Lab) -> None:
    other = lab.store.add(spec_of("heads-only")).id
    assert heading(visited("freeze", play=other)).startswith(":orange[2,310]")


def test_both_axes_have_their_final_range_before_the_first_step(lab: Lab) -> None:
    spec = play_specs(lab)[0]
    record = lab.store.add(spec, RunState.RUNNING)
    story = told(spec, record.id)
    lab.store.append(record.id, story.events[:2])
    early = play_figure(summary_of(lab, lab.store.run(record.id)), LIGHT)
    lab.store.append(record.id, story.events[2:])
    late = play_figure(summary_of(lab, lab.store.run(record.id)), LIGHT)
    for axis in ("xaxis", "yaxis"):
        assert early["layout"][axis]["range"] == late["layout"][axis]["range"]
    assert [each["text"] for each in early["layout"]["annotations"]] == ["no step yet"]
    assert early["layout"]["margin"] == late["layout"]["margin"]
    assert late["layout"]["xaxis"]["range"] == [0, 30]
    assert highest_loss(spec.tasks) == pytest.approx(1.1 * 1.386294, rel=1e-6)
    assert [len(trace["x"]) for trace in late["data"]] == [30, 30]
