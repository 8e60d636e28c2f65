"""The note as HTML and as Markdown: whole, offline, and with nothing in it taken for markup."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.export.html import as_html
from mtl_core.export.markdown import as_markdown, escape_markdown
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.report.load import Report
from mtl_core.report.note import note_of
from mtl_core.store.runs import RunStore
from mtl_core.training.events import RunEvent
from tests.chain_story import HEADS_SCORES, TOP_SCORES, stage_story
from tests.export.finished_run import finished
from tests.run_story import Story

Read = Callable[..., Report]
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ATTACK = "</script><script>alert(1)</script>"
LOADING = ("src", "href", "srcset", "action", "data", "poster", "xlink:href")


class Page(HTMLParser):
    """What a browser would make of the page: its elements, and the text inside some of them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def html_of(report: Report) -> str:
    return as_html(note_of(report, NOW))


def test_the_title_is_the_answer_and_the_facts_follow(read: Read, pair: tuple[str, str]) -> None:
    page = Page(html_of(read(*pair)))
    answer = "Sentiment: top layer is highest (not tested). NER: top layer is highest (not tested)"
    assert page.texts["h1"] == [answer]
    assert page.texts["title"][0] == answer
    facts = "2 runs · minilm-l6 · data: sample (80 + 80 sentences) · 1 epoch · batches of 16"
    assert any(text.startswith(facts) for text in page.texts["p"])
    assert page.texts["h2"] == [
        "Result",
        "Contents",
        "Quality and cost",
        "Scores and costs",
        "Losses",
        "Trained parts and how far they moved",
        "Trained layers and the path of the gradient",
        "Differences between the plans",
        "Proof that frozen tensors did not change",
        "The runs",
        "Repeat the runs",
        "Environment",
    ]


def test_single_runs_have_differences_and_no_verdict(read: Read, pair: tuple[str, str]) -> None:
    page = Page(html_of(read(*pair)))
    for cell in ("0.700", "0.850", "not tested", "−0.150 (not tested)", "unchanged", "745 MB"):
        assert cell in page.texts["td"]
    assert any(text.startswith("Seed 1. Not tested: fewer") for text in page.texts["p"])
    assert training_loss_note() in page.texts["p"]


def test_the_accuracy_of_a_single_run_has_a_standard_error(
    read: Read, pair: tuple[str, str]
) -> None:
    page = Page(html_of(read(pair[0])))
    assert "Sentiment standard error" in page.texts["th"]
    assert {"0.700", "0.102"} <= set(page.texts["td"])


def test_nothing_is_loaded_from_anywhere(read: Read, pair: tuple[str, str]) -> None:
    page = Page(html_of(read(*pair)))
    loading = [a for _, a in page.elements if set(a) & set(LOADING)]
    assert all(set(a) & set(LOADING) == {"href"} for a in loading)
    assert all(str(a["href"]).startswith("#section-") for a in loading)  # the contents
    assert page.count("link") == page.count("img") == page.count("iframe") == 0
    (policy,) = [a["content"] for tag, a in page.elements if "http-equiv" in a]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'unsafe-inline'")
    assert "url(" not in "".join(page.texts["style"])
    assert "@import" not in "".join(page.texts["style"])


def test_each_figure_is_included_as_svg_in_both_themes(read: Read, pair: tuple[str, str]) -> None:
    page = Page(html_of(read(*pair)))
    assert page.count("figure") == 11
    assert page.count("svg") == 22
    costs = ("seconds", "peak-memory", "trained-share")
    assert [a["data-name"] for _, a in page.elements if "data-name" in a] == [
        *(f"front-{task}-{cost}" for cost in costs for task in ("1-sentiment", "2-ner")),
        *("loss-1-sentiment", "loss-2-ner", "freeze-map"),
        *(f"stack-{run}" for run in pair),
    ]


