"""Writes the sentences of `written_variants.py` as rows with keys, and as spans of characters."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import pyarrow
from pyarrow import parquet

from benchmarks.written_variants import (
    ALL_TEXTS,
    IDS,
    LONG,
    OUTSIDE,
    RATINGS,
    SCHEMES,
    TEXTS,
    TOKENS,
    Tagged,
    Variant,
    conll,
    joined_lines,
    sampled,
    tags_of,
)

NAMES = ["O", *IDS]  # in the order of their ids


def _table_files(table: pyarrow.Table) -> Iterator[tuple[str, str, dict[str, bytes]]]:
    """Each format of a table: its name, that of the file, and the files."""
    stream, file, columns = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with pyarrow.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    with pyarrow.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    parquet.write_table(table, columns)
    state = json.dumps({"_data_files": [{"filename": "data.arrow"}], "_format_type": None})
    yield "Parquet", "x.parquet", {"x.parquet": columns.getvalue()}
    yield "Arrow file", "x.arrow", {"x.arrow": file.getvalue()}
    yield "Arrow stream", "x.arrow", {"x.arrow": stream.getvalue()}
    files = {"x/state.json": state.encode(), "x/data.arrow": stream.getvalue()}
    yield "saved folder", "x", files


def _described(table: pyarrow.Table, column: str, feature: object) -> pyarrow.Table:
    """The table with one feature as Hugging Face datasets writes it."""
    info = {"info": {"features": {column: feature}}}
    return table.replace_schema_metadata({"huggingface": json.dumps(info)})


def keyed(most: int | None = None) -> Iterator[Variant]:
    """JSON lines, a JSON array, Parquet, Arrow and saved folders, with several names of keys."""
    keys = {"tokens, tags": ("tokens", "tags"), "words, ner_tags": ("words", "ner_tags")}
    for texts, scheme, outside, key in sampled(product(ALL_TEXTS, SCHEMES, OUTSIDE, keys), most):
        sentences, (words, tags) = ALL_TEXTS[texts], keys[key]
        lists = [tags_of(each, scheme, outside) for each in sentences]
        rows = [
            {"id": n, words: list(each[0]), tags: found}
            for n, (each, found) in enumerate(zip(sentences, lists, strict=True))
        ]
        stated = "" if key == "tokens, tags" else f", text: {words}, label: {tags}"
        lines = [json.dumps(row, ensure_ascii=outside == "O") for row in rows]
        table = pyarrow.Table.from_pylist(rows)
        files = [
            ("JSON lines", "x.jsonl", {"x.jsonl": "\n".join(lines).encode()}),
            ("JSON array", "x.json", {"x.json": json.dumps(rows, indent=1).encode()}),
            *_table_files(table),
        ]
        for layout, name, content in files:
            values = (layout, texts, scheme, outside, key)
            task = TOKENS.format(name=name) + stated
            yield Variant("rows with keys", values, content, task, sentences)


def classes(most: int | None = None) -> Iterator[Variant]:
    """Ids of classes, with and without their names, in each version of the metadata."""
    named = {"names": NAMES, "_type": "ClassLabel"}
    features: dict[str, object] = {
        "List": {"feature": named, "_type": "List"},
        "Sequence": {"feature": named, "length": -1, "_type": "Sequence"},
        "a list": [named],
        "another column": None,
        "ids from 1": {"feature": named, "_type": "List"},
    }
    ids = {tag: number for number, tag in enumerate(NAMES)}
    for texts, feature in sampled(product(ALL_TEXTS, features), most):
        shift = feature == "ids from 1"  # the last id has no name: refused
        rows = [
            {"tokens": list(each[0]), "tags": [ids[tag] + shift for tag in tags_of(each, "IOB2")]}
            for each in (*ALL_TEXTS[texts], (("New", "York"), ((0, 2, "LOC"),)))
        ]
        truth = (*ALL_TEXTS[texts], (("New", "York"), ((0, 2, "LOC"),)))
        column = "other" if feature == "another column" else "tags"
        table = _described(pyarrow.Table.from_pylist(rows), column, features[feature])
        for layout, name, content in _table_files(table):
            values = (layout, texts, feature)
            yield Variant("ids of classes", values, content, TOKENS.format(name=name), truth)
    for texts, with_names, last in sampled(product(TEXTS, (True, False), (0, -1)), most):
        rated = [(text, ("bad", "good")[n % 2]) for n, text in enumerate(TEXTS[texts])]
        labels = [*(n % 2 for n in range(len(rated) - 1)), last]
        table = pyarrow.table({"text": [text for text, _ in rated], "label": labels})
        if with_names:
            table = _described(table, "label", {"names": ["bad", "good"], "_type": "ClassLabel"})
        else:
            rated = [(text, str(label)) for (text, _), label in zip(rated, labels, strict=True)]
        for layout, name, content in _table_files(table):
            which = (layout, texts, "named" if with_names else "ids", str(last))
            yield Variant("ids of classes", which, content, RATINGS.format(name=name), rated)


UNITS: dict[str, Callable[[str], int]] = {
    "code points": len,
    "UTF-16": lambda text: len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode()),
}
FAULTS = {  # a span that becomes no entity, as start and end within the first text
    "none": None,
    "a word cut": (1, 4),
    "past the text": (0, 1000),
    "negative": (-3, 2),
    "empty": (2, 2),
    "overlap": (0, 4),
}
EXPORTS = ("label", "labels", "entities", "offsets", "Label Studio", "without text", "JSON-MIN")


Offsets = tuple[int, int, str, str]
"""Start, end, type and text of a span."""


def _offsets(sentence: Tagged, unit: Callable[[str], int]) -> list[Offsets]:
    """The entities as offsets in the words joined by blanks."""
    words, entities = sentence
    found = []
    for start, end, kind in entities:
        before, text = " ".join((*words[:start], "")), " ".join(words[start:end])
        found.append((unit(before), unit(before + text), kind, text))
    return found


def _export(export: str, text: str, offsets: Sequence[Offsets]) -> dict[str, Any]:
    """One row of an export."""
    if export in ("label", "labels", "entities"):
        return {"text": text, export: [list(each[:3]) for each in offsets]}
    if export == "offsets":
        keys = ("start_offset", "end_offset", "label")
        objects = [dict(zip(keys, each, strict=False)) for each in offsets]
        return {"text": text, "entities": objects, "relations": []}
    values = [
        {"start": start, "end": end, "labels": [kind]}
        | ({} if export == "without text" else {"text": stated})
        for start, end, kind, stated in offsets
    ]
    if export == "JSON-MIN":
        return {"text": text, "label": values}
    results = [{"type": "labels", "from_name": "label", "value": value} for value in values]
    return {"data": {"text": text}, "annotations": [{"result": results, "was_cancelled": False}]}


def spans(most: int | None = None) -> Iterator[Variant]:
    """Exports of spans, with offsets in three units, an included end, and spans that do not fit."""
    options = sampled(product(EXPORTS, ALL_TEXTS, UNITS, ("excluded", "included"), FAULTS), most)
    for export, texts, unit, end, fault in options:
        rows = []
        for number, sentence in enumerate(ALL_TEXTS[texts]):
            text, offsets = " ".join(sentence[0]), _offsets(sentence, UNITS[unit])
            if end == "included":
                offsets = [(start, stop - 1, kind, true) for start, stop, kind, true in offsets]
            if number == 0 and (extra := FAULTS[fault]) is not None:
                start, stop = offsets[0][:2] if fault == "overlap" else extra
                offsets.append((start, stop, "LOC", text[max(start, 0) : stop]))
            rows.append(_export(export, text, offsets))
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        for name, content in {
            "x.jsonl": "\n".join(lines),
            "x.json": f"[{', '.join(lines)}]",
        }.items():
            values = (name, export, texts, unit, end, fault)
            task, files = TOKENS.format(name=name), {name: content.encode()}
            left_out = 0 if fault == "none" else 1
            yield Variant("spans", values, files, task, ALL_TEXTS[texts], left_out)


SIDES = {"right": False, "left": True}


def truncations(most: int | None = None) -> Iterator[Variant]:
    """Long sentences in each format, cut off on either side.

    Each word is one token, and two special tokens count too.
    """
    for scheme, side, max_length in sampled(
        product(("IOB2", "IO", "BILOU"), SIDES, range(8, 15)), most
    ):
        left = max_length - 2
        lost = 0
        for words, entities in LONG:
            cut = max(len(words) - left, 0)
            for start, end, _ in entities:
                lost += start < cut if SIDES[side] else end > len(words) - cut
        lists = [{"tokens": each[0], "tags": tags_of(each, scheme)} for each in LONG]
        rows = [_export("label", " ".join(each[0]), _offsets(each, len)) for each in LONG]
        blocks = conll(LONG, scheme, "O", "{word} {tag}")
        contents = {
            "CoNLL columns": ("x.conll", joined_lines(blocks, "\t", "\n")),
            "JSON lines": ("x.jsonl", "\n".join(map(json.dumps, lists))),
            "spans": ("x.jsonl", "\n".join(map(json.dumps, rows))),
        }
        for layout, (name, content) in contents.items():
            yield Variant(
                "truncation",
                (layout, scheme, side, str(max_length)),
                {name: content.encode()},
                TOKENS.format(name=name),
                LONG,
                truncation=(side, max_length),
                lost=lost,
            )
