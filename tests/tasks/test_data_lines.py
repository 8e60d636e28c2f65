"""The bytes of a data file: each fault has a line and a remedy."""

import hashlib
import os
import re
import tracemalloc
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.tasks.lines import FILE_BYTES, LINE_BYTES, DataFile, Lines, read_lines, unstorable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def read(path: Path, limit_bytes: int = FILE_BYTES) -> Lines:
    return read_lines(DataFile(name=path.name, path=path), limit_bytes)


def test_lines_come_without_their_ends_and_with_the_digest_of_the_bytes(path: Path) -> None:
    path.write_bytes(b"one\r\ntwo\nthree")
    lines = read(path)
    assert lines.lines == ("one", "two", "three")
    assert lines.sha256 == hashlib.sha256(b"one\r\ntwo\nthree").hexdigest()


def test_a_byte_order_mark_is_no_part_of_the_first_line(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbftext,label\n")
    assert read(path).lines == ("text,label",)


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_only_a_line_feed_ends_a_line(path: Path, separator: str) -> None:
    path.write_bytes(f"one{separator}still one\n".encode())
    assert read(path).lines == (f"one{separator}still one",)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file a\.csv\. Check the name"):
        read(path)


def test_a_folder_is_not_a_file(path: Path) -> None:
    path.mkdir()
    with pytest.raises(DataError, match=r"a\.csv is not a file\. Name the file"):
        read(path)


def test_a_pipe_is_not_a_file_and_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(DataError, match=r"a\.csv is not a file"):
        read(path)


def test_a_name_too_long_for_the_disk_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read: File name too long"):
        read(tmp_path / ("a" * 300))


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \r\n\t\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_no_example(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.csv is empty\. It must contain at least one"):
        read(path)


def test_bytes_that_are_not_utf_8_have_a_line_and_a_place(path: Path) -> None:
    path.write_bytes(b"text,label\nfine,positive\ncaf\xe9,negative\n")
    with pytest.raises(
        DataError, match=r"a\.csv, line 3: is not UTF-8 \(byte 0xe9 at position 4\)\. Save the file"
    ):
        read(path)


def test_a_file_in_utf_16_is_refused_in_its_first_line(path: Path) -> None:
    path.write_bytes("text,label\n".encode("utf-16"))
    with pytest.raises(DataError, match=r"a\.csv, line 1: .*Save the file as UTF-8"):
        read(path)


def test_a_nul_byte_has_a_line(path: Path) -> None:
    path.write_bytes(b"text,label\nfi\0ne,positive\n")
    with pytest.raises(DataError, match=r"a\.csv, line 2: contains a NUL byte\. Save the file"):
        read(path)


def test_a_line_at_the_limit_is_read_and_one_byte_more_is_not(path: Path) -> None:
    path.write_bytes(b"x" * (LINE_BYTES - 1) + b"\n")
    assert len(read(path).lines[0]) == LINE_BYTES - 1
    path.write_bytes(b"short\n" + b"x" * (LINE_BYTES + 1) + b"\n")
    with pytest.raises(DataError, match=r"a\.csv, line 2: is longer than 1,048,576 bytes\. Cut"):
        read(path)


def test_a_line_of_50_megabytes_is_refused_without_being_held(path: Path) -> None:
    path.write_bytes(b"x" * 50_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match=r"a\.csv, line 1: is longer than"):
        read(path)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 4 * LINE_BYTES


def test_a_file_over_the_limit_is_not_read(path: Path) -> None:
    path.write_bytes(b"text,label\n")
    expected = "a.csv has 11 bytes, over the limit of 10. Take fewer examples."
    with pytest.raises(DataError, match=re.escape(expected)):
        read(path, limit_bytes=10)


def test_half_a_character_cannot_be_stored() -> None:
    assert unstorable("caf\u00e9 \U0001f600") is None
    assert "surrogate" in str(unstorable("\ud83d"))
    assert "NUL" in str(unstorable("a\0"))
