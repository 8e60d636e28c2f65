"""Checkpoints: the use, size, cost and tokenizer of each checkpoint in the catalogue."""

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.models.facts import checkpoint_facts
from mtl_core.ui.checkpoints.cards import (
    checkpoint_cards,
    checkpoints_headline,
    freeze_chosen_button,
    parameters_picture,
)
from mtl_core.ui.checkpoints.word_pieces import tokenizer_view
from mtl_core.ui.shared.choice import ignored_notes, write_address
from mtl_core.ui.shared.page import (
    current_palette,
    header,
    plain,
    require_app_entry,
    show_ignored,
    wide_columns,
)
from mtl_core.ui.shared.resolved_choice import resolve_choice
from mtl_core.ui.shared.shot import frame, picture_popover, taking_shot

require_app_entry()
lab = the_lab()
chosen, colors = resolve_choice(lab), current_palette()
known = checkpoint_facts(lab.access)
ready = sum(facts.weights_here for facts in known)

page_facts = [
    f"{len(known)} checkpoints",
    f"{ready} ready to train on this machine",
    "sizes of the encoder in float32",
    f"selected: {plain(chosen.checkpoint.name)}",
]
if taking_shot():
    with frame():
        header(plain(checkpoints_headline(known)), page_facts, buttons=1)
        parameters_picture(known, chosen, colors)
    st.stop()
with header(plain(checkpoints_headline(known)), page_facts, buttons=2):
    picture_popover()
    freeze_chosen_button(chosen, colors)
show_ignored(ignored_notes())

left, right = wide_columns("checkpoints", [6, 7])
with left:
    parameters_picture(known, chosen, colors)
with right:
    tokenizer_view(chosen)
checkpoint_cards(lab, known, chosen)
write_address(chosen.choice)
