"""Random changes of valid files are read or refused; `benchmarks/fuzz_readers.py` has many more."""

import pytest

from benchmarks.fuzz_inputs import Reader, changed
from benchmarks.fuzz_readers import READ, REFUSED, outcome, outcomes, readers

READERS = {each.name: each for each in readers() if each.name != "config"}  # imports transformers


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_no_input_ends_a_reader_with_an_error_that_is_not_ours(reader: Reader) -> None:
    found = dict(outcomes(reader, range(20 * reader.share)))
    assert {number: each for number, each in found.items() if each not in (READ, REFUSED)} == {}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_the_valid_files_are_read(reader: Reader) -> None:
    assert [outcome(reader, sample) for sample in reader.samples if b"charsmap" not in sample] == [
        READ for sample in reader.samples if b"charsmap" not in sample
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tsv", b'"Bad\t ""food"'),
        ("arm", b""),
        ("conll", b"1\tw" + b"9" * 5000 + b"\tO\tO\n1\tw1\tB-X\tO\n"),
        ("json", b'[{"tokens": ["a"], "tags": [%s]}]' % (b"9" * 5000)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_once_ended_a_reader_is_refused(name: str, content: bytes) -> None:
    assert outcome(READERS[name], content) == REFUSED


def test_a_name_that_no_file_can_have_ends_no_reader() -> None:
    manifest = b"tasks: {s: {kind: sentence, head: h, train: %s, validation: b.csv}}"
    assert outcome(READERS["manifest"], manifest % (b"a" * 5000)) == READ


def test_an_input_depends_on_its_number_and_an_error_of_another_kind_fails() -> None:
    reader = READERS["csv"]
    assert changed(reader, 7) == changed(reader, 7) != changed(reader, 8)

    def fails(_content: bytes) -> None:
        raise KeyError("mine")

    assert outcome(Reader("csv", reader.samples, fails), b"") == "KeyError: \"'mine'\""
