"""Three visits in Chromium, with the clicks and seconds of each step and a picture after it.

    python benchmarks/three_visits.py FOLDER [--visits teacher,engineer,student] [--dark]

A teacher plays two plans and opens a finished comparison. An engineer compares two plans on her
own checkpoint and files, and downloads the note. A student reads the Guide on a phone and guesses a
verdict. Each visit has a server of its own, with an empty home. Prints a Markdown table; the
pictures are in FOLDER, named by visit and step.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.visitors import dashboard
from mtl_core.file_access import ANY_FILE
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.models.checkpoint import require_weights, resolve_checkpoint
from mtl_core.tasks.dataset import SAMPLE_SMALL, require_allowed_data
from tests.browser.serving import launched

_PATIENCE_MILLISECONDS = 150_000
_DRAWN = '[data-testid="stApp"][data-test-script-state="notRunning"]'
_DESK, _PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=390, height=844)


@dataclass
class Film:
    """The steps of one visit. `step` ends when what the visitor waits for is on the page."""

    page: Page
    folder: Path
    visit: str
    clicks: int = 0
    rows: list[str] = field(default_factory=list)
    _since: float = field(default_factory=monotonic)

    def click(self, found: Locator) -> None:
        """Click and count it, once the page is drawn."""
        expect(self.page.locator(_DRAWN)).to_have_count(1)
        found.click()
        self.clicks += 1

    def type(self, found: Locator, text: str) -> None:
        """Type a text and press Enter; counts as a click."""
        found.fill(text)
        found.press("Enter")
        self.clicks += 1

    def choose_file(self, found: Locator, file: Path) -> None:
        """Choose a file; counts as a click."""
        found.set_input_files(file)
        self.clicks += 1

    def step(self, title: str, awaited: Locator) -> None:
        """Wait for `awaited`, take a picture and write a row with the seconds since the last."""
        try:
            expect(awaited.first).to_be_visible()
        except AssertionError:
            self.page.screenshot(path=self.folder / f"{self.visit}-missing.png")
            sys.exit(f"{self.visit}: {title} did not appear; {self.visit}-missing.png shows why.")
        seconds = monotonic() - self._since
        number = len(self.rows) + 1
        self.page.screenshot(path=self.folder / f"{self.visit}-{number}.png")
        self.rows.append(f"| {self.visit} | {number} | {title} | {self.clicks} | {seconds:.1f} |")
        self._since = monotonic()


def main() -> None:
    """Make the visits and print the table."""
    arguments = _arguments()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    print("| visit | step | what is on the page | clicks so far | seconds |\n|---|--:|---|--:|--:|")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        for name in arguments.visits.split(","):
            for row in _visit(browser, name, arguments.folder, arguments.dark):
                print(row, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--visits", default=",".join(_VISITS))
    parser.add_argument("--dark", action="store_true")
    return parser.parse_args()


def _visit(browser: Browser, name: str, folder: Path, dark: bool) -> list[str]:
    """The rows of one visit, on a new server with an empty home."""
    with tempfile.TemporaryDirectory() as home:
        _fill(Path(home))
        os.environ["FREEZE_LAB_HOME"] = f"{home}/store"
        os.environ["FREEZE_LAB_CHECKPOINTS"] = f"{home}/checkpoints"
        with dashboard() as (port, _):
            return _visited(browser, name, folder, dark, f"http://localhost:{port}", Path(home))


def _visited(
    browser: Browser, name: str, folder: Path, dark: bool, address: str, home: Path
) -> list[str]:
    context = browser.new_context(
        viewport=_PHONE if name == "student" else _DESK,
        color_scheme="dark" if dark else "light",
        accept_downloads=True,
    )
    context.set_default_timeout(_PATIENCE_MILLISECONDS)
    expect.set_options(timeout=_PATIENCE_MILLISECONDS)
    film = Film(context.new_page(), folder, name)
    _VISITS[name](film, address, home)
    context.close()
    return film.rows


def teacher(film: Film, address: str, _home: Path) -> None:
    """Play, watch both runs to the end, and open a comparison for the class."""
    page = film.page
    page.goto(address)
    play = page.get_by_role("button", name="Play: heads only against top 2")
    film.step("the picture, the counts and Play", play)
    film.click(play)
    film.step("both plans side by side", page.get_by_text("Two plans on the same sentences"))
    film.step("both losses and one sentence of figures", page.get_by_text("One seed and few"))
    film.click(page.get_by_role("button", name="Close"))
    film.click(page.get_by_role("button", name="See a finished comparison"))
    film.step("a comparison with its verdicts", page.get_by_text("How Freeze Lab decides"))


def engineer(film: Film, address: str, home: Path) -> None:
    """Her own encoder and files, two plans with two seeds, and a note for a design document."""
    page = film.page
    page.goto(address)
    film.step("the first page", page.get_by_text("Trainable part"))
    film.type(page.get_by_role("combobox", name="Checkpoint"), "our-encoder")
    film.step("counts of her encoder", page.get_by_role("heading", level=1))
    film.click(page.get_by_role("button", name="Does it fit my GPU?"))
    film.step("memory by precision and card", page.get_by_text("Calculated, not measured"))
    page.keyboard.press("Escape")
    film.click(page.get_by_role("link", name="Data"))
    film.click(page.get_by_text("Use your own files"))
    files = page.locator("input[type=file]")
    film.choose_file(files.nth(0), home / "reviews.csv")
    film.choose_file(files.nth(3), home / "entities.conll")
    film.step("her sentences, before anything is saved", page.get_by_text("sentiment: "))
    film.click(page.get_by_role("button", name="Use this data"))
    film.step("her data with the split", page.get_by_role("button", name="Train on this data"))
    film.click(page.get_by_role("link", name="Compare"))
    film.click(page.get_by_role("button", name="New comparison"))
    film.click(page.get_by_role("button", name="top layer", exact=True))
    film.click(page.get_by_role("radio", name="2", exact=True))
    start = page.get_by_role("button", name="Start:")
    film.step("plans, seeds and the duration", start)
    film.click(start)
    film.step("the comparison while it runs", page.get_by_text("runs finished"))
    film.step("the finished comparison", page.get_by_text("Intervals: 95 %"))
    film.click(page.get_by_role("button", name="Export"))
    with page.expect_download() as download:
        film.click(page.get_by_role("button", name="Note as one HTML page"))
    note = film.folder / "engineer-note.html"
    download.value.save_as(note)
    page.goto(note.resolve().as_uri())
    film.step("the note", page.get_by_role("heading", level=1))


def student(film: Film, address: str, _home: Path) -> None:
    """The Guide on a phone: read, guess, see the verdict and how it was decided."""
    page = film.page
    page.goto(f"{address}/guide")
    film.step("the text", page.get_by_text("Expand all chapters"))
    film.click(page.get_by_text("Claims", exact=True))
    film.step("claims to guess", page.get_by_text("claims about freezing"))
    film.click(page.get_by_text("What freezing saves"))
    card = page.locator(".st-key-claim_kept-bytes")
    film.click(card.get_by_text("holds", exact=True))
    film.step("the verdict", card.get_by_text("Your guess"))
    film.click(page.get_by_text("Decisions", exact=True))
    film.step("how verdicts are decided", page.get_by_text("How Freeze Lab decides"))
    film.click(page.get_by_text("Text", exact=True))
    film.click(page.get_by_text("Words", exact=True))
    film.step("the words", page.get_by_text("Pareto front"))


_VISITS: dict[str, Callable[[Film, str, Path], None]] = {
    "teacher": teacher,
    "engineer": engineer,
    "student": student,
}


def _fill(home: Path) -> None:
    """Copy the encoder and the files of the engineer into `home`."""
    encoder = require_weights(resolve_checkpoint(EMBEDDED, ANY_FILE))
    shutil.copytree(encoder, home / "checkpoints" / "our-encoder")
    data = require_allowed_data(SAMPLE_SMALL, ANY_FILE).parent
    shutil.copyfile(data / "reviews.train.csv", home / "reviews.csv")
    shutil.copyfile(data / "entities.train.conll", home / "entities.conll")


if __name__ == "__main__":
    main()
