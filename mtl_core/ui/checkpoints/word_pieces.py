"""How the tokenizers that are on this machine cut words into pieces."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

import streamlit as st

from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.word_pieces import SplitWord, split_into_pieces
from mtl_core.settings import NO_FILE
from mtl_core.tasks.tokenizer_file import tokenizer_file
from mtl_core.ui.checkpoints.texts import (
    EXAMPLE_WORDS,
    LONGEST_TEXT,
    cuts_finding,
    pieces,
    words_from,
)
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

Groups = Mapping[str, tuple[str, ...]]

_MOST_SHOWN = 4  # tokenizers beside one another; further ones are named


def word_cuts(chosen: ResolvedChoice) -> None:
    """The example words and the visitor's own, cut by each tokenizer here; the rest is named."""
    known = [resolve_checkpoint(entry.name, NO_FILE) for entry in catalogue()]
    here, missing = _here(chosen.checkpoint, known)
    typed = str(st.session_state.get(Key.OWN_WORDS) or "")
    own, notes = words_from(typed)
    groups = {"Your own": own, **EXAMPLE_WORDS} if own else EXAMPLE_WORDS
    with st.container(gap=None):
        st.markdown(f"### {plain(_finding(here, groups))}")
        st.caption(
            "Each piece is one token. Words that fall into many pieces are words a checkpoint has "
            "seldom read, and its layers must put them together again."
        )
    st.text_input(
        "Your own words",
        key=Key.OWN_WORDS,
        max_chars=LONGEST_TEXT,
        placeholder="Your own words, such as names and terms of your texts",
        label_visibility="collapsed",
    )
    for note in notes:
        st.caption(note)
    with st.grid(min(2, max(1, len(here))), min_column_width=300, gap="medium"):
        for checkpoint in here[:_MOST_SHOWN]:
            with st.container(gap="xsmall"):
                _cut_by(checkpoint, groups, named=len(here) > 1)
    _not_here(missing, [each.name for each in here[_MOST_SHOWN:]])


def _here(
    chosen: Checkpoint, known: Sequence[Checkpoint]
) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Those with a tokenizer on this machine, the chosen one first; and those without."""
    others = [each for each in known if each.entry != chosen.entry]
    every = [chosen, *others]
    here = [each for each in every if tokenizer_file(each.folder)]
    return here, [each for each in every if each not in here]


def _finding(here: Sequence[Checkpoint], groups: Groups) -> str:
    for checkpoint in here:
        if cuts := _cuts_of(checkpoint, groups):
            return cuts_finding(checkpoint.name, cuts)
    return "How words are cut into pieces"


def _cut_by(checkpoint: Checkpoint, groups: Groups, named: bool) -> None:
    if named:
        st.markdown(f"**{plain(checkpoint.name)}**")
    cuts = _cuts_of(checkpoint, groups)
    if cuts is None:
        st.error(f"The tokenizer.json of {plain(checkpoint.name)} cannot be read.")
        return
    marked = map(_marked, cuts)
    st.markdown(
        "\n\n".join(
            "  \n".join([f":small[:gray[{title}]]", *islice(marked, len(words))])
            for title, words in groups.items()
        )
    )


def _cuts_of(checkpoint: Checkpoint, groups: Groups) -> tuple[SplitWord, ...] | None:
    """All words of all groups, in order, by one reading of the tokenizer."""
    words = tuple(word for group in groups.values() for word in group)
    return _cuts(checkpoint.name, checkpoint.folder, words, checkpoint)


@st.cache_data(ttl=30, max_entries=128, show_spinner=False)
def _cuts(
    name: str,  # noqa: ARG001 — part of the cache's key, as is the folder
    folder: Path | None,  # noqa: ARG001
    words: tuple[str, ...],
    _checkpoint: Checkpoint,
) -> tuple[SplitWord, ...] | None:
    try:
        return split_into_pieces(words, _checkpoint)
    except DamagedCheckpoint:
        return None


def _marked(cut: SplitWord) -> str:
    """A word as its pieces, each in a frame of its own, and how many they are."""
    shown = " ".join(f":gray-badge[{_text(piece)}]" for piece in cut.pieces)
    of_them = "" if len(cut.pieces) == 1 else "one of them "
    unknown = f", {of_them}unknown to it" if cut.unknown else ""
    return f"{shown} :small[:gray[{pieces(cut)}{unknown}]]"


def _text(piece: str) -> str:
    return plain(piece).replace("&", "&amp;")


def _not_here(missing: Sequence[Checkpoint], left_over: Sequence[str]) -> None:
    if missing:
        names = plain(", ".join(each.name for each in missing))
        st.caption(
            f"Not cut here, because no tokenizer.json of theirs is on this machine: {names}. “Get "
            "it” on a card tells how; where a repository has none, "
            "`AutoTokenizer.from_pretrained(…).save_pretrained(FOLDER)` writes one."
        )
    if left_over:
        st.caption(
            f"Here too: {plain(', '.join(left_over))}. Choose one on Freeze to see it first."
        )
