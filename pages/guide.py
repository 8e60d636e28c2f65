"""Guide: chapters on freezing, claims with the runs that test them, and how plans are judged."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.lessons.decisions import TITLE
from mtl_core.lessons.verdict_text import guide_headline
from mtl_core.ui.guide.chapters import CLAIMS_PART, TEXT_PART, chapters_view
from mtl_core.ui.guide.claim_test import progress_of_tests, show_test_problem
from mtl_core.ui.guide.claims import claim_filters, claims_by_chapter, claims_picture
from mtl_core.ui.guide.decisions import DECISIONS_PART, decisions_facts, decisions_view
from mtl_core.ui.guide.guesses import read_guesses, write_guesses
from mtl_core.ui.guide.verdicts import guide_facts, guide_state
from mtl_core.ui.shared.choice import current_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, header, require_app_entry
from mtl_core.ui.shared.shot import frame, picture_popover, taking_shot

require_app_entry()
current_choice()
read_guesses()
lab, colors = the_lab(), current_palette()
guide = guide_state(lab)
chosen = st.session_state.get(Key.GUIDE_PART) or st.query_params.get(Key.GUIDE_PART)
shows_decisions = chosen == DECISIONS_PART

answer, facts = TITLE, decisions_facts()
if not shows_decisions:
    answer = guide_headline(state.finding.verdict for state in guide.claims)
    facts = guide_facts(guide)

if taking_shot():
    with frame():
        header(answer, facts, buttons=1)
        if shows_decisions:
            decisions_view(colors)
        else:
            claims_picture(lab, guide, colors)
    st.stop()
with header(answer, facts, buttons=3):
    part = st.segmented_control(
        "Part",
        [TEXT_PART, CLAIMS_PART, DECISIONS_PART],
        key=Key.GUIDE_PART,
        bind="query-params",
        default=TEXT_PART,
        required=True,
        label_visibility="collapsed",
    )
    picture_popover()
show_test_problem()
if guide.active:
    progress_of_tests(lab, guide.active)

if part == TEXT_PART:
    chapters_view(guide.claims, colors)
elif part == DECISIONS_PART:
    decisions_view(colors)
else:
    claims_by_chapter(lab, guide, claim_filters(guide.claims), colors)
write_guesses()
