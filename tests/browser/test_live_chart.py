import pytest
from playwright.sync_api import Page

from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from tests.run_story import Story, both, scores, spec_of

pytestmark = pytest.mark.browser
PLOT = ".freeze-lab-plot"


def points(page: Page) -> int:
    count = page.evaluate(f"document.querySelector('{PLOT}').data[0].x.length")
    return int(count)


def span(page: Page) -> list[float]:
    """The steps that the first figure shows."""
    shown: list[float] = page.evaluate(
        f"document.querySelector('{PLOT}')._fullLayout.xaxis.range.map(Number)"
    )
    return shown


def test_a_live_figure_keeps_its_node_and_its_zoom_while_points_are_added(
    page: Page, address: str
) -> None:
    store = RunStore(Settings.from_environment().database)
    record = store.add(spec_of("heads-only", epochs=10.0), RunState.RUNNING)
    story = Story(record.spec, [100], record.id).start().evaluate(scores(0.4, 0.0)).phase()
    told = store.append(record.id, story.learn([both(0.7)] * 40).events)
    assert told
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{address}/train?run={record.id}")
    page.wait_for_selector(f"{PLOT} .nsewdrag")
    page.evaluate(f"document.querySelector('{PLOT}').seenBefore = true")
    assert points(page) == 40
    assert span(page) == [0, 100]
    box = page.locator(f"{PLOT} .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 64, steps=8)
    page.mouse.up()
    page.wait_for_function(f"document.querySelector('{PLOT}')._fullLayout.xaxis.range[1] - 0 < 90")
    zoomed = span(page)

    before = len(story.events)
    store.append(record.id, story.learn([both(0.6)] * 10).events[before:])
    page.wait_for_function(f"document.querySelector('{PLOT}').data[0].x.length === 50")
    assert page.evaluate(f"document.querySelector('{PLOT}').seenBefore")
    assert span(page) == zoomed

    page.mouse.dblclick(box["x"] + 100, box["y"] + 60)
    page.wait_for_function(
        f"document.querySelector('{PLOT}')._fullLayout.xaxis.range[1] - 0 === 100"
    )
    store.close()
    own = (address, address.replace("http", "ws"), "blob:", "data:")
    assert [url for url in asked if not url.startswith(own)] == []
