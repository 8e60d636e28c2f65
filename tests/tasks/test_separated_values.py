"""Quotation marks, separators and line ends of tables: read as written, or refused."""

import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.lines import DataFile, read_lines
from mtl_core.tasks.sentence_files import SentenceFile, read_sentences
from mtl_core.tasks.separated_values import Quoting
from mtl_core.tasks.token_files import read_tokens

LONE_QUOTES = [
    *((f"good food {number}", "positive") for number in range(5)),
    ('"the food is good', "positive"),
    ("the room is small", "negative"),
    ('rude and terrible"', "negative"),
    *((f"bad food {number}", "negative") for number in range(5)),
]


def read(folder: Path, name: str, content: str, quoting: Quoting | None = None) -> SentenceFile:
    (folder / name).write_bytes(content.encode())
    lines = read_lines(DataFile(name=name, path=folder / name))
    return read_sentences(lines, "text", "label", quoting)


def pairs(file: SentenceFile) -> list[tuple[str, str]]:
    return [(row.text, row.label) for row in file.rows]


def tsv(*rows: tuple[str, str]) -> str:
    return "".join(f"{text}\t{label}\n" for text, label in (("text", "label"), *rows))


def test_a_lone_quotation_mark_swallows_no_row_of_a_tsv_file(tmp_path: Path) -> None:
    found = read(tmp_path, "a.tsv", tsv(*LONE_QUOTES))
    assert len(found.rows) == 13
    assert pairs(found) == LONE_QUOTES
    assert found.layout == (
        "TSV (columns 'text' and 'label' of 2; quotation marks belong to the text)"
    )


def test_a_quoted_word_may_begin_the_text_of_a_tsv_file(tmp_path: Path) -> None:
    rows = [('"Good" food', "positive"), ('food, "bad"', "negative"), ('5" screen', "positive")]
    assert pairs(read(tmp_path, "a.tsv", tsv(*rows))) == rows


QUOTED = {
    "a tab inside": ('text\tlabel\n"Good\tfood"\tpositive\nBad.\tnegative\n', "Good\tfood"),
    "a line end inside": ('text\tlabel\n"Good\nfood"\tpositive\nBad.\tnegative\n', "Good\nfood"),
    "doubled marks": ('text\tlabel\n"""Good"" food"\tpositive\nBad.\tnegative\n', '"Good" food'),
    "the header": ('"text"\t"label"\n"Good food"\tpositive\nBad.\tnegative\n', "Good food"),
    "a whole column": ('text\tlabel\n"Good food"\tpositive\n"Bad."\tnegative\n', "Good food"),
}


@pytest.mark.parametrize(("content", "text"), QUOTED.values(), ids=QUOTED)
def test_a_tsv_file_that_was_written_with_csv_quoting_is_read_with_it(
    tmp_path: Path, content: str, text: str
) -> None:
    found = read(tmp_path, "a.tsv", content)
    assert pairs(found) == [(text, "positive"), ("Bad.", "negative")]
    assert found.layout == "TSV (columns 'text' and 'label' of 2; quotation marks enclose fields)"


def test_a_tsv_file_of_one_text_in_quotation_marks_is_refused_until_they_are_explained(
    tmp_path: Path,
) -> None:
    content = tsv(("Fine.", "positive"), ('"Good food"', "positive"), ("Bad.", "negative"))
    message = (
        'a.tsv, line 3: the quotation marks around "Good food" may belong to the text, or enclose '
        "it as in CSV. Write quoting: none (they belong to the text) or quoting: csv in the"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, "a.tsv", content)
    plain = read(tmp_path, "a.tsv", content, Quoting.NONE)
    quoted = read(tmp_path, "a.tsv", content, Quoting.CSV)
    assert [plain.rows[1].text, quoted.rows[1].text] == ['"Good food"', "Good food"]


