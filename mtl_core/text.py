"""Formats values as text: bytes, shares, signed numbers, counts and lists.

Pure functions without knowledge of runs or pages. Units follow a space: "50 %", "612 MB".
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from unicodedata import category

MINUS = "\N{MINUS SIGN}"

_PLURAL = re.compile(r"\b(layers|rates|and heads)\b")  # scenario phrases that are plurals


_FORMULA = re.compile(
    r"^[\t\r\n]|^\s*[=+\-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    r"\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]"
)
_SIGNED_NUMBER = re.compile(r"[+-]\d[^|!;@=]*")
_CALL = re.compile(r"[^\W\d]\(")
_ESCAPE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\-_])")
_NOT_PRINTED = {"Cc", "Cf", "Cs", "Co", "Cn"}
_CONTROLLING = {"Cc", "Cf", "Cs"}
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian, and joined emoji, need them
_KEPT = f"\t\n{_JOINERS}"


def bytes_text(size: float) -> str:
    """Formats bytes in decimal units: `612 MB`, `1.37 GB`."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else megabytes(size)


def megabytes(size: float) -> str:
    """Formats bytes in MB, with two significant digits below ten: `1,837 MB`, `6.3 MB`.

    Use it instead of `bytes_text` where the parts of a sum are shown side by side.
    """
    value = size / 1e6
    return f"{value:,.0f} MB" if value >= 9.95 or value == 0 else f"{value:.2g} MB"


def percent(share: float, decimals: int = 0) -> str:
    """Formats a share, 0 to 1, with at most `decimals` decimals: `50 %`, `6.5 %`.

    A share too small for them keeps its first significant digit: `0.004 %`, never `0 %`.
    """
    value = 100 * share
    if 0 < abs(value) < 10**-decimals:
        return f"{Decimal(f'{value:.1g}'):f} %"
    text = f"{value:.{decimals}f}"
    return f"{text.rstrip('0').rstrip('.') if decimals else text} %"


def signed(value: float, decimals: int = 3) -> str:
    """Formats a difference with its sign and a true minus: `+0.012`, `−0.310`; exactly 0 is `0`."""
    if value == 0:
        return "0"
    return f"{MINUS if value < 0 else '+'}{abs(value):.{decimals}f}"


def signed_range(low: float, high: float, decimals: int = 3) -> str:
    """Formats an interval of a difference: `−0.022 to +0.014`."""
    return f"{signed(low, decimals)} to {signed(high, decimals)}"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Formats a count with its noun: `1 run`, `1,200 runs`. The default plural appends an s."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def numbers_text(numbers: Iterable[int]) -> str:
    """Ascending whole numbers, with four or more in a row shortened: `0, 1, 2` or `0 to 19, 25`."""
    rows: list[list[int]] = []
    for number in sorted(numbers):
        if rows and number == rows[-1][-1] + 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    return ", ".join(
        f"{row[0]} to {row[-1]}" if len(row) > 3 else ", ".join(map(str, row)) for row in rows
    )


def count_or_all(count: int | None) -> str:
    """Formats a limit on a number of items, where None means no limit: `1,200`, `all`."""
    return "all" if count is None else f"{count:,}"


def listed(names: Sequence[str]) -> str:
    """Joins names as a sentence lists them: "a", "a and b", "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def verb(subject: str, singular: str, plural: str) -> str:
    """Returns the form of a verb that agrees with a plan's name: top layer is, top 2 layers are.

    Only the part before the first comma decides: "top 2 layers, 200 sentences" is a plural.
    """
    return plural if _PLURAL.search(subject.partition(",")[0]) else singular


def capitalized(text: str) -> str:
    """Returns `text` with its first letter in upper case and all others unchanged."""
    return text[:1].upper() + text[1:]


def shortened(value: str, longest: int = 60) -> str:
    """A value for a message: the first `longest` characters, with `…` in place of the others."""
    return value if len(value) <= longest else f"{value[:longest]}…"


def last_part(reference: str) -> str:
    """The last part of a path or a hub id: `data/posts.yaml` gives `posts.yaml`."""
    return reference.rstrip("/").rpartition("/")[2]


NO_ENTITIES = "no entities in this split"
"""Why an entity F1 is undefined."""

UNDEFINED = "undefined: no entities"
"""The result of a plan whose entity F1 is undefined."""


def score_text(score: float | None, digits: int = 3) -> str:
    """Format an accuracy or entity F1 that was measured: `0.913`; `undefined (…)` for None."""
    return f"undefined ({NO_ENTITIES})" if score is None else f"{score:.{digits}f}"


def spreadsheet_text(text: str, *, quoted: bool = False) -> str:
    """The text with an apostrophe before what a spreadsheet would run as a formula.

    With `quoted` such text is in quotation marks instead, for a table that is also read on a page.
    Signed numbers stay as they are. Some spreadsheets split fields at semicolons, so each part is
    looked at.
    """
    before, after = ("“", "”") if quoted else ("'", "")
    return ";".join(
        f"{before}{part}{after}" if _is_formula(part) else part for part in text.split(";")
    )


def _is_formula(text: str) -> bool:
    if not _FORMULA.match(text):
        return False
    return not (_SIGNED_NUMBER.fullmatch(text) and not _CALL.search(text))


def printable(text: str) -> str:
    """The text without control characters and terminal escapes; white space becomes a space.

    Characters that turn the direction of writing are removed too: they can make a name look like
    another one.
    """
    spaced = " ".join(_ESCAPE.sub("", text).split())
    return "".join(
        each for each in spaced if each in _JOINERS or category(each) not in _NOT_PRINTED
    )


def one_line(error: BaseException) -> str:
    """The message of a third-party error as one sentence of at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (" ".join(lines)[:300] or type(error).__name__).rstrip(".") + "."


def visible(text: str) -> str:
    """The text as `printable` returns it, with its white space: for sentences and messages."""
    return "".join(
        each
        for each in _ESCAPE.sub("", text)
        if each in _KEPT or category(each) not in _CONTROLLING
    )


def controlling_character(text: str) -> str | None:
    """The first control or formatting character of a text, as `U+001B`; None without one.

    Such characters move the cursor of a terminal or turn the direction of writing.
    """
    for each in text:
        if each not in _JOINERS and category(each) in _CONTROLLING:
            return f"U+{ord(each):04X}"
    return None
