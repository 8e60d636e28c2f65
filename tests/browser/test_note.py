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


def watch_faults(page: Page, note: str) -> list[str]:
    """A list to which every request, error and message of an error is added."""
    faults: list[str] = []
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((note, "data:")) else faults.append(request.url)
        ),
    )
    page.on("pageerror", lambda problem: faults.append(str(problem)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    return faults


def test_a_note_shows_its_figures_fetches_nothing_and_fits_a_phone(page: Page, note: str) -> None:
    faults = watch_faults(page, note)
    page.goto(note)
    light, dark = (page.locator(f".still.{theme} svg") for theme in ("light", "dark"))
    expect(light).to_have_count(4)
    expect(light.first).to_be_visible()
    expect(dark.first).to_be_hidden()
    page.emulate_media(color_scheme="dark")
    expect(dark.first).to_be_visible()
    expect(light.first).to_be_hidden()
    page.emulate_media(media="print")
    expect(light.first).to_be_visible()
    expect(page.get_by_role("button", name="PNG").first).to_be_hidden()
    page.emulate_media(media="screen", color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert faults == []


def test_a_figure_is_saved_as_svg_and_as_png(page: Page, note: str, tmp_path: Path) -> None:
    faults = watch_faults(page, note)
    page.goto(note)
    for place, begins in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as saved:
            page.get_by_role("button", name=f"as {place}").first.click()
        path = tmp_path / saved.value.suggested_filename
        saved.value.save_as(path)
        assert path.suffix == f".{place.lower()}"
        assert path.read_bytes().startswith(begins)
    assert faults == []


def test_every_figure_of_a_note_on_plans_is_there_and_its_contents_lead_to_it(
    page: Page, tmp_path: Path
) -> None:
    with closing(RunStore(tmp_path / "runs.sqlite")) as store:
        ids = []
        for told in of_three_plans():
            ids.append(store.add(told.spec, RunState.RUNNING).id)
            store.append(ids[-1], told.events)
        report = load_report(store, ids, lambda _: minilm())
        write_folder(report, BundlePart.NOTE.parts, tmp_path / "out")
    figures = len(list((tmp_path / "out" / "figures").glob("*.svg")))
    address = (tmp_path / "out" / "note.html").as_uri()
    faults = watch_faults(page, address)
    page.goto(address)
    expect(page.locator(".still.light svg")).to_have_count(figures)
    assert figures == 6 + 2 + 2 + 1 + 3 + 3
    expect(page.get_by_text("Movement: frozen parts exactly 0").first).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Losses").click()
    expect(page.get_by_role("heading", name="Losses")).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert faults == []
