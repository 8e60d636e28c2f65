"""Reads a data file as lines of text and reports faults in its bytes.

Only a line feed ends a line. Other separators, such as a next-line character, belong to the text.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from mtl_core.errors import DataError
from mtl_core.values import Frozen

LINE_BYTES = 2**20
FILE_BYTES = 64 * 2**20
LINE_ENDS = "Save the file with the line ends LF or CRLF"
ARROW_SUFFIXES = (".parquet", ".arrow")
JSON_SUFFIX = ".json"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class DataFile(Frozen):
    """A file to read: its name as the user wrote it, for messages, and its path."""

    name: str
    path: Path

    @property
    def suffix(self) -> str:
        """The suffix of the name in lower case, such as `.csv`."""
        return PurePath(self.name).suffix.lower()

    @property
    def has_rows(self) -> bool:
        """Whether it is a table of Arrow: a Parquet or Arrow file, or a folder of `datasets`."""
        return self.suffix in ARROW_SUFFIXES or self.is_folder

    @property
    def is_folder(self) -> bool:
        """Whether it is an existing folder; False also for a name that no file can have."""
        try:
            return self.path.is_dir()
        except OSError:  # the name is too long
            return False

    @property
    def unit(self) -> str:
        """What faults are counted in: `line`, or `row` in a table of Arrow."""
        return "row" if self.has_rows else "line"

    def fault(self, line: int, problem: str) -> DataError:
        """Returns the error for one line of this file; `problem` ends with the remedy."""
        return DataError(f"{self.name}, {self.unit} {line}: {problem}")


@dataclass(frozen=True)
class Lines:
    """The lines of a file without their ends, and the SHA-256 of its bytes."""

    file: DataFile
    lines: tuple[str, ...]
    sha256: str


def read_lines(file: DataFile, limit_bytes: int = FILE_BYTES) -> Lines:
    """Read a UTF-8 file; a byte order mark and Windows line ends are accepted.

    Raises DataError if it is missing, not a regular file, empty or over `limit_bytes`, or if a line
    is too long, not UTF-8 or contains a null character.
    """
    with open_file(file, limit_bytes) as stream:
        return lines_of(file, stream)


def lines_of(file: DataFile, stream: BinaryIO) -> Lines:
    """Read the lines of an open binary stream; `file` names it in messages.

    Raises DataError as `read_lines` does.
    """
    digest = hashlib.sha256()
    lines = []
    # A JSON array is often written on one line.
    limit = FILE_BYTES if file.suffix == JSON_SUFFIX else LINE_BYTES
    for number, raw in enumerate(_pieces(stream, limit), start=1):
        digest.update(raw)
        lines.append(_decoded(file, number, raw, limit))
    if not any(line.strip() for line in lines):
        raise DataError(f"{file.name} is empty. It must contain at least one labelled example.")
    return Lines(file, tuple(lines), digest.hexdigest())


def refuse_carriage_returns(lines: Lines) -> None:
    """Raises DataError for a carriage return without a line feed, as in files of classic Mac OS."""
    for number, line in enumerate(lines.lines, start=1):
        if "\r" in line:
            raise lines.file.fault(
                number, f"contains a carriage return without a line feed. {LINE_ENDS}."
            )


def unstorable(text: str) -> str | None:
    """Why `text` cannot be tokenized and stored, or None: a null character or lone surrogate."""
    if "\0" in text:
        return "contains a NUL character. Remove it"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return (
            "contains half of a surrogate pair (\\ud800 to \\udfff alone). "
            "Write the whole character"
        )
    return None


def open_file(file: DataFile, limit_bytes: int = FILE_BYTES) -> BinaryIO:
    """Open a file for reading.

    Raises DataError if it is missing, not a regular file, not readable or over `limit_bytes`.
    """
    try:
        if not file.path.exists():
            raise DataError(f"There is no file {file.name}. Check the name in the manifest.")
        if not file.path.is_file():
            raise DataError(f"{file.name} is not a file. Name the file that holds the examples.")
        size = file.path.stat().st_size
        if size > limit_bytes:
            raise DataError(
                f"{file.name} has {size:,} bytes, over the limit of {limit_bytes:,}. "
                "Take fewer examples."
            )
        return file.path.open("rb")
    except OSError as error:
        raise DataError(
            f"{file.name} cannot be read: {error.strerror or error}. Check its permissions."
        ) from error


def _pieces(stream: BinaryIO, limit_bytes: int) -> Iterator[bytes]:
    # One byte over the limit is enough to detect a line that is too long.
    return iter(lambda: stream.readline(limit_bytes + 1), b"")


def _decoded(file: DataFile, number: int, raw: bytes, limit_bytes: int) -> str:
    if len(raw) > limit_bytes:
        raise file.fault(
            number, f"is longer than {limit_bytes:,} bytes. Cut it, or check the file's line ends."
        )
    if number == 1:
        raw = raw.removeprefix(_BYTE_ORDER_MARK)
    if b"\0" in raw:
        raise file.fault(number, "contains a NUL byte. Save the file as UTF-8 text.")
    try:
        return raw.removesuffix(b"\n").removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise file.fault(
            number,
            f"is not UTF-8 (byte 0x{raw[error.start]:02x} at position {error.start + 1}). "
            "Save the file as UTF-8.",
        ) from error
