"""Losses are the same to the bit beside a visitor who clicks as in a run alone."""

import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page

from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.training.events import Step
from tests.browser.watching import answers

pytestmark = [pytest.mark.browser, pytest.mark.long]
A_RUN_TAKES = 180_000  # milliseconds; a deadline, not a measure
PLAN = ("top-3", "2", "7")  # scenario, epochs, seed
DATA = "sample-small"  # most of the time of a short run is its evaluations
ALONE = "import sys; from mtl_core.cli.entry import run; sys.exit(run(sys.argv[1:]))"


def losses_in(database: Path) -> list[dict[str, float | None]]:
    """Those of every step of the newest run."""
    with closing(RunStore(database)) as store:
        steps = store.events(store.runs()[0].id, kinds=["step"])
    return [event.loss for _, event in steps if isinstance(event, Step)]


def test_a_visitor_who_clicks_through_the_plans_changes_no_loss_of_a_run(
    page: Page, address: str, tmp_path: Path
) -> None:
    scenario, epochs, seed = PLAN
    asked = ["train", "--scenario", scenario, "--epochs", epochs, "--seed", seed, "--data", DATA]
    home = {"FREEZE_LAB_HOME": str(tmp_path / "alone")}
    subprocess.run([sys.executable, "-c", ALONE, *asked], env={**os.environ, **home}, check=True)
    alone = losses_in(tmp_path / "alone" / "runs.sqlite")

    page.goto(f"{address}/train?scenario={scenario}&epochs={epochs}&seed={seed}&data={DATA}")
    page.get_by_role("button", name=re.compile("^Train top 3 layers")).click()
    answers(page, re.compile("[Ss]entiment|Training"))
    browser = page.context.browser
    assert browser is not None
    visitor = browser.new_page()
    visitor.goto(address)
    clicks = 0
    while not page.locator("h1", has_text="Finished").count():
        for plan in ("Full", "Top layer", "Gradual", "Heads only"):
            visitor.get_by_role("radio", name=plan, exact=True).click()
            answers(visitor, "parameters are trainable")
            clicks += 1
    assert clicks >= 4
    answers(page, "Finished", timeout=A_RUN_TAKES)
    beside = losses_in(Settings.from_environment().database)
    assert len(beside) == 30
    assert beside == alone
