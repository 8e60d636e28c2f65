"""Every page in both themes: what axe-core finds, the focus, and motion."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import SAMPLE_SMALL, load_tasks
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec
from tests.browser.conftest import DEADLINE
from tests.browser.serving import served
from tests.browser.watching import settled
from tests.run_story import minilm

pytestmark = pytest.mark.browser

EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Findings in Streamlit's own widgets: the reason by rule and selector. There are none."""

PAGES = {
    "Freeze": "/?scenario=discriminative",
    "Freeze, phases": "/?scenario=gradual",
    "Play": "/?play={0},{1}",
    "Checkpoints": "/checkpoints",
    "Your own plan": "/plan",
    "Train": "/train",
    "a finished run": "/train?run={0}",
    "Compare": "/compare",
    "Predict": "/predict",
    "Guide": "/guide",
    "Guide, claims": "/guide?guide_part=Claims",
    "Guide, decisions": "/guide?guide_part=Decisions",
    "Data": "/data",
}
"""Addresses by what they show; {0} and {1} are the ids of two finished runs."""

ONE_CHAPTER = "What freezing saves"  # opening all 70 claims takes a minute

OPEN_ALL = """() => {
  const main = document.querySelector('[data-testid="stMain"]');
  const closed = [...main.querySelectorAll('details:not([open]) > summary')];
  closed.forEach((summary) => summary.click());
  return closed.length;
}"""

IS_STILL = """() => !document.querySelector('[data-stale="true"]')
  && document.getAnimations().every((each) => each.playState !== 'running')"""

FINDINGS = """async (exceptions) => {
  const { violations } = await axe.run(document, { resultTypes: ['violations'] });
  return violations.filter(({ impact }) => impact !== 'minor').flatMap(({ id, nodes }) =>
    nodes.map(({ target, html, any, all, none }) => {
      const known = exceptions.find(([rule, selector]) =>
        rule === id && document.querySelector(target.join(' '))?.matches(selector));
      const reasons = [...any, ...all, ...none].map(({ message }) => message);
      return { known: known ?? null, finding: [id, html.slice(0, 200), ...reasons].join(' | ') };
    }));
}"""

UNMARKED = """() => {
  const marked = (element) => element && (marked(element.parentElement)
    || (getComputedStyle(element).outlineStyle === 'solid'
        && getComputedStyle(element).boxShadow.startsWith('rgb(255, 255, 255)')));
  return marked(document.activeElement) ? '' : document.activeElement.outerHTML.slice(0, 200);
}"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, list[str]]:
    """A home with two finished runs on the small sample, as those of Play, and their ids."""
    settings = Settings(home=tmp_path_factory.mktemp("accessible") / "home", threads=1)
    settings.home.mkdir()
    store, ids = RunStore(settings.home / "runs.sqlite"), []
    for scenario in ("heads-only", "top-2"):
        spec = RunSpec(
            checkpoint="minilm-l6",
            plan=scenario_plan(scenario, minilm()),
            scenario=scenario,
            data=SAMPLE_SMALL,
            tasks=load_tasks(SAMPLE_SMALL, ANY_FILE),
            epochs=1,
            batch_size=8,
            max_length=16,
            examples={"sentiment": 8, "ner": 8},
        )
        record = store.add(spec, RunState.RUNNING)
        store.append(record.id, list(fine_tune(spec, record.id, settings.home / record.id)))
        ids.append(record.id)
    store.close()
    return settings, ids


@pytest.fixture(scope="module")
def home(runs: tuple[Settings, list[str]]) -> Iterator[str]:
    with served(runs[0]) as url:
        yield url


def settle(page: Page) -> None:
    settled(page)
    page.wait_for_function(IS_STILL)


def show(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("h1").first.wait_for()
    settle(page)


def open_everything(page: Page, name: str) -> None:
    """Open the expanders, which draw others, and the popover with files or models."""
    if name == "Guide, claims":
        page.get_by_text(ONE_CHAPTER).click()
        settle(page)
    else:
        while page.evaluate(OPEN_ALL):
            settle(page)
    popover = page.get_by_role("button", name=re.compile("Export|Models"))
    if popover.count():
        popover.first.click()
        settle(page)


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_but_the_listed_exceptions(
    browser: Browser, home: str, runs: tuple[Settings, list[str]], theme: str
) -> None:
    unexpected, known = [], set()
    context = browser.new_context(
        viewport={"width": 1440, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(DEADLINE)
    page = context.new_page()
    for name, path in PAGES.items():
        show(page, home + path.format(*runs[1]))
        open_everything(page, name)
        page.evaluate(AXE_SCRIPT)
        for each in page.evaluate(FINDINGS, list(EXCEPTIONS)):
            if each["known"]:
                known.add(tuple(each["known"]))
            else:
                unexpected.append(f"{name}: {each['finding']}")
    context.close()
    assert unexpected == []
    assert known == set(EXCEPTIONS), "an exception no longer occurs"


@pytest.mark.long
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_focus_is_visible_enters_what_opens_and_comes_back(
    page: Page, home: str, theme: str
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    show(page, f"{home}/")
    page.keyboard.press("Tab")
    seen = 0
    while page.evaluate("document.activeElement !== document.body"):
        seen += 1
        assert seen < 80
        page.wait_for_function(f"() => ({UNMARKED})() === ''")  # after its transition
        page.keyboard.press("Tab")
    assert seen > 20

    for name in ("Code", "Export", "More"):
        button = page.get_by_role("button", name=name).first
        button.focus()
        page.keyboard.press("Enter")
        opened = page.get_by_role("dialog", name=name)
        expect(opened).to_be_focused()
        opened.locator("a[href], button, input, [tabindex='0']").first.wait_for()
        page.keyboard.press("Tab")
        assert page.evaluate("!!document.activeElement.closest('[role=dialog]')")
        page.keyboard.press("Escape")
        expect(button).to_be_focused()

    fold = page.locator("summary", has_text="Learning rate over the run")
    fold.focus()
    page.keyboard.press("Enter")
    expect(page.locator("details[open]")).to_have_count(1)
    expect(fold).to_be_focused()


def test_a_block_that_is_trained_or_frozen_by_keyboard_keeps_the_focus(
    page: Page, home: str
) -> None:
    show(page, f"{home}/")
    page.get_by_role("combobox", name="Part").focus()
    page.keyboard.type("layer 5")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Train layer 5").focus()
    for pressed in ("Freeze layer 5", "Train layer 5"):
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name=pressed)).to_be_focused()
        settle(page)

    show(page, f"{home}/plan")
    page.locator(".st-key-plan_blocks button", has_text="layer 5").focus()
    for sign in ("▲", "❄"):
        page.keyboard.press("Space")
        expect(
            page.locator(".st-key-plan_blocks button", has_text=re.compile(f"{sign}.*layer 5"))
        ).to_be_focused()
        settle(page)


def test_nothing_moves_for_readers_who_prefer_reduced_motion(page: Page, home: str) -> None:
    longest = """() => Math.max(...[...document.querySelectorAll('body, body *')].flatMap((each) =>
      [null, '::before', '::after'].flatMap((part) => {
        const { transitionDuration, animationDuration } = getComputedStyle(each, part);
        return [transitionDuration, animationDuration].flatMap((all) =>
          all.split(', ').map(parseFloat));
      })))"""
    show(page, f"{home}/compare")
    page.locator(".modebar").first.wait_for(state="attached")
    assert page.evaluate(longest) >= 0.3  # seconds: the buttons of a figure fade in
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(longest) <= 0.00001
