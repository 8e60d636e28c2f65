"""The claims of the guide: filters and one card per claim; a guess reveals the verdict."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.charts.guide_pictures import EFFECT_WIDTH, effect_svg
from mtl_core.charts.theme import Palette
from mtl_core.engine.lab import Lab
from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.verdict_text import (
    basis_text,
    effect_text,
    interval_text,
    p_value_text,
    power_text,
    published_in_short,
)
from mtl_core.text import capitalized, counted
from mtl_core.ui.guide.claim_test import test_button
from mtl_core.ui.guide.guesses import (
    Guess,
    guesses,
    is_revealed,
    score_words,
    store_guess,
    was_right,
)
from mtl_core.ui.guide.verdicts import ClaimState, GuideState
from mtl_core.ui.shared.keys import Key, claim_key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.shot import taking_shot, tooltip

_BADGES = {
    ClaimVerdict.HOLDS: ("holds", ":material/check:", "green"),
    ClaimVerdict.DOES_NOT_HOLD: ("does not hold", ":material/close:", "red"),
    ClaimVerdict.UNDECIDED: ("undecided", ":material/question_mark:", "gray"),
    ClaimVerdict.OPEN: ("not tested here", ":material/circle:", "gray"),
}
_ALL, _TO_GUESS = "all", "to guess"
_LEGEND = (
    "● measured, with 95 % interval · ◇ published · │ no effect; values to its right support the "
    "claim · ┊ bar · shaded: margin. A claim **holds** if its whole interval is above the bar. "
    "Otherwise it **does not hold** if the whole interval is below the upper end of the margin. "
    "The rest is **undecided**, and so are claims about preventing a loss if there was none."
)
_COLUMNS = (1.35, 4.0, 2.45, 1.85, 1.35)
_COLUMNS_TO_GUESS = (1.35, 4.0, 4.3, 1.35)
_EVERY_CHAPTER = "all chapters"
_OPEN_CLAIMS = 6  # fills a screen; the following chapters are closed at first


def claim_filters(states: Sequence[ClaimState]) -> list[ClaimState]:
    """Draw the filters and return the matching claims.

    Claims whose verdict is hidden are counted as "to guess".
    """
    groups = {state.claim.id: _group(state) for state in states}
    counts = Counter(groups.values())
    options = [_ALL, *(name for name in (_TO_GUESS, *ClaimVerdict) if counts[name])]
    _forget_unknown(Key.VERDICTS, options)
    titles = {_EVERY_CHAPTER: "All chapters", **{c.chapter.value: c.title for c in CHAPTERS}}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = st.pills(
            "Verdicts",
            options,
            key=Key.VERDICTS,
            default=_ALL,
            format_func=lambda name: f"{name} {counts.get(name, len(states))}",
            label_visibility="collapsed",
            wrap=True,
        )
        _forget_unknown(Key.CHAPTER, list(titles))
        chapter = st.selectbox(
            "Chapter",
            list(titles),
            key=Key.CHAPTER,
            format_func=lambda name: titles.get(name, name),
            label_visibility="collapsed",
            width=260,
        )
        st.toggle("Show all verdicts", key=Key.ALL_VERDICTS)
    shown = any(is_revealed(s) and s.finding.verdict is not ClaimVerdict.OPEN for s in states)
    legend = f" {_LEGEND}" if shown else ""
    st.caption(f"{score_words(states)}{legend}")
    return [
        state
        for state in states
        if chosen in (None, _ALL, groups[state.claim.id])
        and chapter in (None, _EVERY_CHAPTER, state.claim.chapter.value)
    ]


def claims_by_chapter(
    lab: Lab, guide: GuideState, shown: Sequence[ClaimState], colors: Palette
) -> None:
    """Draw the claims in one expander per chapter.

    The first chapters are open; all are open if a filter is active.
    """
    chapters = [
        (chapter, states)
        for chapter in CHAPTERS
        if (states := [s for s in shown if s.claim.chapter is chapter.chapter])
    ]
    filtered, before = len(shown) < len(guide.claims), 0
    for chapter, states in chapters:
        count = counted(len(states), "claim")
        with (
            st.expander(
                f"**{chapter.title}** · {count}",
                expanded=filtered or before < _OPEN_CLAIMS,
                # with a single key, the browser would keep expanders closed
                key=claim_key("found_in" if filtered else "chapter", chapter.chapter),
                type="compact",
            )
            if len(chapters) > 1
            else st.container()
        ):
            for state in states:
                claim_card(lab, guide, state, colors)
        before += len(states)


def claims_picture(lab: Lab, guide: GuideState, colors: Palette) -> None:
    """All claims with verdicts and without controls, for a screenshot."""
    st.caption(_LEGEND)
    for state in guide.claims:
        claim_card(lab, guide, state, colors)


def claim_card(lab: Lab, guide: GuideState, state: ClaimState, colors: Palette) -> None:
    """Draw one claim: verdict or guess, method, effect, interval, links to runs and a test."""
    revealed = taking_shot() or is_revealed(state)
    with st.container(border=True, key=claim_key("claim", state.claim.id)):
        badge, words, effect, *strip, actions = st.columns(
            _COLUMNS if revealed else _COLUMNS_TO_GUESS, gap="small", vertical_alignment="center"
        )
        with badge:
            _badge(state, revealed)
        with words, st.container(gap=None):
            st.markdown(f"**{plain(state.claim.sentence)}**")
            st.caption(
                plain(f"{state.claim.tested}. Control: {state.claim.control}.")
                + _afterwards(state, revealed)
            )
        with effect, st.container(gap=None):
            if revealed:
                _effect(state)
            else:
                _guess(state)
        for place in strip:
            with place:
                _strip(state, colors)
        if taking_shot():
            return
        with actions, st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            _runs_link(state)
            test_button(lab, guide, state)


def _group(state: ClaimState) -> str:
    return state.finding.verdict if is_revealed(state) else _TO_GUESS


def _badge(state: ClaimState, revealed: bool) -> None:
    if not revealed:
        st.badge("guess first", icon=":material/help:", color="gray")
        return
    label, icon, color = _BADGES[state.finding.verdict]
    st.badge(label, icon=icon, color=color)  # type: ignore[arg-type]


def _afterwards(state: ClaimState, revealed: bool) -> str:
    """The lines under a revealed claim: the guess, the local verdict and the detail."""
    if not revealed:
        return ""
    lines = []
    if (right := was_right(state)) is not None:
        guess = guesses()[state.claim.id]
        lines.append(f"Your guess “{guess}” is {'right' if right else 'wrong'}.")
    if state.local is not None:
        numbers = f", {_numbers(state.local)}" if state.local.effect is not None else ""
        lines.append(f"Tested on this machine: **{state.local.verdict}**{numbers}.")
    if state.finding.remark:
        lines.append(plain(capitalized(state.finding.remark)) + ".")
    return "".join(f"  \n{line}" for line in lines)


def _effect(state: ClaimState) -> None:
    if state.finding.verdict is ClaimVerdict.OPEN:
        weights = f"The weights of {', '.join(state.missing)} are not on this machine"
        some = "Some of its runs are missing" if state.comparison else "No runs yet"
        why = weights if state.missing else some
        st.caption(plain(why))
        if state.missing and not taking_shot():
            st.page_link(
                "pages/checkpoints.py", label="How to download them", icon=":material/download:"
            )
    else:
        finding = state.finding
        if finding.effect is not None:
            interval = plain(interval_text(finding))
            st.markdown(f"**{plain(effect_text(finding))}** :gray[{interval}]")
        shared = f", seconds{state.shared}" if state.shared else ""
        st.caption(plain(f"{basis_text(finding)}{shared}"))
        if words := _level(state):
            st.caption(plain(words))
    text, published = plain(published_in_short(state.claim)), state.claim.published
    st.caption(
        f"◇ [{text}]({published.source.url})" if published else text,
        help=tooltip(plain(published.text) if published and published.effect is not None else None),
    )


def _level(state: ClaimState) -> str:
    """The p-value, Holm's adjustment and the planned power of a claim; empty for an exact one."""
    if state.adjusted is None:
        return ""
    return f"{p_value_text(state.finding, state.adjusted)}; {power_text(state.claim)}"


def _numbers(finding: Finding) -> str:
    interval = interval_text(finding)
    return plain(effect_text(finding) + (f" ({interval})" if interval else ""))


def _guess(state: ClaimState) -> None:
    st.pills(
        "What do you expect?",
        list(Guess),
        key=claim_key("guess", state.claim.id),
        on_change=store_guess,
        args=(state.claim.id,),
        wrap=True,
    )


def _strip(state: ClaimState, colors: Palette) -> None:
    published = state.claim.published.effect if state.claim.published else None
    if (svg := effect_svg(state.finding, published, colors)) is not None:
        description = f"Effect {effect_text(state.finding)}, {interval_text(state.finding)}"
        st.image(svg, width=EFFECT_WIDTH, alt=description.removesuffix(", "))


def _runs_link(state: ClaimState) -> None:
    if state.comparison is not None:
        st.page_link(
            "pages/compare.py",
            label="Runs",
            icon=":material/arrow_forward:",
            icon_position="right",
            query_params={Key.COMPARISON.value: state.comparison},
        )


def _forget_unknown(key: Key, options: Sequence[str]) -> None:
    """Reset a widget whose stored value is no longer an option."""
    if key in st.session_state and st.session_state[key] not in options:
        del st.session_state[key]
