"""The content of a data file: lines of text, or a table of Arrow."""

from typing import BinaryIO

from mtl_core.errors import DataError
from mtl_core.tasks.arrow_files import ArrowTable, arrow_of, read_arrow
from mtl_core.tasks.lines import DataFile, Lines, lines_of, read_lines

Content = Lines | ArrowTable
_DOC_BIN = ".spacy"


def read_content(file: DataFile) -> Content:
    """Read a file, or a folder of `datasets`. Raises DataError if it is missing or damaged."""
    _refuse_doc_bin(file)
    return read_arrow(file) if file.has_rows else read_lines(file)


def content_of(file: DataFile, stream: BinaryIO) -> Content:
    """As `read_content`, from an open binary stream; `file` names it."""
    return arrow_of(file, stream) if file.has_rows else lines_of(file, stream)


def _refuse_doc_bin(file: DataFile) -> None:
    """Raises DataError for a file that only spaCy reads."""
    if file.suffix == _DOC_BIN:
        raise DataError(
            f"{file.name} is a DocBin of spaCy, which is not read. Write its words and tags as "
            "JSON lines with spaCy; docs/manifest.md has the lines of Python for it."
        )
