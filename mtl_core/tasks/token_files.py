"""Tagged words: CoNLL columns, or rows with keys, such as JSON lines.

In CoNLL files the first column is the token and the last one the tag, separated by tabs or blanks,
unless the manifest names other columns. An empty line or a `-DOCSTART-` line ends a sentence. A
token may begin with `#`, so there are no comments, except where the manifest names the columns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from mtl_core.errors import DataError
from mtl_core.tasks.contents import Content
from mtl_core.tasks.keyed_rows import Row, has_keys, keyed_rows, layout_of, strings, value
from mtl_core.tasks.lines import DataFile, Lines, refuse_carriage_returns
from mtl_core.tasks.reading_limits import (
    check_characters,
    check_fields,
    check_label,
    check_rows,
    check_words,
)
from mtl_core.tasks.span_files import read_span_rows
from mtl_core.tasks.token_columns import TokenColumns, check_first_column
from mtl_core.tasks.token_rows import TokenFile, TokenRow
from mtl_core.tasks.written_spans import SPAN_COLUMNS, span_keys
from mtl_core.text import counted, shortened

_DOCUMENT_START = "-DOCSTART-"
_BLANKS = re.compile(r"[ \t]+")
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_NO_SYNTACTIC_WORD = re.compile(r"\d+[-.]\d+")  # 1-2, a multiword token; 8.1, an empty node
_COMMENT = re.compile(r"# ?\w+ = |# id |#(begin|end) document\b")
_NAMES_OF_WORDS = ("word", "words", "token", "tokens", "text", "form")
_NAMES_OF_TAGS = ("tag", "tags", "label", "labels", "ner", "ner_tag", "ner_tags", "entity", "bio")


def read_tokens(
    content: Content, words: str, tags: str, columns: TokenColumns | None = None
) -> TokenFile:
    """Read the sentences of a file.

    `words` and `tags` are the keys of rows with keys, also of rows with spans of characters;
    `columns` are those of CoNLL columns, None: the first and the last column. Raises DataError with
    file and line for a line without tag or token, a line with another number of columns than the
    first, a first column that holds no words, lists of unequal length, spans that do not fit the
    words, a header, and a file without words.
    """
    if not isinstance(content, Lines) or has_keys(content.file):
        return _keyed_file(content, words, tags)
    rows, layout = _conll(content, columns)
    return TokenFile(content.file, _not_empty(content.file, rows), layout)


def _not_empty(file: DataFile, rows: tuple[TokenRow, ...]) -> tuple[TokenRow, ...]:
    if not rows:
        raise DataError(f"{file.name} contains no words. Add tagged sentences.")
    return rows


def _keyed_file(content: Content, words: str, tags: str) -> TokenFile:
    """A file whose rows have keys: words and tags, or a text and spans of characters."""
    file, name = content.file, layout_of(content)
    rows = keyed_rows(content, (words, tags, *SPAN_COLUMNS))
    first = next(rows, None)
    if first is None:
        raise DataError(f"{file.name} contains no words. Add tagged sentences.")
    if (keys := span_keys(file, first, words, tags)) is not None:
        found, notes = read_span_rows(file, chain([first], rows), keys)
        layout = f"{name} with spans ({keys.words})"
        return TokenFile(file, _not_empty(file, found), layout, spans=True, notes=notes)
    found = tuple(_tagged_rows(file, chain([first], rows), words, tags))
    _check_json_words(file, words, found)
    return TokenFile(file, found, f"{name} (keys '{words}' and '{tags}')")


def _tagged_rows(file: DataFile, rows: Iterable[Row], words: str, tags: str) -> Iterator[TokenRow]:
    for line, row in rows:
        tokens, tagged = (
            strings(file, line, key, value(file, line, row, key)) for key in (words, tags)
        )
        if len(tokens) != len(tagged):
            raise file.fault(
                line,
                f"'{words}' has {len(tokens)} entries and '{tags}' {len(tagged)}. "
                "Write one tag for each word.",
            )
        tagged = tuple(tag.strip() for tag in tagged)
        check_label(file, line, max(tagged, key=len, default=""))
        if not tokens or not all(tokens) or not all(tagged):
            raise file.fault(line, "a word or a tag is empty. Fill it, or remove the line.")
        yield TokenRow((line,) * len(tokens), tokens, tagged)


def _check_json_words(file: DataFile, key: str, rows: Sequence[TokenRow]) -> None:
    """Raises DataError if all words are numbers, as the ids of tokens are."""
    if rows and all(_NUMBER.fullmatch(word) for row in rows for word in row.words):
        raise file.fault(
            rows[0].lines[0],
            f"'{key}' holds only numbers in this file, so these are no words. "
            "Name the key of the words in the manifest: text: tokens.",
        )


def _conll(lines: Lines, stated: TokenColumns | None) -> tuple[tuple[TokenRow, ...], str]:
    """The sentences of CoNLL columns and their layout. Raises DataError as `read_tokens` does."""
    refuse_carriage_returns(lines)
    usual, tabs = _usual_columns(lines)
    skipped: list[int] = []
    rows = tuple(_conll_rows(lines, stated, usual, tabs, skipped))
    check_rows(lines.file, len(rows))
    if stated is None and rows:
        _refuse_header(lines.file, rows[0])
        check_first_column(
            lines.file, [(row.lines, row.words) for row in rows], usual, _fields_of(lines)
        )
    word, tag = (stated.word, stated.tag) if stated else (1, usual)
    found = "" if stated is None else ", as the manifest states"
    found += f"; {counted(len(skipped), 'other line')} skipped" if skipped else ""
    return rows, f"CoNLL columns (word {word} and tag {tag} of {usual}{found})"


def _usual_columns(lines: Lines) -> tuple[int, bool]:
    """The number of columns of the first line that cannot be a comment, and whether it has tabs.

    0 if there is no such line.
    """
    for fields, line in ((_fields(line), line) for line in lines.lines):
        if fields and not fields[0].startswith(("#", _DOCUMENT_START)):
            return len(fields), "\t" in line.rstrip(" \t")
    return next(((len(f), False) for f in map(_fields, lines.lines) if len(f) > 1), (0, False))


def _fields_of(lines: Lines) -> Iterator[list[str]]:
    """The columns of every line that is not a document start."""
    return (
        fields for fields in map(_fields, lines.lines) if fields and fields[0] != _DOCUMENT_START
    )


def _conll_rows(
    lines: Lines, stated: TokenColumns | None, usual: int, tabs: bool, skipped: list[int]
) -> Iterator[TokenRow]:
    """Yields the sentences, and adds the lines that are passed over to `skipped`."""
    sentence: list[tuple[int, str, str]] = []
    first: tuple[int, int] | None = None  # line and number of columns of the first token
    for number, line in enumerate(lines.lines, start=1):
        fields = _fields(line)
        if not fields or fields[0] == _DOCUMENT_START:
            yield from _finished(sentence)
            sentence = []
            continue
        check_fields(lines.file, number, len(fields))
        check_words(lines.file, number, len(sentence) + 1)
        if stated is None:
            _check_fields(lines.file, number, fields, first)
            _refuse_comment(lines.file, number, line)
            first = first or (number, len(fields))
            sentence.append((number, fields[0], fields[-1]))
        elif _is_no_word(fields, stated, usual, comment=_is_comment(line, tabs)):
            skipped.append(number)
        else:
            _check_stated(lines.file, number, fields, stated)
            sentence.append((number, fields[stated.word - 1], fields[stated.tag - 1]))
        if sentence:
            check_characters(lines.file, number, "the word", sentence[-1][1])
            check_label(lines.file, number, sentence[-1][2])
    yield from _finished(sentence)


def _is_comment(line: str, tabs: bool) -> bool:
    """Whether a line that begins with `#` is a comment; `tabs`: the other lines have tabs."""
    return (tabs and "\t" not in line) or _COMMENT.match(line) is not None


def _refuse_comment(file: DataFile, number: int, line: str) -> None:
    """Raises DataError for a comment with as many columns as the other lines."""
    if line.startswith("#") and _COMMENT.match(line):
        raise file.fault(
            number,
            f"'{shortened(line)}' looks like a comment. Remove it, or name the columns in the "
            "manifest, such as columns: {word: 2, tag: 4}: lines like this are then comments.",
        )


def _is_no_word(fields: list[str], stated: TokenColumns, usual: int, *, comment: bool) -> bool:
    """Whether a line is a comment, or a multiword token or an empty node of CoNLL-U."""
    if fields[0].startswith("#") and (comment or len(fields) != usual):
        return True
    return stated.word > 1 and _NO_SYNTACTIC_WORD.fullmatch(fields[0]) is not None


def _finished(sentence: list[tuple[int, str, str]]) -> Iterator[TokenRow]:
    if sentence:
        numbers, words, tags = zip(*sentence, strict=True)
        yield TokenRow(numbers, words, tags)


def _fields(line: str) -> list[str]:
    # Only blanks and tabs separate: a no-break space may be a token.
    stripped = line.rstrip(" \t")
    if not stripped:
        return []
    if "\t" in stripped:
        return [field.strip(" ") for field in stripped.split("\t")]
    return _BLANKS.split(stripped.lstrip(" "))


def _check_fields(
    file: DataFile, number: int, fields: list[str], first: tuple[int, int] | None
) -> None:
    if not fields[0]:
        raise file.fault(number, "there is no token before the tag. Write the token first.")
    if len(fields) == 1:
        raise file.fault(
            number,
            f"'{shortened(fields[0])}' has no tag. Write the token first and its tag last, "
            "separated by a tab; an empty line ends a sentence.",
        )
    if first is not None and len(fields) != first[1]:
        raise file.fault(
            number,
            f"there are {len(fields)} columns where line {first[0]} has {first[1]}. "
            "Write as many on every line (a line that begins with # is a token, not a comment). "
            "Comments are allowed where the manifest names the columns, such as "
            "columns: {word: 2, tag: 4}.",
        )


def _check_stated(file: DataFile, number: int, fields: list[str], stated: TokenColumns) -> None:
    """Raises DataError for a line without the columns that the manifest names."""
    for what, column in (("word", stated.word), ("tag", stated.tag)):
        if len(fields) < column or not fields[column - 1]:
            raise file.fault(
                number,
                f"there is no {what} in column {column}, which the manifest names: the line has "
                f"{len(fields)} columns. Correct 'columns' there, or write the {what}.",
            )


def _refuse_header(file: DataFile, first: TokenRow) -> None:
    """Raises DataError if the first line has the names of columns."""
    word, tag = first.words[0], first.tags[0]
    if word.casefold() in _NAMES_OF_WORDS and tag.casefold() in _NAMES_OF_TAGS:
        raise file.fault(
            first.lines[0],
            f"'{word}' and '{tag}' are names of columns. Remove this line: CoNLL columns have no "
            "header.",
        )
