"""Spans of characters: aligned with words, or counted with file and line, or refused."""

import json
import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.data_notes import data_notes
from mtl_core.tasks.dataset import Dataset, load_dataset

TEXT = "Anna Berg saw Rome."
WORDS = ("Anna", "Berg", "saw", "Rome", ".")
TAGS = ("B-PER", "I-PER", "O", "B-LOC", "O")
PAIRS = [[0, 9, "PER"], [14, 18, "LOC"]]


def read(folder: Path, rows: list[object], name: str = "b.jsonl", key: str = "") -> Dataset:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    content = f"[{', '.join(lines)}]" if name.endswith(".json") else "\n".join(lines)
    (folder / name).write_text(content, encoding="utf-8")
    (folder / "manifest.yaml").write_text(
        f"tasks: {{ner: {{kind: token, head: ner, train: {name}, validation: {name}{key}}}}}\n"
    )
    return load_dataset(str(folder), ANY_FILE)


def doccano(spans: list[list[object]] = PAIRS, text: str = TEXT, key: str = "label") -> object:
    return {"id": 1, "text": text, key: spans}


def result(start: int, end: int, label: str, **others: object) -> dict[str, object]:
    value = {"start": start, "end": end, "text": TEXT[start:end], "labels": [label]}
    return {"type": "labels", "from_name": "label", "value": value, **others}


def task(*annotations: object) -> object:
    return {"id": 7, "data": {"text": TEXT}, "annotations": list(annotations), "predictions": []}


def annotation(*results: object, **others: object) -> object:
    return {"id": 1, "result": list(results), **others}


BOTH = annotation(result(0, 9, "PER"), result(14, 18, "LOC"))
OFFSETS = [
    {"id": 1, "label": "PER", "start_offset": 0, "end_offset": 9},
    {"id": 2, "label": "LOC", "start_offset": 14, "end_offset": 18},
]
MINIMAL = [{key: each["value"][key] for key in each["value"]} for each in BOTH["result"]]
EXPORTS = {
    "doccano": ("b.jsonl", doccano(), "JSON lines with spans (keys 'text' and 'label')"),
    "labels": (
        "b.jsonl",
        doccano(key="labels"),
        "JSON lines with spans (keys 'text' and 'labels')",
    ),
    "entities": (
        "b.jsonl",
        {"text": TEXT, "entities": OFFSETS, "relations": []},
        "JSON lines with spans (keys 'text' and 'entities')",
    ),
    "Label Studio": (
        "b.json",
        task(BOTH),
        "JSON with spans (tasks of Label Studio, text 'text')",
    ),
    "JSON-MIN": (
        "b.json",
        {"id": 7, "text": TEXT, "label": MINIMAL, "annotator": 1},
        "JSON with spans (keys 'text' and 'label')",
    ),
}


@pytest.mark.parametrize(("name", "row", "layout"), EXPORTS.values(), ids=EXPORTS)
def test_each_export_is_read_as_tagged_words(
    tmp_path: Path, name: str, row: object, layout: str
) -> None:
    dataset = read(tmp_path, [row], name)
    assert [(each.words, each.labels["ner"]) for each in dataset.train] == [(WORDS, TAGS)]
    assert (
        f"{layout}: spans of characters, 2 entity types ('LOC', 'PER'); 1 + 1 sentences"
    ) in dataset.readings["ner"].line
    assert dataset.readings["ner"].notes_once == ()


def test_offsets_count_code_points_and_blanks_at_the_sides_belong_to_no_word(
    tmp_path: Path,
) -> None:
    text = "😀 Ånna saw  Rome ."
    dataset = read(tmp_path, [doccano([[2, 7, "PER"], [10, 17, "LOC"]], text)])
    assert dataset.train[0].words == ("😀", "Ånna", "saw", "Rome", ".")
    assert dataset.train[0].labels["ner"] == ("O", "B-PER", "O", "B-LOC", "O")


