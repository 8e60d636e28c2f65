"""The list of runs beside a run that has ended: it follows the others by itself."""

from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from tests.browser.watching import answers
from tests.run_story import finished_heads_only

pytestmark = pytest.mark.browser


@pytest.mark.long
def test_another_run_that_ends_is_ended_in_the_list_too(page: Page, address: str) -> None:
    story = list(finished_heads_only())
    with closing(RunStore(Settings.from_environment().database)) as store:
        shown, other = (store.add(story[0].spec, RunState.RUNNING).id for _ in range(2))
        store.append(shown, story)
        store.append(other, story[:-1])
        page.goto(f"{address}/train?run={shown}")
        states = page.locator("canvas td", has_text="running")
        expect(states).to_have_count(1)
        store.append(other, story[-1:])
        expect(states).to_have_count(0)
    answers(page, "Finished: sentiment")
