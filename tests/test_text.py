import pytest

from mtl_core.text import (
    bytes_text,
    capitalized,
    controlling_character,
    count_or_all,
    counted,
    listed,
    megabytes,
    numbers_text,
    percent,
    printable,
    signed,
    spreadsheet_text,
    verb,
    visible,
)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 MB"),
        (745_000_000, "745 MB"),
        (999_000_000, "999 MB"),
        (1_372_000_000, "1.37 GB"),
        (6_300_000, "6.3 MB"),
    ],
)
def test_bytes_are_in_decimal_units(size: int, text: str) -> None:
    assert bytes_text(size) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (1_837_000_000, "1,837 MB"),
        (6_300_000, "6.3 MB"),
        (9_990_000, "10 MB"),
        (18_000, "0.018 MB"),
    ],
)
def test_megabytes_keep_two_digits_below_ten(size: int, text: str) -> None:
    assert megabytes(size) == text


@pytest.mark.parametrize(
    ("share", "decimals", "text"),
    [
        (0.0, 0, "0 %"),
        (0.0, 1, "0 %"),
        (0.5, 0, "50 %"),
        (0.5, 1, "50 %"),
        (0.29, 0, "29 %"),
        (0.092, 1, "9.2 %"),
        (0.0648, 1, "6.5 %"),
        (0.004, 0, "0.4 %"),
        (2_310 / 22_715_526, 1, "0.01 %"),
        (4_614 / 109_486_854, 1, "0.004 %"),
        (1e-9, 1, "0.0000001 %"),
        (0.1234, 2, "12.34 %"),
        (0.9999, 1, "100 %"),
        (1.0, 0, "100 %"),
        (1.0, 1, "100 %"),
    ],
)
def test_a_share_above_zero_never_reads_as_zero(share: float, decimals: int, text: str) -> None:
    assert percent(share, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012, "+0.012"), (-0.31, "−0.310"), (0.0, "0"), (-0.0, "0"), (0.0001, "+0.000")],
)
def test_a_difference_has_a_sign_unless_it_is_exactly_zero(value: float, text: str) -> None:
    assert signed(value) == text


def test_numbers_in_a_row_are_shortened_from_four_on() -> None:
    texts = [numbers_text(each) for each in ((), (4,), (2, 0, 1), range(20), (0, 1, 2, 3, 7, 8))]
    assert texts == ["", "4", "0, 1, 2", "0 to 19", "0 to 3, 7, 8"]


def test_counts_agree_with_their_noun() -> None:
    assert [counted(n, "run") for n in (0, 1, 1_200)] == ["0 runs", "1 run", "1,200 runs"]
    assert [counted(n, "entity", "entities") for n in (1, 2)] == ["1 entity", "2 entities"]


def test_no_limit_reads_as_all() -> None:
    assert [count_or_all(n) for n in (None, 50, 1_200)] == ["all", "50", "1,200"]


def test_lists_read_as_in_a_sentence() -> None:
    assert [listed(list("abc")[:n]) for n in (1, 2, 3)] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("plan", "form"),
    [
        ("top layer", "ties"),
        ("top 2 layers", "tie"),
        ("bottom 3 layers, seed 2", "tie"),
        ("biases and heads (BitFit)", "tie"),
        ("discriminative rates", "tie"),
        ("heads only", "ties"),
        ("full, 2 rates tried", "ties"),
    ],
)
def test_a_verb_agrees_with_a_plans_name(plan: str, form: str) -> None:
    assert verb(plan, "ties", "tie") == form


def test_only_the_first_letter_is_capitalized() -> None:
    assert capitalized("entity F1") == "Entity F1"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        (" =1+1", "' =1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\N{FULLWIDTH EQUALS SIGN}1+1", "'\N{FULLWIDTH EQUALS SIGN}1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("-2+3+cmd|' /C calc'!D2", "'-2+3+cmd|' /C calc'!D2"),
        ('+1+HYPERLINK("x")', '\'+1+HYPERLINK("x")'),
        ("- a sentence", "'- a sentence"),
        ("+0.031 (\N{MINUS SIGN}0.01 to +0.06)", "+0.031 (\N{MINUS SIGN}0.01 to +0.06)"),
        ("a-b", "a-b"),
    ],
)
def test_a_spreadsheet_runs_no_text_as_a_formula(text: str, safe: str) -> None:
    assert spreadsheet_text(text) == safe


def test_a_page_puts_text_that_a_spreadsheet_would_run_in_quotation_marks() -> None:
    assert spreadsheet_text("+ layer 5", quoted=True) == "“+ layer 5”"
    assert spreadsheet_text("a;=1+1", quoted=True) == "a;“=1+1”"
    assert spreadsheet_text("−0.262; full", quoted=True) == "−0.262; full"


def test_control_characters_and_terminal_escapes_are_not_printed() -> None:
    given = "a\x1b[31mred\x1b[0m\u202eb\x07 \t c\x1b]0;title\x07d\u200b"
    assert printable(given) == "aredb cd"
    assert printable("a\N{ZERO WIDTH JOINER}b") == "a\N{ZERO WIDTH JOINER}b"


def test_a_sentence_is_shown_without_what_controls_a_terminal() -> None:
    assert visible("a\x1b[31m red\u202e  line\n\tnext\x07") == "a red  line\n\tnext"
    assert visible("new emoji \U0001fae8, \ue000") == "new emoji \U0001fae8, \ue000"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("B-PER", None),
        ("très bien", None),
        ("می\u200cخواهم", None),
        ("\U0001fae8 \ue000", None),
        ("a\x1b[31m", "U+001B"),
        ("a\x07", "U+0007"),
        ("a\tb", "U+0009"),
        ("\u202eevitagen", "U+202E"),
        ("a\u2066b", "U+2066"),
        ("\ufeffneg", "U+FEFF"),
        ("\x9b31m", "U+009B"),
    ],
)
def test_a_label_with_a_controlling_character_is_told_apart(text: str, found: str | None) -> None:
    assert controlling_character(text) == found
