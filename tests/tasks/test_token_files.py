"""Tagged words in CoNLL columns and JSON lines."""

import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.lines import DataFile, read_lines
from mtl_core.tasks.token_files import TokenRow, read_tokens


def read(folder: Path, name: str, content: str) -> tuple[TokenRow, ...]:
    (folder / name).write_bytes(content.encode())
    return read_tokens(read_lines(DataFile(name=name, path=folder / name)), "tokens", "tags").rows


ROWS = (TokenRow((1, 2), ("#Ann", "left"), ("PER", "O")), TokenRow((4,), ("Rain",), ("O",)))


@pytest.mark.parametrize(
    "content",
    [
        "#Ann\tPER\nleft\tO\n\nRain\tO\n",
        "#Ann PER\r\nleft   O \r\n \t\r\nRain O",
        "#Ann\tNNP\tB-NP\tPER\nleft\tVBD\tB-VP\tO\n\nRain\tNN\tB-NP\tO\n\n\n",
        "\ufeff#Ann NNP PER\nleft VBD O\n\n  Rain NN O\n",
    ],
    ids=["tabs", "blanks of Windows", "four columns", "byte order mark"],
)
def test_the_token_is_first_and_its_tag_last(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "b.conll", content) == ROWS


def test_a_document_start_ends_a_sentence_and_is_passed_over(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O O\n\nAnn NNP I-NP PER\n-DOCSTART-\nleft VBD I-VP O\n"
    assert read(tmp_path, "b.conll", content) == (
        TokenRow((3,), ("Ann",), ("PER",)),
        TokenRow((5,), ("left",), ("O",)),
    )


def test_only_blanks_and_tabs_separate(tmp_path: Path) -> None:
    content = "New York\tLOC\n\u00a0\tO\na\u2028b\tO\n"
    words = ("New York", "\u00a0", "a\u2028b")
    assert read(tmp_path, "b.conll", content) == (TokenRow((1, 2, 3), words, ("LOC", "O", "O")),)


def test_json_lines_hold_tokens_and_tags(tmp_path: Path) -> None:
    content = '{"tokens": ["Ann", "left"], "tags": ["PER", "O"]}\n'
    assert read(tmp_path, "b.jsonl", content) == (TokenRow((1, 1), ("Ann", "left"), ("PER", "O")),)


FAULTS = {
    "no tag": (
        "b.conll",
        "Ann\tPER\nleft\n",
        "b.conll, line 2: 'left' has no tag. Write the token first and its tag last",
    ),
    "no tag after a tab": ("b.conll", "Ann\tPER\n\nleft\t\n", "line 3: 'left' has no tag."),
    "no token": ("b.conll", "Ann\tPER\n\tO\n", "line 2: there is no token before the tag."),
    "other columns than before": (
        "b.conll",
        "Ann NNP PER\n\nleft VBD\n",
        "line 3: there are 2 columns where line 1 has 3. Write as many on every line",
    ),
    "a comment": (
        "b.conll",
        "Ann\tPER\n\n# sent_id = 2\nleft\tO\n",
        "line 3: there are 4 columns where line 1 has 2. Write as many on every line "
        "(a line that begins with # is a token, not a comment).",
    ),
    "no words": ("b.conll", "-DOCSTART- O\n\n", "b.conll contains no words. Add tagged sentences."),
    "fewer tags than tokens": (
        "b.jsonl",
        '{"tokens": ["Ann", "left"], "tags": ["PER"]}',
        "b.jsonl, line 1: 'tokens' has 2 entries and 'tags' 1. Write one tag for each word.",
    ),
    "an empty token": (
        "b.jsonl",
        '{"tokens": [""], "tags": ["O"]}',
        "line 1: a word or a tag is empty. Fill it, or remove the line.",
    ),
    "no list": (
        "b.jsonl",
        '{"tokens": "Ann", "tags": ["O"]}',
        "line 1: 'tokens' holds a string, not a list. Write one entry for each word.",
    ),
    "no such key": (
        "b.jsonl",
        '{"tokens": ["Ann"], "ner_tags": ["O"]}',
        "line 1: there is no key 'tags'. Nearest: 'ner_tags'. Keys: 'tokens', 'ner_tags'.",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), FAULTS.values(), ids=FAULTS)
def test_an_error_names_file_line_and_remedy(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, name, content)
