"""Variants of two files, written here by hand rules: each is read as meant, or refused by name."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from random import Random

import pytest

from mtl_core.errors import DataError
from mtl_core.settings import ANY_FILE
from mtl_core.tasks.dataset import Example, load_dataset
from mtl_core.tasks.schemes import spans

Entities = tuple[tuple[int, int, str], ...]
SENTENCES: tuple[tuple[tuple[str, ...], Entities], ...] = (
    (("Anna", "Berg", "saw", "Rome", "."), ((0, 2, "PER"), (3, 4, "LOC"))),
    (("It", "rains"), ()),
    (("In", "New", "York", "City", "Lee", "left"), ((1, 4, "LOC"), (4, 5, "PER"))),
    (("#1", "is", "Lee"), ((2, 3, "PER"),)),
)
IDS = {"B-PER": "1", "I-PER": "2", "B-LOC": "3", "I-LOC": "4"}
SCHEMES = {
    "IOB2": "{place}-{kind}",
    "IO": "{kind}",
    "inside only": "I-{kind}",
    "behind": "{kind}-{place}",
    "underscore": "{place}_{kind}",
    "joined": "{place}{kind}",
    "lower case": "{small}-{kind}",
    "with a key": "name={place}-{kind}",
    "ids": "{id}",
    "words": "{word}-{kind}",
    "brackets": "({kind}*",
}
OUTSIDE = ("O", "0", "o", "_", "-", "OUT")
LAYOUTS = (
    "{word} {tag}",
    "{word} X {tag}",
    "{number} {word} {tag}",
    "{from_zero} {word} X {tag}",
    "doc{document} {number} {word} {tag}",
    "t{number} {word} {tag}",
    "{tag} {word}",
    "{word} {tag} _",
    "{word} {tag} X",
)
LINE_ENDS = ("\n", "\r\n", "\r")
COMMENTS = ("", "# sent_id = {number}", "# text = Anna", "#begin document")
READABLE = tuple(product(("IOB2", "IO", "inside only"), ("O",), LAYOUTS[:2]))
SAMPLED = 600  # of 14,112


def tag_of(place: int, entities: Entities, scheme: str, outside: str) -> str:
    for start, end, kind in entities:
        if start <= place < end:
            letter, word = ("B", "BEGIN") if place == start else ("I", "INSIDE")
            forms = {"small": letter.lower(), "word": word, "id": IDS[f"{letter}-{kind}"]}
            return SCHEMES[scheme].format(place=letter, kind=kind, **forms)
    return outside


def conll(scheme: str, outside: str, layout: str, separator: str, end: str, comment: str) -> str:
    blocks = []
    for document, (words, entities) in enumerate(SENTENCES):
        lines = [comment.format(number=document)] if comment else []
        for place, word in enumerate(words):
            line = layout.format(
                word=word,
                tag=tag_of(place, entities, scheme, outside),
                number=place + 1,
                from_zero=place,
                document=document,
            )
            lines.append(line.replace(" ", separator))
        blocks.append(end.join(lines) + end)
    return end.join(blocks)


def outcome(manifest: Path, meant: Callable[[Sequence[Example]], bool], file: str) -> str:
    """`right` or `wrong` as `meant` decides, or `refused` by an error that names `file`."""
    try:
        dataset = load_dataset(str(manifest), ANY_FILE)
    except DataError as refusal:
        return "refused" if file in str(refusal) else f"refused without the file: {refusal}"
    return "right" if meant(dataset.train) else "wrong"


def tagged_variants() -> list[tuple[str, str, str, str, str, str]]:
    """All variants that can be read, and a sample of the others that is always the same."""
    variants = list(product(SCHEMES, OUTSIDE, LAYOUTS, ("\t", " "), LINE_ENDS, COMMENTS))
    readable = [each for each in variants if each[:3] in READABLE]
    others = [each for each in variants if each[:3] not in READABLE]
    return readable + Random(16).sample(others, SAMPLED)


def as_tagged(examples: Sequence[Example]) -> bool:
    found = [(each.words, tuple(map(tuple, spans(each.labels["ner"])))) for each in examples]
    return found == list(SENTENCES)


def test_no_variant_of_tagged_words_is_misread(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(
        "tasks: {ner: {kind: token, head: ner, train: b.conll, validation: b.conll}}\n"
    )
    outcomes: dict[str, list[tuple[str, str, str, str, str, str]]] = {}
    for variant in tagged_variants():
        (tmp_path / "b.conll").write_bytes(conll(*variant).encode())
        outcomes.setdefault(outcome(manifest, as_tagged, "b.conll"), []).append(variant)

    assert outcomes.keys() == {"right", "refused"}, outcomes.keys()
    assert sum(map(len, outcomes.values())) == 3 * 2 * 2 * 3 * 4 + SAMPLED
    read = Counter((scheme, outside, layout) for scheme, outside, layout, *_ in outcomes["right"])
    assert read == dict.fromkeys(READABLE, 4)  # tabs and blanks, two line ends, no comments


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


def joined(separator: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"{separator.join(row)}\n" for row in (columns, *rows))


def written(quoting: int) -> Callable[[str, Sequence[str], Sequence[Sequence[str]]], str]:
    def write(separator: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=separator, quoting=quoting, lineterminator="\n")
        writer.writerows((columns, *rows))
        return stream.getvalue()

    return write


WRITERS = {
    "joined": joined,
    "minimal": written(csv.QUOTE_MINIMAL),
    "all": written(csv.QUOTE_ALL),
}


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_no_variant_of_labelled_sentences_is_misread(tmp_path: Path, suffix: str) -> None:
    manifest = tmp_path / "manifest.yaml"
    name = f"a{suffix}"
    manifest.write_text(
        f"tasks: {{mood: {{kind: sentence, head: mood, train: {name}, validation: {name}}}}}\n"
    )
    outcomes: dict[str, list[tuple[str, ...]]] = {}
    orders = {"text first": (0, 1), "label first": (1, 0), "an id first": (2, 0, 1)}
    variants = product(TEXTS, WRITERS, ",;\t|", LINE_ENDS, orders)
    for texts, writer, separator, end, order in variants:
        cells = [
            (*row, str(number)) for number, row in enumerate(zip(TEXTS[texts], LABELS, strict=True))
        ]
        rows = [[row[place] for place in orders[order]] for row in cells]
        columns = [("text", "label", "id")[place] for place in orders[order]]
        content = WRITERS[writer](separator, columns, rows)
        (tmp_path / name).write_bytes(content.replace("\n", end).encode())
        expected = [(row[0], row[1]) for row in cells]

        def meant(examples: Sequence[Example], expected: list[tuple[str, str]] = expected) -> bool:
            return [(each.text, each.labels["mood"]) for each in examples] == expected

        result = outcome(manifest, meant, name)
        outcomes.setdefault(result, []).append((texts, writer, separator, end, order))

    assert outcomes.keys() == {"right", "refused"}, outcomes.keys()
    assert sum(map(len, outcomes.values())) == 9 * 3 * 4 * 3 * 3
    own = {".csv": ",", ".tsv": "\t"}[suffix]
    assert {separator for _, _, separator, _, _ in outcomes["right"]} == {own}
    refused = {
        (texts, writer)
        for texts, writer, separator, end, _ in outcomes["refused"]
        if (separator, end) == (own, "\n")
    }
    expected_refusals = {
        ".csv": {
            (texts, "joined")
            for texts in (
                "commas",
                "a word in marks first",
                "a lone mark and its partner",
                "a lone mark",
                "two lines",
            )
        },
        ".tsv": {("two lines", "joined")},
    }
    assert refused == expected_refusals[suffix]
