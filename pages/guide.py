"""Guide: chapters on freezing, and claims with the runs that test them."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.lessons.verdict_text import guide_headline
from mtl_core.ui.guide.chapters import CLAIMS_PART, TEXT_PART, chapters_view
from mtl_core.ui.guide.claim_test import progress_of_tests, show_test_problem
from mtl_core.ui.guide.claims import claim_filters, claims_by_chapter, claims_picture
from mtl_core.ui.guide.verdicts import guide_facts, guide_state
from mtl_core.ui.shared.choice import current_choice
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import current_palette, header, require_app_entry
from mtl_core.ui.shared.shot import frame, picture_popover, taking_shot

require_app_entry()
current_choice()
lab, colors = the_lab(), current_palette()
guide = guide_state(lab)

answer = guide_headline(state.finding.verdict for state in guide.claims)

if taking_shot():
    with frame():
        header(answer, guide_facts(guide), buttons=1)
        claims_picture(lab, guide, colors)
    st.stop()
with header(answer, guide_facts(guide), buttons=2):
    part = st.segmented_control(
        "Part",
        [CLAIMS_PART, TEXT_PART],
        key=Key.GUIDE_PART,
        default=CLAIMS_PART,
        label_visibility="collapsed",
    )
    picture_popover()
show_test_problem()
if guide.active:
    progress_of_tests(lab, guide.active)

if part == TEXT_PART:
    chapters_view(guide.claims, colors)
else:
    claims_by_chapter(lab, guide, claim_filters(guide.claims), colors)