def test_the_first_page_is_the_result_and_the_contents_lead_to_the_rest(
    read: Read, pair: tuple[str, str]
) -> None:
    note = note_of(read(*pair), NOW)
    first = note.sections[0]
    assert first.title == "Result"
    assert [type(block).__name__ for block in first.blocks[:3]] == ["Figures", "Text", "Table"]
    assert [each.name for each in first.blocks[0].drawings] == [
        "front-1-sentiment-seconds",
        "front-2-ner-seconds",
    ]
    page = Page(as_html(note))
    linked = [a["href"] for tag, a in page.elements if tag == "a"]
    assert linked == [f"#section-{number + 2}" for number in range(len(note.sections) - 1)]
    ids = {a.get("id") for _, a in page.elements}
    assert {str(href).removeprefix("#") for href in linked} <= ids


def test_a_note_is_small(read: Read, pair: tuple[str, str]) -> None:
    assert len(html_of(read(*pair)).encode()) < 1_000_000


def test_a_missing_value_is_a_dash_and_never_nan(
    store: RunStore, read: Read, pair: tuple[str, str], keep: Callable[[Story], str]
) -> None:
    stopped = Story(finished("full", 0.9, 0.5).spec, [4]).start()
    report = read(*pair, keep(stopped))
    note = note_of(report, NOW)
    text = as_markdown(note, "figures")
    assert re.search(r"\bnan\b|\bNone\b|\bnull\b", text, re.IGNORECASE) is None
    assert "| full | – |" in text
    assert "not checked to the end" in text


@pytest.fixture
def attacked(store: RunStore, read: Read, keep: Callable[[Story], str]) -> Report:
    """A run whose title, tag and plan try to be markup."""
    plan = Plan(name=f"{ATTACK} | x", phases=(Phase(name="<b>one</b>", train=("heads",)),))
    honest = finished("heads-only", 0.7, 0.3)
    spec = honest.spec.model_copy(update={"plan": plan, "scenario": None})
    run = keep(Story(spec, [4]).start().evaluate(finished("full", 0.7, 0.3).events[1].tasks))
    store.rename(run, ATTACK)
    store.tag(run, ["<img src=x>", "`code`"])
    return read(run, keep(honest))


def test_user_text_is_escaped_in_html(attacked: Report) -> None:
    html = html_of(attacked)
    page = Page(html)
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert ATTACK in page.texts["td"]
    assert "<img src=x>, `code`" in page.texts["td"]
    assert html.count("alert(1)</script>") == 0


def test_user_text_is_escaped_in_markdown(attacked: Report) -> None:
    text = as_markdown(note_of(attacked, NOW), "figures")
    outside = "".join(text.split("```")[::2])
    assert "<" not in outside
    table = next(part for part in text.split("## ") if part.startswith("The runs"))
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_the_syntax_of_markdown_is_escaped() -> None:
    assert escape_markdown("a|b *c* _d_ [e](f) `g`\n# h") == (
        r"a\|b \*c\* \_d\_ \[e\](f) \`g\` \# h"
    )
    assert escape_markdown("<script>&") == "&lt;script&gt;&amp;"


def test_a_run_that_starts_from_another_shows_its_stages(
    keep: Callable[[Iterable[RunEvent]], str], read: Read
) -> None:
    first = keep(stage_story("one", "heads-only", *HEADS_SCORES))
    second = keep(stage_story("two", "freeze-head:ner", *TOP_SCORES, starts_from=first))
    text = as_markdown(note_of(read(second), NOW), "figures")
    assert "## Staged training" in text
    assert f"NER head frozen: This run is stage 2: it starts from {first}." in text
    assert re.search(r"\| 2 \| .* \| 0\.750 → 0\.875 \| 0\.500 → 0\.375, head frozen \|", text)
    assert "NER entity F1 \N{MINUS SIGN}0.125 since stage 1" in text
    assert "## Staged training" not in as_markdown(note_of(read(first), NOW), "figures")
