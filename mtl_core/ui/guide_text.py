"""The guide's chapters: words, scenarios, sources, and the way to each chapter's claims."""

from collections.abc import Sequence

import streamlit as st

from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.guide_chapter import GuideChapter
from mtl_core.lessons.scenarios import lesson
from mtl_core.lessons.sources import Source
from mtl_core.lessons.titles import scenario_phrase
from mtl_core.ui.guide_verdicts import ClaimState
from mtl_core.ui.keys import Key, claim_key
from mtl_core.ui.page import plain

CLAIMS_PART, TEXT_PART = "Claims", "Text"


def chapters_view(states: Sequence[ClaimState]) -> None:
    """Every chapter, two beside each other where there is room."""
    with st.grid(2, min_column_width=330, gap="medium"):
        for chapter in CHAPTERS:
            with st.container(border=True, gap="small"):
                _chapter(chapter, [s for s in states if s.claim.chapter is chapter.chapter])


def _chapter(chapter: GuideChapter, states: Sequence[ClaimState]) -> None:
    st.markdown(f"### {chapter.title}")
    for paragraph in chapter.paragraphs:
        st.markdown(paragraph)
    if chapter.steps:
        st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(chapter.steps, start=1)))
    if chapter.sources:
        st.caption(" · ".join(_link(source) for source in chapter.sources))
    for scenario in chapter.scenarios:
        _scenario(chapter, scenario)
    if states:
        count = "1 claim" if len(states) == 1 else f"{len(states)} claims"
        st.button(
            f"{count} to test",
            key=claim_key("claims_of", chapter.chapter),
            type="tertiary",
            icon=":material/arrow_forward:",
            on_click=_show_claims,
            args=(chapter.chapter.value,),
        )


def _scenario(chapter: GuideChapter, scenario: str) -> None:
    """The lesson of a scenario, folded, with the way to its table."""
    words = lesson(scenario)
    phrase = scenario_phrase(scenario)
    with st.expander(plain(phrase[:1].upper() + phrase[1:])):
        st.markdown(f"**What it means.** {words.means}")
        st.markdown(f"**What it implies.** {words.implies}")
        st.markdown(f"**When to use it.** {words.when}")
        if words.sources:
            st.caption(" · ".join(_link(source) for source in words.sources))
        if st.button(
            "See what it freezes",
            key=claim_key(f"freeze_{chapter.chapter}", scenario),
            type="tertiary",
            icon=":material/ac_unit:",
        ):
            st.switch_page("pages/freeze.py", query_params={"scenario": scenario})


def _show_claims(chapter: str) -> None:
    st.session_state[Key.GUIDE_PART] = CLAIMS_PART
    st.session_state[Key.CHAPTER] = chapter


def _link(source: Source) -> str:
    return f"[{source.short}]({source.url})"