MISFITS = {
    "a word cut": ([15, 18, "LOC"], "not at the edges of words", "15 to 18"),
    "blanks alone": ([4, 5, "LOC"], "not at the edges of words", "4 to 5"),
    "past the text": ([14, 20, "LOC"], "outside of the text", "14 to 20"),
    "before the text": ([-1, 4, "LOC"], "outside of the text", "-1 to 4"),
    "an empty one": ([4, 4, "LOC"], "outside of the text", "4 to 4"),
    "an overlap": ([5, 9, "LOC"], "overlapping another span", "5 to 9"),
    "a repetition": ([0, 9, "LOC"], "overlapping another span", "0 to 9"),
}


@pytest.mark.parametrize(("span", "why", "offsets"), MISFITS.values(), ids=MISFITS)
def test_a_span_that_does_not_align_is_counted_with_file_and_line(
    tmp_path: Path, span: list[object], why: str, offsets: str
) -> None:
    dataset = read(tmp_path, [doccano(), doccano([*PAIRS, span])])
    assert [each.labels["ner"] for each in dataset.train] == [TAGS, TAGS]
    note = f"b.jsonl: 1 span {why} became no entity, first in line 2 ('LOC' from {offsets})."
    assert dataset.readings["ner"].notes == {"train": (note,), "validation": (note,)}
    assert data_notes(dataset).count(f"ner: {note}") == 1


def test_of_spans_that_overlap_the_first_and_longest_is_the_entity(tmp_path: Path) -> None:
    spans = [[5, 9, "PER"], [0, 4, "PER"], [0, 9, "ORG"], [14, 18, "LOC"]]
    dataset = read(tmp_path, [doccano(spans)])
    assert dataset.train[0].labels["ner"] == ("B-ORG", "I-ORG", "O", "B-LOC", "O")
    assert "b.jsonl: 2 spans overlapping another span" in dataset.readings["ner"].notes_once[0]


def test_a_mapping_of_types_names_removes_and_joins_them(tmp_path: Path) -> None:
    spans = [[0, 4, "PERSON"], [5, 9, "1"], [10, 13, "VERB"], [14, 18, "LOC"]]
    key = ", tags: {PERSON: PER, 1: B-PER, VERB: O}"
    dataset = read(tmp_path, [doccano(spans)], key=key)
    assert dataset.train[0].labels["ner"] == ("B-PER", "B-PER", "O", "B-LOC", "O")


def test_tasks_without_an_annotation_and_other_results_are_counted(tmp_path: Path) -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b"}
    rows = [
        task(annotation(*BOTH["result"], relation)),
        task(),
        task(annotation(was_cancelled=True)),
        task(BOTH, BOTH),
    ]
    dataset = read(tmp_path, rows, "b.json")
    assert [each.labels["ner"] for each in dataset.train] == [TAGS, TAGS]
    assert dataset.readings["ner"].notes["train"] == (
        "b.json: 2 tasks without an annotation left out, first in line 1.",
        "b.json: 1 result other than spans of this task left out, first in line 1.",
    )


def test_the_label_of_a_manifest_selects_one_of_several_controls(tmp_path: Path) -> None:
    other = result(10, 13, "VERB", from_name="pos")
    rows = [task(annotation(*BOTH["result"], other))]
    with pytest.raises(DataError, match=r"b\.json, line 1: the task has spans of 'label', 'pos'"):
        read(tmp_path, rows, "b.json")
    dataset = read(tmp_path, rows, "b.json", ", text: text, label: pos")
    assert dataset.train[0].labels["ner"] == ("O", "O", "B-VERB", "O", "O")


