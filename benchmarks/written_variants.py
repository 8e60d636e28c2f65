"""Writes the same labelled sentences in many ways, beside what a reader must find in them.

Nothing here is imported from Freeze Lab: the sentences, their entities and the rules of each format
are written down by hand, so that a fault of a reader cannot be in the truth too.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any, TypeVar

Entities = tuple[tuple[int, int, str], ...]
Tagged = tuple[tuple[str, ...], Entities]
Rated = tuple[str, str]

SENTENCES: tuple[Tagged, ...] = (
    (("Anna", "Berg", "saw", "Rome", "."), ((0, 2, "PER"), (3, 4, "LOC"))),
    (("It", "rains"), ()),
    (("In", "New", "York", "City", "Lee", "left"), ((1, 4, "LOC"), (4, 5, "PER"))),
    (("#1", "is", "Lee"), ((2, 3, "PER"),)),
)
ACCENTS: tuple[Tagged, ...] = (
    (("Åsa", "saw", "Côte", "d'Azur", "."), ((0, 1, "PER"), (2, 4, "LOC"))),
    (("Zoë", "Ruiz", "left"), ((0, 2, "PER"),)),
)
EMOJI: tuple[Tagged, ...] = (
    (("😀", "Anna", "saw", "Rome", "🎉"), ((1, 2, "PER"), (3, 4, "LOC"))),
    (("Lee", "😀", "left", "New", "York"), ((0, 1, "PER"), (3, 5, "LOC"))),
)
ALL_TEXTS = {"ASCII": SENTENCES, "accents": ACCENTS, "emoji": EMOJI}
LONG: tuple[Tagged, ...] = (
    (
        ("Ann", "met", "Bo", "Li", "in", "Rome", "and", "then", "in", "New", "York", "City"),
        ((0, 1, "PER"), (2, 4, "PER"), (5, 6, "LOC"), (9, 12, "LOC")),
    ),
    (("Ann", "left"), ((0, 1, "PER"),)),
)
LINE_ENDS = {"LF": "\n", "CRLF": "\r\n", "CR": "\r"}
ENCODINGS = ("utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16")


@dataclass(frozen=True)
class Variant:
    """One way to write the sentences.

    `values` say which. `task` are the keys of the manifest; its files are called `x` and a suffix.
    `left_out` counts the spans that must be reported beside the entities. `truncation` is the side
    and the maximum length, by which `lost` entities must be counted as cut off.
    """

    family: str
    values: tuple[str, ...]
    files: Mapping[str, bytes]
    task: str
    truth: Sequence[Tagged | Rated]
    left_out: int = 0
    truncation: tuple[str, int] | None = None
    lost: int = 0

    @property
    def id(self) -> str:
        """Family and values in one line."""
        return " / ".join((self.family, *self.values))


Options = TypeVar("Options")


def sampled(options: Iterable[Options], most: int | None) -> Sequence[Options]:
    """All options, or `most` of them that are always the same."""
    found = list(options)
    return found if most is None or most >= len(found) else Random(16).sample(found, most)


# Tags. `{place}` is B or I by IOB2; `{end}` is that of a scheme that marks ends.
SCHEMES = {
    "IOB2": "{place}-{kind}",
    "IO": "{kind}",
    "inside only": "I-{kind}",
    "BIOES": "{BIOES}-{kind}",
    "BILOU": "{BILOU}-{kind}",
    "BMES": "{BMES}-{kind}",
    "behind": "{kind}-{place}",
    "underscore": "{place}_{kind}",
    "joined": "{place}{kind}",
    "lower case": "{small}-{kind}",
    "with a key": "name={place}-{kind}",
    "ids": "{id}",
    "words": "{word}-{kind}",
    "brackets": "({kind}*",
}
IDS = {"B-PER": "1", "I-PER": "2", "B-LOC": "3", "I-LOC": "4"}
END_LETTERS = {"BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}  # begin, inside, end, alone
OUTSIDE = ("O", "0", "o", "_", "-", "OUT")
COMMENTS = ("", "# sent_id = {number}", "# text = Anna", "#begin document")
LAYOUTS = {  # the columns of word and tag, from 1
    "{word} {tag}": (1, 2),
    "{word} X {tag}": (1, 3),
    "{number} {word} {tag}": (2, 3),
    "{from_zero} {word} X {tag}": (2, 4),
    "doc{document} {number} {word} {tag}": (3, 4),
    "t{number} {word} {tag}": (2, 3),
    "{tag} {word}": (2, 1),
    "{word} {tag} _": (1, 2),
    "{word} {tag} X": (1, 2),
}


def tags_of(sentence: Tagged, scheme: str, outside: str = "O") -> list[str]:
    """The tags of a sentence in a scheme."""
    words, entities = sentence
    tags = [outside] * len(words)
    for start, end, kind in entities:
        for place in range(start, end):
            letter = "B" if place == start else "I"
            role = 3 if end - start == 1 else 0 if place == start else 2 if place == end - 1 else 1
            tags[place] = SCHEMES[scheme].format(
                place=letter,
                kind=kind,
                small=letter.lower(),
                word="BEGIN" if letter == "B" else "INSIDE",
                id=IDS[f"{letter}-{kind}"],
                **{name: letters[role] for name, letters in END_LETTERS.items()},
            )
    return tags


def conll(
    sentences: Sequence[Tagged], scheme: str, outside: str, layout: str, comment: str = ""
) -> list[list[str]]:
    """The lines of each sentence, with one blank between the columns."""
    blocks = []
    for document, sentence in enumerate(sentences):
        lines = [comment.format(number=document)] if comment else []
        tags = tags_of(sentence, scheme, outside)
        for place, (word, tag) in enumerate(zip(sentence[0], tags, strict=True)):
            values = {"word": word, "tag": tag, "document": document}
            lines.append(layout.format(number=place + 1, from_zero=place, **values))
        blocks.append(lines)
    return blocks


def joined_lines(blocks: Sequence[Sequence[str]], separator: str, end: str) -> str:
    """The content of a file: an empty line between the sentences; comments have blanks."""
    texts = (
        end.join(line if _is_comment(line) else line.replace(" ", separator) for line in lines)
        for lines in blocks
    )
    return (end + end).join(texts) + end


def _is_comment(line: str) -> bool:
    return line.startswith(("# ", "#begin"))


TOKENS = "kind: token, head: t, train: {name}, validation: {name}"
RATINGS = "kind: sentence, head: t, train: {name}, validation: {name}"


def columns(most: int | None = None) -> Iterator[Variant]:
    """CoNLL columns without a word in the manifest."""
    separators = {"tabs": "\t", "blanks": " "}
    options = sampled(product(SCHEMES, OUTSIDE, LAYOUTS, separators, LINE_ENDS, COMMENTS), most)
    for scheme, outside, layout, separator, end, comment in options:
        blocks = conll(SENTENCES, scheme, outside, layout, comment)
        content = joined_lines(blocks, separators[separator], LINE_ENDS[end])
        yield Variant(
            "CoNLL columns",
            (scheme, outside, layout, separator, end, comment),
            {"x.conll": content.encode()},
            TOKENS.format(name="x.conll"),
            SENTENCES,
        )


def named_columns(most: int | None = None) -> Iterator[Variant]:
    """CoNLL columns whose places, scheme and names of tags the manifest states truly."""
    stated = {"IOB2": "bio", "IO": "io", "BIOES": "iobes", "BILOU": "bilou", "BMES": "bmes"}
    names = {"ids": ", ".join(f"{number}: {tag}" for tag, number in IDS.items())}
    separators = {"tabs": "\t", "blanks": " "}
    options = sampled(
        product((*stated, "ids"), OUTSIDE, LAYOUTS, separators, ("LF", "CRLF"), COMMENTS), most
    )
    for scheme, outside, layout, separator, end, comment in options:
        word, tag = LAYOUTS[layout]
        keys = [TOKENS.format(name="x.conll"), f"columns: {{word: {word}, tag: {tag}}}"]
        mapping = [names[scheme]] if scheme in names else []
        mapping += [f'"{outside}": O'] if outside != "O" else []
        keys += [f"tags: {{{', '.join(mapping)}}}"] if mapping else []
        keys += [f"scheme: {stated[scheme]}"] if scheme in stated else []
        blocks = conll(SENTENCES, scheme, outside, layout, comment)
        content = joined_lines(blocks, separators[separator], LINE_ENDS[end])
        values = (scheme, outside, layout, separator, end, comment)
        files = {"x.conll": content.encode()}
        yield Variant("named columns", values, files, ", ".join(keys), SENTENCES)


TEXTS = {
    "plain": ("Good food.", "Bad room.", "Fine."),
    "commas": ("Good, cheap food.", "Bad room, bad food.", "Fine."),
    "semicolons": ("Good; cheap food.", "Bad room.", "Fine."),
    "a mark inside": ('A "good" meal.', "Bad room.", "Fine."),
    "a word in marks first": ('"Good" food.', "Bad room.", "Fine."),
    "a lone mark and its partner": ('"Good food.', "Bad room.", 'Fine"'),
    "a lone mark": ('"Good food.', "Bad room.", "Fine."),
    "an inch": ('A 5" screen.', "Bad room.", "Fine."),
    "two lines": ("Good\nfood.", "Bad room.", "Fine."),
}
LABELS = ("positive", "negative", "positive")


def _joined(separator: str, rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{separator.join(row)}\n" for row in rows)


def _by_csv(quoting: Any) -> Callable[[str, Sequence[Sequence[str]]], str]:
    def write(separator: str, rows: Sequence[Sequence[str]]) -> str:
        stream = io.StringIO()
        csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator="\n").writerows(
            rows
        )
        return stream.getvalue()

    return write


WRITERS = {
    "joined": _joined,
    "minimal": _by_csv(csv.QUOTE_MINIMAL),
    "all": _by_csv(csv.QUOTE_ALL),
}
ORDERS = {"text first": (0, 1), "label first": (1, 0), "an id first": (2, 0, 1)}


def tables(most: int | None = None) -> Iterator[Variant]:
    """CSV and TSV; where the quoting is stated it is the one of the writer."""
    separators = {"commas": ",", "semicolons": ";", "tabs": "\t", "bars": "|"}
    stated = {"": "", "stated": ", quoting: {}"}
    options = sampled(
        product(("csv", "tsv"), TEXTS, WRITERS, separators, LINE_ENDS, ORDERS, stated), most
    )
    for suffix, texts, writer, separator, end, order, quoting in options:
        rated = tuple(zip(TEXTS[texts], LABELS, strict=True))
        cells = [("text", "label", "id"), *((*row, str(n)) for n, row in enumerate(rated))]
        rows = [[row[place] for place in ORDERS[order]] for row in cells]
        content = WRITERS[writer](separators[separator], rows).replace("\n", LINE_ENDS[end])
        key = stated[quoting].format("none" if writer == "joined" else "csv")
        yield Variant(
            "CSV and TSV",
            (suffix, texts, writer, separator, end, order, quoting),
            {f"x.{suffix}": content.encode()},
            RATINGS.format(name=f"x.{suffix}") + key,
            rated,
        )


def encodings(most: int | None = None) -> Iterator[Variant]:
    """Text formats in encodings: those that are not UTF-8 must be refused or hold ASCII alone."""
    sets = {"ASCII": SENTENCES, "accents": ACCENTS}
    for texts, encoding, end in sampled(product(sets, ENCODINGS, LINE_ENDS), most):
        sentences = sets[texts]
        rows = [(" ".join(words), str(n % 2)) for n, (words, _) in enumerate(sentences)]
        lists = [
            json.dumps({"tokens": each[0], "tags": tags_of(each, "IOB2")}, ensure_ascii=False)
            for each in sentences
        ]
        blocks = conll(sentences, "IOB2", "O", "{word} {tag}")
        contents = {
            "x.conll": joined_lines(blocks, "\t", "\n"),
            "x.jsonl": "".join(f"{line}\n" for line in lists),
            "x.json": f"[\n{', '.join(lists)}\n]\n",
            "x.csv": WRITERS["minimal"](",", [("text", "label"), *rows]),
            "x.tsv": WRITERS["joined"]("\t", [("text", "label"), *rows]),
        }
        for name, content in contents.items():
            written = content.replace("\n", LINE_ENDS[end]).encode(encoding)
            of_rows = name.endswith(("csv", "tsv"))
            task, truth = (RATINGS, rows) if of_rows else (TOKENS, sentences)
            values = (name, texts, encoding, end)
            yield Variant("encodings", values, {name: written}, task.format(name=name), truth)
