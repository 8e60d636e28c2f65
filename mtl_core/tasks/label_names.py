"""Names of labels that are doubtful, and the lines of a manifest that name them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from mtl_core.text import controlling_character

_MISSING = ("nan", "null", "<na>", "#n/a", "nat")  # as pandas, spreadsheets and databases write it
_PLAIN_KEY = re.compile(r"\w[\w=./+-]*")
_MOST_ENTRIES = 12
_LONGEST = 60


def is_missing(label: str) -> bool:
    """Whether a label is the text that programs write for a missing value."""
    return label.strip().casefold() in _MISSING


def controlling_fault(label: str) -> str | None:
    """Why a label or tag cannot be shown as it is, with the remedy; None if it can."""
    found = controlling_character(label)
    if found is None:
        return None
    return (
        f"{label[:_LONGEST]!a} contains {found}, which controls a terminal or the direction "
        "of writing. Remove it"
    )


def case_twins(labels: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pairs of labels that differ only in case or blanks, the earlier one first."""
    known: dict[str, str] = {}
    for label in labels:
        folded = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
        earlier = known.setdefault(folded, label)
        if earlier != label:
            yield earlier, label


def written_mapping(key: str, names: Mapping[str, str]) -> str:
    """A mapping as a manifest has it: `tags: {PER-B: B-PER, PER-I: I-PER}`."""
    shown = list(names.items())[:_MOST_ENTRIES]
    entries = [f"{_scalar(label)}: {_scalar(name)}" for label, name in shown]
    more = ["…"] if len(names) > _MOST_ENTRIES else []
    return f"{key}: {{{', '.join(entries + more)}}}"


def _scalar(text: str) -> str:
    """A text as YAML, in quotation marks unless it has only letters, digits and `=./+-`."""
    if text == "…" or (_PLAIN_KEY.fullmatch(text) and text.casefold() != "null"):
        return text
    escaped = text[:_LONGEST].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
