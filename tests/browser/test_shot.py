"""Pages as pictures for a document, in a window of the size that is asked for."""

from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from mtl_core.ui.shared.shot import SHOT_HEIGHT, SHOT_WIDTH

pytestmark = [pytest.mark.browser, pytest.mark.long]

PLAN = "name: mine\nphases:\n- {name: top, train: [heads, 'top:1']}\n"
PICTURES = {
    "": [{"scenario": "top-1"}, {"scenario": "gradual"}, {"scenario": "discriminative"}],
    "plan": [{"plan": PLAN}],
    "compare": [{}],
    "data": [{}],
    "checkpoints": [{}],
}


def test_a_picture_fits_the_requested_size_and_has_its_last_line(
    page: Page, shared_address: str
) -> None:
    page.set_viewport_size({"width": SHOT_WIDTH, "height": SHOT_HEIGHT})
    for name, queries in PICTURES.items():
        for query in queries:
            asked = {**query, "shot": "screen" if name == "compare" else "1", "embed": "true"}
            page.goto(f"{shared_address}/{name}?{urlencode(asked)}")
            last = page.get_by_text("screenshot taken")
            expect(last).to_be_visible()
            page.wait_for_selector(".js-plotly-plot")
            expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
            expect(last).to_be_in_viewport(ratio=1)
            within = page.get_by_test_id("stMain")
            assert within.evaluate("it => it.scrollHeight") <= SHOT_HEIGHT, (name, query)
            assert page.get_by_test_id("stTooltipIcon").count() == 0, (name, query)
