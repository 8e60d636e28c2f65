"""Renaming a comparison, deleting it and bringing it back, on the Compare page."""

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.lessons.claim_runs import comparison_title
from mtl_core.lessons.experiments import EXPERIMENTS
from mtl_core.store.record import ComparisonRecord
from mtl_core.training.comparison import ComparisonSpec
from tests.visiting import heading, visited

TWO = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only", "full"), seeds=(1, 2))


@pytest.fixture
def ended(lab: Lab) -> ComparisonRecord:
    return lab.stop_comparison(lab.start_comparison(TWO, "First try").id)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_a_comparison_is_renamed_and_an_empty_name_brings_its_first_back(
    lab: Lab, ended: ComparisonRecord
) -> None:
    app = visited("compare", comparison=ended.id)
    assert "**First try**" in texts(app)
    field = f"comparison_title_{ended.id}"
    app.text_input(key=field).set_value("For the thesis")
    app.button(key="save_comparison_title").click().run()
    assert not app.exception
    assert lab.store.comparison(ended.id).name == "For the thesis"
    assert "**For the thesis**" in texts(app)
    app.text_input(key=field).set_value("")
    app.button(key="save_comparison_title").click().run()
    assert lab.store.comparison(ended.id).name == "heads only, full · minilm-l6 · 2 seeds"


def test_a_deleted_comparison_is_brought_back_by_one_click(
    lab: Lab, ended: ComparisonRecord
) -> None:
    app = visited("compare", comparison=ended.id)
    app.button(key="delete_comparison").click().run()
    assert not app.exception
    assert lab.store.comparisons() == []
    assert heading(app) == "Nothing to compare yet"
    assert "Deleted: **First try** and its 4 runs" in texts(app)
    app.button(key="undo").click().run()
    assert not app.exception
    assert lab.store.comparison(ended.id) == ended
    assert app.query_params["comparison"] == ended.id
    assert "Deleted" not in texts(app)


def test_deleting_one_comparison_shows_the_newest_that_is_left(
    lab: Lab, ended: ComparisonRecord
) -> None:
    other = lab.start_comparison(TWO, "Second try")
    lab.stop_comparison(other.id)
    app = visited("compare", comparison=other.id)
    app.button(key="delete_comparison").click().run()
    assert app.query_params["comparison"] == ended.id
    assert "**First try**" in texts(app)


def test_a_comparison_on_its_way_cannot_be_deleted(lab: Lab) -> None:
    waiting = lab.start_comparison(TWO)
    assert visited("compare", comparison=waiting.id).button(key="delete_comparison").disabled


def test_a_comparison_that_decides_claims_says_what_renaming_it_costs(lab: Lab) -> None:
    spec = EXPERIMENTS["random encoder"].spec
    record = lab.start_comparison(spec, comparison_title("random encoder"))
    app = visited("compare", comparison=record.id)
    assert "with another name its runs are not used for any claim" in texts(app)


def test_an_address_that_names_what_was_never_deleted_offers_no_undo(
    lab: Lab, ended: ComparisonRecord
) -> None:
    app = visited("compare", comparison=ended.id, deleted="261124-0000-nothing-0000")
    assert "Deleted" not in texts(app)
