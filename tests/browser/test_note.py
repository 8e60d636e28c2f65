"""An exported note as a reader opens it: from a file, with no server and no network."""

from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mtl_core.export.bundle import write_folder
from mtl_core.export.parts import BundlePart
from mtl_core.report.load import load_report
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from tests.export.finished_run import of_three_plans
from tests.run_story import finished_heads_only, minilm

pytestmark = pytest.mark.browser


@pytest.fixture
def note(tmp_path: Path) -> str:
    """The address of a note on two runs."""
    with closing(RunStore(tmp_path / "runs.sqlite")) as store:
        ids = []
        for _ in range(2):
            told = finished_heads_only()
            ids.append(store.add(told.spec, RunState.RUNNING).id)
            store.append(ids[-1], told.events)
        store.rename(ids[0], "<img src=x onerror=alert(1)>")
        write_folder(
            load_report(store, ids, lambda _: minilm()), BundlePart.NOTE.parts, tmp_path / "out"
        )
    return (tmp_path / "out" / "note.html").as_uri()


def test_a_note_draws_its_figures_fetches_nothing_and_fits_a_phone(page: Page, note: str) -> None:
    faults: list[str] = []
    page.on("request", lambda request: faults.append(request.url) if request.url != note else None)
    page.on("pageerror", lambda problem: faults.append(str(problem)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(note)
    drawn = page.locator(".plot.js-plotly-plot .main-svg").first
    expect(drawn).to_be_visible()
    expect(page.locator(".plot.js-plotly-plot")).to_have_count(4)
    expect(page.locator(".still svg").first).to_be_hidden()
    tick = page.locator(".plot .xtick text").first
    expect(tick).to_have_css("fill", "rgb(91, 99, 109)")
    page.emulate_media(color_scheme="dark")
    expect(tick).to_have_css("fill", "rgb(163, 172, 184)")
    page.emulate_media(media="print")
    expect(page.locator(".still.light svg").first).to_be_visible()
    expect(drawn).to_be_hidden()
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(drawn).to_have_attribute("width", "358")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert faults == []


def test_every_figure_of_a_note_on_plans_is_drawn_at_any_width(page: Page, tmp_path: Path) -> None:
    with closing(RunStore(tmp_path / "runs.sqlite")) as store:
        ids = []
        for told in of_three_plans():
            ids.append(store.add(told.spec, RunState.RUNNING).id)
            store.append(ids[-1], told.events)
        report = load_report(store, ids, lambda _: minilm())
        write_folder(report, BundlePart.NOTE.parts, tmp_path / "out")
    figures = len(list((tmp_path / "out" / "figures").glob("*.svg")))
    faults: list[str] = []
    page.on("pageerror", lambda problem: faults.append(str(problem)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto((tmp_path / "out" / "note.html").as_uri())
    expect(page.locator(".plot.js-plotly-plot .main-svg:first-child")).to_have_count(figures)
    assert figures == 6 + 2 + 2 + 1 + 3 + 3
    expect(page.get_by_text("Movement: frozen parts exactly 0").first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".plot .main-svg").first).to_have_attribute("width", "358")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert faults == []
