"""Labels, tags and names with control characters are refused; sentences may have them."""

import json
import re

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset

ESC, BELL, TURN = "\x1b[31m", "\x07", "\u202e"


def reviews(write_data, label: str, text: str = "good", key: str = "") -> str:
    row = json.dumps({"text": text, "label": label}, ensure_ascii=False)
    other = json.dumps({"text": "bad", "label": "negative"})
    manifest = (
        "tasks: {sentiment: {kind: sentence, head: classifier, train: a.jsonl, "
        f"validation: a.jsonl{key}}}}}\n"
    )
    return str(write_data({"manifest.yaml": manifest, "a.jsonl": f"{other}\n{row}\n"}))


def tokens(write_data, name: str, line: str) -> str:
    manifest = f"tasks: {{ner: {{kind: token, head: ner, train: {name}, validation: {name}}}}}\n"
    return str(write_data({"manifest.yaml": manifest, name: line}))


@pytest.mark.parametrize(
    ("bad", "code"), [(ESC, "U+001B"), (BELL, "U+0007"), (TURN, "U+202E"), ("a\nb", "U+000A")]
)
def test_a_label_with_a_controlling_character_is_refused(write_data, bad, code) -> None:
    shown = ascii(f"x{bad}y")
    message = f"a.jsonl, line 2: the label {shown} contains {code}, which controls a terminal or"
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(reviews(write_data, f"x{bad}y"), ANY_FILE)


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("a.conll", f"anna\tB-{TURN}PER\nworks\tO\n", r"the tag 'B-\u202ePER' contains U+202E"),
        (
            "a.jsonl",
            json.dumps({"tokens": ["anna", "works"], "tags": [f"B-{BELL}PER", "O"]}),
            r"the tag 'B-\x07PER' contains U+0007",
        ),
        (
            "a.jsonl",
            json.dumps({"text": "anna", "entities": [{"start": 0, "end": 4, "label": f"P{ESC}"}]}),
            r"the tag 'B-P\x1b[31m' contains U+001B",
        ),
    ],
)
def test_a_tag_and_an_entity_type_are_refused_with_their_line(
    write_data, name, line, fault
) -> None:
    with pytest.raises(DataError, match=re.escape(f"{name}, line 1: {fault}")):
        load_dataset(tokens(write_data, name, line), ANY_FILE)


def test_a_name_in_the_manifest_is_refused_there_and_may_replace_a_label(write_data) -> None:
    key = ', labels: {good: "\\e[31mgood"}'
    with pytest.raises(DataError, match=r"manifest.yaml, line 1: the name '\\x1b\[31mgood' con"):
        load_dataset(reviews(write_data, "good", key=key), ANY_FILE)
    key = ', labels: {"go\\aod": good}'
    dataset = load_dataset(reviews(write_data, f"go{BELL}od", key=key), ANY_FILE)
    assert dataset.tasks[0].outputs == ("good", "negative")


def test_a_sentence_may_have_such_characters(write_data) -> None:
    text = f"{ESC}good{TURN}{BELL}"
    dataset = load_dataset(reviews(write_data, "positive", text), ANY_FILE)
    assert text in [example.text for example in dataset.train]
