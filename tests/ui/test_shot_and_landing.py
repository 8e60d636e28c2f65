"""Pages as pictures for a document, and what a first visitor of the Freeze page reads."""

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.lessons.claims import CLAIMS
from mtl_core.store.record import RunState
from tests.run_story import came_along, finished_heads_only
from tests.visiting import heading, visited

CONTROLS = ("button", "selectbox", "segmented_control", "pills", "text_input", "expander")


def stored(lab: Lab) -> str:
    events = list(finished_heads_only())
    record = lab.store.add(events[0].spec, RunState.RUNNING)
    lab.store.append(record.id, events)
    return record.id


def controls(app: AppTest) -> list[str]:
    return [each.type for kind in CONTROLS for each in app.get(kind)]


def captions(app: AppTest) -> str:
    return "\n".join(each.value for each in app.caption).replace("\\", "")


def test_a_picture_of_freeze_has_its_facts_and_no_control(lab: Lab) -> None:
    app = visited("freeze", shot="1", scenario="top-1")
    assert heading(app) == ":orange[1,776,774] of 22,715,526 parameters are trainable: 7.8 %"
    assert controls(app) == []
    assert "minilm-l6 · top layer · heads at 1e-3, encoder at 3e-4" in captions(app)
    assert "Freeze Lab 0.1.0 · screenshot taken " in captions(app)
    assert app.query_params["shot"] == "1"


def test_a_picture_of_an_ended_run_names_plan_data_and_seed(lab: Lab) -> None:
    run = stored(lab)
    app = visited("train", shot="1", run=run)
    assert heading(app) == "Finished: sentiment 0.77 accuracy, NER 0.42 entity F1"
    assert controls(app) == []
    assert "minilm-l6 · heads only" in captions(app)
    assert "seed 1" in captions(app)
    assert controls(visited("train", run=run)) != []


def test_a_picture_of_a_comparison_has_no_control(lab: Lab) -> None:
    runs = f"{stored(lab)},{stored(lab)}"
    app = visited("compare", shot="1", runs=runs)
    assert "2 runs · minilm-l6" in captions(app)
    assert controls(app) == []


def test_the_first_screen_of_a_comparison_ends_with_its_table(lab: Lab) -> None:
    runs = f"{stored(lab)},{stored(lab)}"
    whole, first = (visited("compare", shot=shot, runs=runs) for shot in ("1", "screen"))
    assert controls(first) == []
    assert "2 runs · minilm-l6" in captions(first)
    assert "Freeze Lab 0.1.0 · screenshot taken " in captions(first)
    losses = [any("loss" in e.value for e in app.markdown) for app in (whole, first)]
    assert losses == [True, False]


@pytest.mark.parametrize("page", ["guide", "checkpoints", "data"])
def test_a_picture_of_a_page_without_runs_has_no_control_either(lab: Lab, page: str) -> None:
    app = visited(page, shot="1")
    assert controls(app) == []
    assert "minilm-l6" in captions(app)
    assert "Freeze Lab 0.1.0 · screenshot taken " in captions(app)


def test_a_picture_of_a_plan_of_ones_own_holds_the_plan_and_no_control(lab: Lab) -> None:
    plan = "name: mine\nphases:\n- {name: top, train: [heads, 'top:1']}\n"
    app = visited("plan", shot="1", plan=plan)
    assert heading(app) == ":orange[1,776,774] of 22,715,526 parameters are trainable: 7.8 %"
    assert controls(app) == []
    assert "minilm-l6 · mine" in captions(app)
    assert app.code[0].value.startswith("name: mine\nphases:\n- name: top\n  train:")
    assert "Freeze Lab 0.1.0 · screenshot taken " in captions(app)


def test_a_picture_of_the_guide_shows_every_claim(lab: Lab) -> None:
    app = visited("guide", shot="1")
    told = "\n".join(each.value for each in app.markdown).replace("\\", "")
    assert all(claim.sentence in told for claim in CLAIMS)


def test_a_first_visitor_sees_the_introduction_and_starts_a_comparison_with_one_click(
    lab: Lab,
) -> None:
    app = visited("freeze")
    told = [each.value for each in app.markdown if "Freeze Lab compares" in each.value]
    assert len(told) == 1
    assert [each.key for each in app.button if each.key == "see_comparison"] == []
    button = app.button(key="first_comparison")
    assert button.label == "Start your own: about 3 min"
    button.click().run()
    assert not app.exception
    (comparison,) = lab.store.comparisons()
    assert app.query_params["comparison"] == comparison.id
    assert len(comparison.runs) == 9
    assert heading(app) == "Waiting for results: no plan has finished yet"


def test_a_shipped_comparison_is_one_click_away(lab: Lab) -> None:
    lab.store.import_comparison(came_along())
    app = visited("freeze")
    app.button(key="see_comparison").click().run()
    assert app.query_params["comparison"] == "came-along"
    assert "minilm-l6" in captions(app)
    assert app.button(key="first_comparison").label.startswith("Start your own: ")


def landing_of(app: AppTest) -> tuple[list[str], bool]:
    """Which of the landing's buttons are there, and whether it says what this is."""
    keys = [key for key in ("see_comparison", "first_comparison") if key in by_key(app)]
    return keys, any("Which layers should I freeze?" in each.value for each in app.markdown)


def by_key(app: AppTest) -> list[str | None]:
    return [each.key for each in app.button]


def test_a_store_with_runs_has_a_short_introduction_with_a_comparison(
    lab: Lab,
) -> None:
    lab.store.import_comparison(came_along())
    stored(lab)
    app = visited("freeze")
    assert landing_of(app) == (["see_comparison"], True)
    app.button(key="see_comparison").click().run()
    assert app.query_params["comparison"] == "came-along"
    app.switch_page("pages/freeze.py").run()
    assert landing_of(app) == ([], False)


def test_the_introduction_is_hidden_after_a_run_was_started(lab: Lab) -> None:
    lab.store.import_comparison(came_along())
    app = visited("freeze")
    assert landing_of(app) == (["see_comparison", "first_comparison"], True)
    app.switch_page("pages/train.py").run()
    app.button(key="start").click().run()
    assert len(lab.store.runs()) == 1
    app.switch_page("pages/freeze.py").run()
    assert landing_of(app) == ([], False)


def test_without_shipped_comparisons_a_store_with_runs_has_no_introduction(lab: Lab) -> None:
    stored(lab)
    assert landing_of(visited("freeze")) == ([], False)
