"""An ended run, deleted and brought back, and its choices in the form."""

from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from tests.browser.watching import answers, settled, the_only
from tests.run_story import finished_heads_only

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def run() -> str:
    """A finished run in this test's own store."""
    story = finished_heads_only()
    with closing(RunStore(Settings.from_environment().database)) as store:
        added = store.add(story.spec, RunState.RUNNING).id
        store.append(added, list(story))
    return added


def form_shows(page: Page, epochs: str, seed: str) -> None:
    settled(page)
    for label, value in (("Epochs", epochs), ("Batch size", "16"), ("Max length", "128")):
        expect(the_only(page.get_by_label(label, exact=True))).to_have_value(value)
    expect(the_only(page.get_by_label("Seed", exact=True))).to_have_value(seed)


def test_the_form_shows_the_values_that_will_be_used(run: str, page: Page, address: str) -> None:
    page.goto(f"{address}/train?run={run}")
    page.get_by_role("button", name="New run").click()
    answers(page, "Next run: heads are trainable")
    form_shows(page, epochs="3", seed="0")
    page.goto(f"{address}/train?run={run}")
    page.get_by_role("button", name="Change and run").click()
    answers(page, "Next run: heads are trainable")
    form_shows(page, epochs="1", seed="1")


def test_undo_is_offered_until_the_page_is_left_and_then_at_the_runs_address(
    run: str, page: Page, address: str
) -> None:
    page.goto(f"{address}/train?run={run}")
    page.get_by_role("button", name="Delete").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    page.get_by_role("link", name="Freeze", exact=True).first.click()
    expect(page).to_have_url(f"{address}/")
    page.get_by_role("link", name="Train", exact=True).first.click()
    answers(page, "No run yet")
    expect(undo).to_have_count(0)
    page.goto(f"{address}/train?run={run}")
    answers(page, "This run was deleted")
    the_only(undo).click()
    answers(page, "Finished: sentiment")