def test_a_quoted_text_with_tabs_and_line_ends_may_be_rows(tmp_path: Path) -> None:
    content = 'text\tlabel\nFine.\tpositive\n"bad start\tpositive\nx\ty\tz"\tnegative\n'
    message = (
        "a.tsv, line 3: a text begins here with a quotation mark and contains tabs and line ends "
        "up to the next one. Write quoting: none"
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, "a.tsv", content)
    with pytest.raises(DataError, match=re.escape("line 4: the row has 4 fields where the")):
        read(tmp_path, "a.tsv", content, Quoting.NONE)


def test_a_tab_too_many_is_named_in_a_tsv_file(tmp_path: Path) -> None:
    message = (
        "a.tsv, line 2: the row has 3 fields where the header has 2. Tabs separate the fields: "
        "remove those inside a text."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, "a.tsv", "text\tlabel\nGood\tfood\tpositive\n")


def test_a_lone_quotation_mark_that_swallows_rows_of_a_csv_file_is_refused(tmp_path: Path) -> None:
    rows = "".join(f"{text},{label}\n" for text, label in LONE_QUOTES)
    message = (
        "a.csv, line 7: a text begins here with a quotation mark and ends at the next one, on a "
        "later line, but 'the food is good,positive' looks like a row."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, "a.csv", f"text,label\n{rows}")
    assert len(read(tmp_path, "a.csv", f"text,label\n{rows}", Quoting.CSV).rows) == 11
    assert pairs(read(tmp_path, "a.csv", f"text,label\n{rows}", Quoting.NONE)) == LONE_QUOTES


def test_a_text_of_several_lines_in_a_csv_file_is_no_row(tmp_path: Path) -> None:
    content = 'text,label\n"Good food,\nnice room, kind people",positive\nBad.,negative\n'
    assert pairs(read(tmp_path, "a.csv", content)) == [
        ("Good food,\nnice room, kind people", "positive"),
        ("Bad.", "negative"),
    ]


SEPARATORS = {
    "semicolons": ("a.csv", "text;label\nGood.;positive\n", "semicolons"),
    "quoted semicolons": ("a.csv", '"text";"label"\n"Good.";"positive"\n', "semicolons"),
    "tabs in CSV": ("a.csv", "text\tlabel\nGood.\tpositive\n", "tabs"),
    "commas in TSV": ("a.tsv", "text,label\nGood.,positive\n", "commas"),
    "bars": ("a.csv", "id|text|label\n1|Good.|positive\n", "vertical bars"),
}


@pytest.mark.parametrize(("name", "content", "what"), SEPARATORS.values(), ids=SEPARATORS)
def test_another_separator_is_named_with_its_remedy(
    tmp_path: Path, name: str, content: str, what: str
) -> None:
    message = (
        f"The header is separated by {what}: save the file as CSV with commas, or as TSV with tabs."
    )
    with pytest.raises(DataError, match=rf"{name}, line 1: there is no column 'text'.*{message}"):
        read(tmp_path, name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\rGood.,positive\r"),
        ("a.csv", '"text","label"\r"Good.","positive"\r'),
        ("a.tsv", "text\tlabel\rGood.\tpositive\r"),
        ("a.jsonl", '{"text": "Good.", "label": "x"}\r{"text": "Bad.", "label": "y"}\r'),
    ],
)
def test_the_line_ends_of_classic_mac_os_are_refused_with_a_remedy(
    tmp_path: Path, name: str, content: str
) -> None:
    with pytest.raises(
        DataError, match=rf"{name}, line 1: .* Save the file with the line ends LF or CRLF\."
    ):
        read(tmp_path, name, content)


@pytest.mark.parametrize("content", ["anna\tB-PER\rleft\tO\r", "anna\tB-PER\r\r\nleft\tO\r\r\n"])
def test_a_carriage_return_is_no_part_of_a_tag(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.conll").write_bytes(content.encode())
    message = (
        "b.conll, line 1: contains a carriage return without a line feed. "
        "Save the file with the line ends LF or CRLF."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        read_tokens(read_lines(DataFile(name="b.conll", path=tmp_path / "b.conll")), "", "")
