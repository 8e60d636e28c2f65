"""Runs that came with the product, on the Train page: apart from the visitor's own."""

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from tests.run_story import came_along
from tests.visiting import heading, visited

FOLD = "shipped_runs"


@pytest.fixture
def shipped(lab: Lab) -> str:
    """A run that came along, of a comparison that did; the visitor has none."""
    (run,) = lab.store.import_comparison(came_along())
    return run


def folds(app: AppTest) -> list[str]:
    return [each.label for each in app.expander]


def test_a_store_of_ones_own_is_empty_beside_what_came_along(lab: Lab, shipped: str) -> None:
    app = visited("train")
    assert heading(app) == "No run yet"
    assert "1 run included with Freeze Lab" in folds(app)
    assert len(app.dataframe) == 0


def test_the_open_fold_lists_what_came_along_with_its_comparison(lab: Lab, shipped: str) -> None:
    app = visited("train")
    app.session_state[FOLD] = True
    app.run()
    assert not app.exception
    (table,) = app.dataframe
    assert table.value["Comparison"].to_list() == ["Heads"]
    assert table.value["Plan"].to_list() == ["heads only"]


def test_a_run_that_came_along_says_so_and_leads_to_its_comparison(lab: Lab, shipped: str) -> None:
    app = visited("train", run=shipped)
    assert "included with Freeze Lab" in "\n".join(each.value for each in app.markdown)
    app.button(key="see_comparison").click().run()
    assert not app.exception
    assert app.query_params["comparison"] == "came-along"


def test_a_store_where_nothing_came_along_has_no_such_fold(lab: Lab) -> None:
    assert not [label for label in folds(visited("train")) if "came with" in label]