WRONG_TEXT = result(0, 9, "PER") | {"value": {**result(0, 9, "PER")["value"], "text": "Bob"}}
REFUSED = {
    "UTF-16": (
        "b.jsonl",
        doccano([[3, 7, "PER"]], "😀 Anna"),
        "b.jsonl, line 1: 1 of 1 spans do not fit the words, 'PER' from 3 to 7 here; as UTF-16 "
        "code units all fit. Write offsets that count code points (characters of Python).",
    ),
    "bytes": (
        "b.jsonl",
        doccano([[7, 11, "LOC"]], "Århus Oslo"),
        "as bytes of UTF-8 all fit.",
    ),
    "the end included": (
        "b.jsonl",
        doccano([[0, 8, "PER"], [14, 17, "LOC"]]),
        "2 of 2 spans do not begin and end with a word, 'PER' from 0 to 8 here. Offsets count code "
        "points from 0, and the end is not included; blanks and punctuation separate words.",
    ),
    "another text": ("b.json", task(annotation(WRONG_TEXT)), "1 of 1 spans do not begin and end"),
    "annotations that differ": (
        "b.json",
        task(BOTH, annotation(result(0, 4, "PER"))),
        "b.json, line 1: the task has 2 annotations that differ",
    ),
    "two lists": (
        "b.jsonl",
        {"text": TEXT, "label": PAIRS, "entities": PAIRS},
        "line 1: there are spans in 'label', 'entities'. Name one in the manifest: label: label.",
    ),
    "half offsets": ("b.jsonl", doccano([[0.5, 9, "PER"]]), "has the offsets 0.5 and 9."),
    "no type": ("b.jsonl", doccano([[0, 9, " "]]), "a span in 'label' has no type."),
    "two values": ("b.jsonl", doccano([[0, 9]]), "an entry of 'label' is no span."),
    "a missing type": ("b.jsonl", doccano([[0, 9, None]]), "'the type in 'label'' holds null"),
    "classes": ("b.jsonl", {"text": TEXT, "tags": ["positive"]}, "there is no key 'tokens'."),
    "null": (
        "b.jsonl",
        {"text": TEXT, "label": None},
        "'label' holds no list of spans. Write [] for a text without any.",
    ),
    "no words": ("b.jsonl", doccano([], " "), "the text has no words."),
    "no entity": ("b.jsonl", doccano([]), "Every tag in b.jsonl is O"),
    "O as a type": ("b.jsonl", doccano([[0, 9, "O"]]), "may mean O. Write tags: {B-O: O} in the"),
    "types in two cases": (
        "b.jsonl",
        doccano([[0, 9, "PER"], [14, 18, "per"]]),
        "the types 'PER' and 'per' differ only in case.",
    ),
}


@pytest.mark.parametrize(("name", "row", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_span_or_doubtful_is_refused(
    tmp_path: Path, name: str, row: object, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read(tmp_path, [row], name)


ARRAYS = {
    "no array": ("{}", "b.json, line 1: '[' is missing. Write one array of objects: [{…}, {…}]"),
    "an empty one": ("[ ]", "line 1: the array is empty."),
    "no end": ('[{"tokens": ["a"], "tags": ["O"]}', "line 1: ',' is missing."),
    "no objects": ("[\n1]", "line 2: an entry of the array is no object."),
    "no JSON": ("[\n\n{\n'a': 1}]", "line 4: is not JSON (Expecting property name"),
    "something after it": (
        '[{"tokens": ["a"], "tags": ["O"]}]\n[]',
        "line 2: something follows the array.",
    ),
    "a key twice": ('[{"text": "a",\n"text": "b"}]', "the key 'text' is repeated in an object."),
}


@pytest.mark.parametrize(("content", "message"), ARRAYS.values(), ids=ARRAYS)
def test_a_faulty_json_array_is_refused_with_its_line(
    tmp_path: Path, content: str, message: str
) -> None:
    read_of = "tasks: {ner: {kind: token, head: ner, train: b.json, validation: b.json}}\n"
    (tmp_path / "manifest.yaml").write_text(read_of)
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(str(tmp_path), ANY_FILE)


def test_objects_of_an_array_have_the_line_on_which_they_begin(tmp_path: Path) -> None:
    rows = json.dumps([task(BOTH), task(BOTH, annotation())], indent=1)
    manifest = "tasks: {ner: {kind: token, head: ner, train: b.json, validation: b.json}}\n"
    (tmp_path / "manifest.yaml").write_text(manifest)
    (tmp_path / "b.json").write_text(rows)
    begins = rows.split("\n").index(" {", 2) + 1
    with pytest.raises(DataError, match=rf"b\.json, line {begins}: the task has 2 annotations"):
        load_dataset(str(tmp_path), ANY_FILE)


def test_a_doc_bin_is_refused_with_where_to_find_the_conversion(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.spacy is a DocBin of spaCy.* docs/manifest\.md has"):
        read(tmp_path, [doccano()], "b.spacy")
