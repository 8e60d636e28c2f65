"""The chapters of the guide: text, scenarios, sources and links to the claims."""

from collections.abc import Sequence
from functools import cache

import streamlit as st

from mtl_core.analysis.words import learning_words
from mtl_core.charts.guide_pictures import phases_svg
from mtl_core.charts.theme import Palette, palette
from mtl_core.engine.lab import the_lab
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.titles import scenario_phrase
from mtl_core.lessons.chapters import CHAPTERS, GuideChapter
from mtl_core.lessons.claim import Chapter
from mtl_core.lessons.decisions import TITLE
from mtl_core.lessons.scenario_lessons import lesson
from mtl_core.lessons.sources import Source
from mtl_core.lessons.verdict_text import SIGNS
from mtl_core.models.catalogue import EMBEDDED
from mtl_core.tasks.dataset import SAMPLE
from mtl_core.text import counted
from mtl_core.ui.glossary.words import glossary_view
from mtl_core.ui.guide.decisions import DECISIONS_PART
from mtl_core.ui.guide.guesses import is_revealed
from mtl_core.ui.guide.verdicts import ClaimState
from mtl_core.ui.shared.keys import Key, claim_key
from mtl_core.ui.shared.page import plain, wide_columns

CLAIMS_PART, TEXT_PART = "Claims", "Text"
_LEGEND = (
    "▲ orange: trained, paler at a lower learning rate · ❄︎ blue: frozen · one column per phase"
)


def chapters_view(states: Sequence[ClaimState], colors: Palette) -> None:
    """Draw every chapter in an expander, with its text, scenarios and claims.

    Only the first is open: all chapters together are ten screens long on a phone.
    """
    expanded = st.toggle("Expand all chapters", key=Key.ALL_TEXT)
    key = claim_key("all_words" if expanded else "words", "glossary")
    with st.expander("**Words**", expanded=expanded, key=key):
        glossary_view()
    for place, chapter in enumerate(CHAPTERS):
        with st.expander(
            f"**{chapter.title}**",
            expanded=expanded or place == 0,
            key=claim_key("all_words_of" if expanded else "words_of", chapter.chapter),
        ):
            words, beside = wide_columns(chapter.chapter, [7, 6], "large")
            with words:
                _words(chapter)
            with beside:
                _scenarios(chapter, colors)
                _claims(chapter, [s for s in states if s.claim.chapter is chapter.chapter])


def _words(chapter: GuideChapter) -> None:
    for paragraph in chapter.paragraphs:
        st.markdown(paragraph)
    if chapter.steps:
        st.markdown("\n".join(f"{n}. {step}" for n, step in enumerate(chapter.steps, start=1)))
    if chapter.chapter is Chapter.EVIDENCE:
        st.button(
            TITLE,
            key=Key.TO_DECISIONS,
            type="tertiary",
            icon=":material/arrow_forward:",
            on_click=_show_decisions,
        )
    if chapter.sources:
        st.caption(" · ".join(_link(source) for source in chapter.sources))


def _scenarios(chapter: GuideChapter, colors: Palette) -> None:
    _pictures(chapter.scenarios, colors)
    for scenario in chapter.scenarios:
        _scenario(chapter, scenario)


def _claims(chapter: GuideChapter, states: Sequence[ClaimState]) -> None:
    """The claims of the chapter, with the verdicts that the reader has revealed."""
    if not states:
        return
    lines = [f"{_sign(state)} {plain(state.claim.sentence)}" for state in states]
    count = counted(len(states), "claim")
    with st.container(gap="xsmall"):
        st.markdown("  \n".join(f":small[{line}]" for line in lines))
        st.button(
            f"Show {count}",
            key=claim_key("claims_of", chapter.chapter),
            type="tertiary",
            icon=":material/arrow_forward:",
            on_click=_show_claims,
            args=(chapter.chapter.value,),
        )


def _sign(state: ClaimState) -> str:
    return SIGNS[state.finding.verdict] if is_revealed(state) else ":gray[?]"


def _pictures(scenarios: Sequence[str], colors: Palette) -> None:
    """Pictures of what each scenario trains."""
    if not scenarios:
        return
    with st.container(horizontal=True, gap="medium"):
        for scenario in scenarios:
            svg, width, description = _picture(scenario, colors.name)
            st.image(svg, width=width, caption=scenario_phrase(scenario), alt=description)
    st.caption(_LEGEND)


@cache
def _picture(scenario: str, theme: str) -> tuple[str, int, str]:
    """A scenario on the checkpoint of the claims: picture, width in pixels, alternative text."""
    model = the_lab().model_description(EMBEDDED, the_lab().data.dataset(SAMPLE).tasks)
    tables = parameter_tables(scenario_plan(scenario, model), model)
    svg, width = phases_svg(tables, palette(theme))
    learn = "; ".join(learning_words(table) for table in tables)
    return svg, width, f"Trained in each phase: {learn}"


def _scenario(chapter: GuideChapter, scenario: str) -> None:
    """The lesson on a scenario in a closed expander, with a link to its parameter table."""
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


def _show_decisions() -> None:
    st.session_state[Key.GUIDE_PART] = DECISIONS_PART


def _link(source: Source) -> str:
    return f"[{source.short}]({source.url})"
