from mtl_core.ui.checkpoints.cards import short_name
from mtl_core.ui.checkpoints.word_pieces import LONGEST_TEXT, words_from


def test_words_stand_between_blanks_commas_and_semicolons_each_once() -> None:
    assert words_from(" estoppel, lien;tort\n lien ") == (("estoppel", "lien", "tort"), [])


def test_nothing_typed_is_no_words() -> None:
    assert words_from(" ,; ") == ((), [])


def test_signs_that_cannot_be_printed_are_dropped() -> None:
    assert words_from("a\u200bb \x00") == (("ab",), [])


def test_a_text_that_is_too_long_is_cut_and_the_notes_say_so() -> None:
    words, notes = words_from("ab " * LONGEST_TEXT)
    assert words == ("ab", "a")
    assert notes == [f"Only the first {LONGEST_TEXT} characters were read."]


def test_a_long_name_is_cut_to_what_a_button_holds() -> None:
    assert short_name("biobert") == "biobert"
    assert short_name("x" * 50) == "x" * 32 + "…"
