"""The most that is read of a data file, so that reading takes time in proportion to its size.

Each limit is far above what an encoder of text can use.
"""

from mtl_core.errors import DataError
from mtl_core.tasks.lines import DataFile
from mtl_core.text import shortened

WORDS = 20_000
"""Words of a sentence. Encoders read at most some thousand tokens."""
CHARACTERS = 100_000
"""Characters of a field: a text or a word."""
LABEL_CHARACTERS = 1_000
"""Characters of a label or a tag."""
FIELDS = 2_000
"""Fields of a row: columns, or keys of an object."""
SPANS = 5_000
"""Spans of a text."""
ROWS = 1_000_000
"""Rows of a file; sentences, where a row is a word."""


def check_words(file: DataFile, line: int, count: int) -> None:
    """Raises DataError for a sentence with too many words."""
    if count > WORDS:
        raise file.fault(
            line,
            f"the sentence has more than the {WORDS:,} words that are read of one. Split it, or "
            "check that empty lines end the sentences.",
        )


def check_characters(file: DataFile, line: int, what: str, text: str) -> None:
    """Raises DataError for a field that is too long; `what` names it."""
    if len(text) > CHARACTERS:
        raise file.fault(
            line,
            f"{what} has {len(text):,} characters, over the limit of {CHARACTERS:,}. Split it, or "
            "check the separators and the quotation marks.",
        )


def check_label(file: DataFile, line: int, label: str) -> None:
    """Raises DataError for a label or a tag that is too long."""
    if len(label) > LABEL_CHARACTERS:
        raise file.fault(
            line,
            f"the label '{shortened(label, 40)}' has {len(label):,} characters, over the limit of "
            f"{LABEL_CHARACTERS:,}. Check which column holds the labels.",
        )


def check_fields(file: DataFile, line: int, count: int) -> None:
    """Raises DataError for a row with too many fields."""
    if count > FIELDS:
        raise file.fault(
            line,
            f"the row has {count:,} fields, over the limit of {FIELDS:,}. Remove columns, or check "
            "the separator.",
        )


def check_spans(file: DataFile, line: int, count: int) -> None:
    """Raises DataError for a text with too many spans."""
    if count > SPANS:
        raise file.fault(
            line, f"the text has {count:,} spans, over the limit of {SPANS:,}. Split the text."
        )


def check_rows(file: DataFile, count: int) -> None:
    """Raises DataError for a file with too many rows."""
    if count > ROWS:
        raise DataError(
            f"{file.name} has more than the {ROWS:,} rows that are read. Take fewer examples."
        )
