"""Show how the tokenizers on this machine split words into tokens."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import streamlit as st

from mtl_core.engine.lab import the_lab
from mtl_core.errors import DamagedCheckpoint
from mtl_core.models.catalogue import catalogue
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.word_pieces import SplitWord
from mtl_core.tasks.tokenizer_file import tokenizer_file
from mtl_core.text import counted
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.page import plain
from mtl_core.ui.shared.resolved_choice import ResolvedChoice

Groups = Mapping[str, tuple[str, ...]]

MOST_WORDS = 12
LONGEST_WORD = 40
LONGEST_TEXT = 400

EXAMPLE_WORDS = {
    "General": ("unforgettable", "doomscrolling"),
    "Biomedical": ("acetylcholinesterase", "thrombocytopenia"),
    "Legal": ("estoppel", "indemnification"),
    "Names": ("Reykjavík", "Wojciechowska"),
}
"""Words that tokenizers split differently, by kind of text."""

_SEPARATORS = re.compile(r"[\s,;]+")
_MOST_SHOWN = 4  # tokenizers shown side by side; others are only named


def tokenizer_view(chosen: ResolvedChoice) -> None:
    """Draw the example words and the visitor's words as split by each available tokenizer."""
    known = [resolve_checkpoint(entry.name, the_lab().access) for entry in catalogue()]
    available, missing = _by_availability(chosen.checkpoint, known)
    text = str(st.session_state.get(Key.OWN_WORDS) or "")
    own, notes = words_from(text)
    groups = {"Your own words": own, **EXAMPLE_WORDS} if own else EXAMPLE_WORDS
    with st.container(gap=None):
        st.markdown(f"## {plain(_finding(available, groups))}")
        st.caption(
            "Each box is one token. A word that is split into many tokens was rare in the texts "
            "that the tokenizer was built from, so the layers have to combine its parts."
        )
    st.text_input(
        "Your own words",
        key=Key.OWN_WORDS,
        max_chars=LONGEST_TEXT,
        placeholder="Enter words of your texts, such as names and technical terms",
        label_visibility="collapsed",
    )
    for note in notes:
        st.caption(note)
    with st.grid(min(2, max(1, len(available))), min_column_width=300, gap="medium"):
        for checkpoint in available[:_MOST_SHOWN]:
            with st.container(gap="xsmall"):
                _tokenized_words(checkpoint, groups, with_name=len(available) > 1)
    _other_tokenizers(missing, [each.name for each in available[_MOST_SHOWN:]])


def words_from(text: str) -> tuple[tuple[str, ...], list[str]]:
    """Split `text` into unique words; also return notes about words that were left out.

    Words are separated by whitespace, commas and semicolons. At most `MOST_WORDS` words of up to
    `LONGEST_WORD` characters are returned, without unprintable characters.
    """
    notes = []
    if len(text) > LONGEST_TEXT:
        notes.append(f"Only the first {LONGEST_TEXT} characters were read.")
    words_or_blanks = _SEPARATORS.split(text[:LONGEST_TEXT])
    printable = ("".join(filter(str.isprintable, word)) for word in words_or_blanks)
    words = list(dict.fromkeys(filter(None, printable)))
    short = [word for word in words if len(word) <= LONGEST_WORD]
    if len(short) < len(words):
        notes.append(f"A word of more than {LONGEST_WORD} characters was left out.")
    if len(short) > MOST_WORDS:
        notes.append(f"The first {MOST_WORDS} of {len(short)} words are shown.")
    return tuple(short[:MOST_WORDS]), notes


def split_finding(name: str, words: Iterable[SplitWord]) -> str:
    """A sentence about the word with the most tokens."""
    most = max(words, key=lambda word: len(word.pieces))
    return f"{name} splits “{most.word}” into {counted(len(most.pieces), 'token')}"


def _by_availability(
    chosen: Checkpoint, known: Sequence[Checkpoint]
) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Checkpoints with a tokenizer on this machine, the selected one first; and those without."""
    others = [each for each in known if each.entry != chosen.entry]
    every = [chosen, *others]
    available = [each for each in every if tokenizer_file(each.folder)]
    return available, [each for each in every if each not in available]


def _finding(available: Sequence[Checkpoint], groups: Groups) -> str:
    for checkpoint in available:
        if words := _split_all(checkpoint, groups):
            return split_finding(checkpoint.name, words)
    return "How tokenizers split words"


def _tokenized_words(checkpoint: Checkpoint, groups: Groups, with_name: bool) -> None:
    if with_name:
        st.markdown(f"**{plain(checkpoint.name)}**")
    split = _split_all(checkpoint, groups)
    if split is None:
        st.error(f"The tokenizer.json of {plain(checkpoint.name)} cannot be read.")
        return
    lines = map(_tokens_line, split)
    st.markdown(
        "\n\n".join(
            "  \n".join([f":small[:gray[{title}]]", *islice(lines, len(words))])
            for title, words in groups.items()
        )
    )


def _split_all(checkpoint: Checkpoint, groups: Groups) -> tuple[SplitWord, ...] | None:
    """Split all words of all groups, in order; None if the tokenizer cannot be read."""
    words = tuple(word for group in groups.values() for word in group)
    try:
        return the_lab().data.split_words(words, checkpoint)
    except DamagedCheckpoint:
        return None


def _tokens_line(word: SplitWord) -> str:
    """The tokens of a word as badges, and their number."""
    badges = " ".join(f":gray-badge[{_text(piece)}]" for piece in word.pieces)
    unknown = ", with an unknown token" if word.unknown else ""
    return f"{badges} :small[:gray[{counted(len(word.pieces), 'token')}{unknown}]]"


def _text(piece: str) -> str:
    return plain(piece).replace("&", "&amp;")


def _other_tokenizers(missing: Sequence[Checkpoint], not_shown: Sequence[str]) -> None:
    if missing:
        names = plain(", ".join(each.name for each in missing))
        st.caption(
            f"The tokenizers of these checkpoints are not on this machine: {names}. Download one "
            "with the command on its card. If its repository has no tokenizer.json, "
            "`AutoTokenizer.from_pretrained(…).save_pretrained(FOLDER)` creates one."
        )
    if not_shown:
        st.caption(
            f"Also available: {plain(', '.join(not_shown))}. The checkpoint selected on the Freeze "
            "page is shown first."
        )
