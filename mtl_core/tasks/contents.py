"""The content of a data file: lines of text, or a table of Arrow."""

from typing import BinaryIO

from mtl_core.tasks.arrow_files import ArrowTable, arrow_of, read_arrow
from mtl_core.tasks.lines import DataFile, Lines, lines_of, read_lines

Content = Lines | ArrowTable


def read_content(file: DataFile) -> Content:
    """Read a file, or a folder of `datasets`. Raises DataError if it is missing or damaged."""
    return read_arrow(file) if file.has_rows else read_lines(file)


def content_of(file: DataFile, stream: BinaryIO) -> Content:
    """As `read_content`, from an open binary stream; `file` names it."""
    return arrow_of(file, stream) if file.has_rows else lines_of(file, stream)
