"""Data without a validation file: a part of the training sentences is held out and named."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.automatic_split import held_out
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask, read_upload, store_upload


def loaded(folder: Path, **tasks: dict[str, str]) -> Dataset:
    (folder / "manifest.yaml").write_text(json.dumps({"tasks": tasks}))
    return load_dataset(str(folder), ANY_FILE)


def reviews(folder: Path, positive: int = 40, negative: int = 10) -> dict[str, str]:
    rows = [f"review {n},{'good' if n < positive else 'bad'}" for n in range(positive + negative)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return {"kind": "sentence", "head": "classifier", "train": "reviews.csv"}


def tagged(folder: Path) -> dict[str, str]:
    sentences = [
        f"Anna{n} B-PER\nsleeps O\n" if n % 2 else f"it{n} O\nrains O\n" for n in range(30)
    ]
    (folder / "entities.conll").write_text("\n".join(sentences))
    return {"kind": "token", "head": "ner", "train": "entities.conll"}


def labels(examples: object, task: str) -> Counter[object]:
    return Counter(each.labels[task] for each in examples)  # type: ignore[attr-defined]


def test_a_fifth_of_each_class_is_held_out_and_the_notes_say_so(tmp_path: Path) -> None:
    data = loaded(tmp_path, sentiment=reviews(tmp_path))
    assert labels(data.train, "sentiment") == {"good": 32, "bad": 8}
    assert labels(data.validation, "sentiment") == {"good": 8, "bad": 2}
    assert not {each.text for each in data.train} & {each.text for each in data.validation}
    assert data.readings["sentiment"].notes_once == (
        "No validation file: 10 of 50 training sentences (20 %, by a hash of their "
        "text, stratified by class) are the validation split.",
    )
    assert list(data.digests) == ["reviews.csv"]


def test_sentences_with_and_without_entities_are_held_out_in_equal_shares(tmp_path: Path) -> None:
    data = loaded(tmp_path, ner=tagged(tmp_path))
    inside = [any(tag != "O" for tag in each.labels["ner"]) for each in data.validation]
    assert Counter(inside) == {True: 3, False: 3}
    assert len(data.train) == 24


def test_the_split_depends_on_the_texts_and_not_on_their_order(tmp_path: Path) -> None:
    first = loaded(tmp_path, sentiment=reviews(tmp_path))
    header, *rows = (tmp_path / "reviews.csv").read_text().splitlines()
    (tmp_path / "reviews.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    again = load_dataset(str(tmp_path), ANY_FILE)
    assert {each.text for each in first.validation} == {each.text for each in again.validation}


def test_equal_sentences_are_on_one_side() -> None:
    texts = [f"sentence {n % 20}" for n in range(100)]
    held = held_out("file", texts, ["x"] * 100)
    assert len(held) == 20
    assert not {texts[n] for n in held} & {texts[n] for n in range(100) if n not in held}


def test_two_tasks_of_one_file_hold_out_the_same_sentences(tmp_path: Path) -> None:
    rows = [{"text": f"text {n}", "a": "xy"[n % 2], "b": "uvw"[n % 3]} for n in range(60)]
    (tmp_path / "both.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    entry = {"kind": "sentence", "train": "both.jsonl"}
    data = loaded(
        tmp_path, a={**entry, "head": "one", "label": "a"}, b={**entry, "head": "two", "label": "b"}
    )
    assert (len(data.train), len(data.validation)) == (48, 12)
    assert all(set(each.labels) == {"a", "b"} for each in data.validation)


def test_a_test_file_stays_a_test_file(tmp_path: Path) -> None:
    entry = reviews(tmp_path)
    (tmp_path / "test.csv").write_text("text,label\nnew,good\nother,bad\n")
    data = loaded(tmp_path, sentiment={**entry, "test": "test.csv"})
    assert data.counts() == {"sentiment": {"train": 40, "validation": 10, "test": 2}}


def test_a_class_with_one_sentence_stays_in_training(tmp_path: Path) -> None:
    data = loaded(tmp_path, sentiment=reviews(tmp_path, positive=9, negative=1))
    assert labels(data.train, "sentiment") == {"good": 7, "bad": 1}
    assert labels(data.validation, "sentiment") == {"good": 2}


def test_too_few_sentences_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"reviews\.csv has too few sentences .* Add a validation"):
        loaded(tmp_path, sentiment=reviews(tmp_path, positive=1, negative=1))


def test_an_upload_without_a_validation_file_is_divided_in_the_same_way(tmp_path: Path) -> None:
    entry = reviews(tmp_path)
    file = UploadedFile("mine.csv", (tmp_path / "reviews.csv").read_bytes())
    task = UploadedTask("sentiment", TaskKind.SENTENCE, "classifier", file, None, "text", "label")
    stored = store_upload((task,), tmp_path / "uploads")
    access = ANY_FILE.model_copy(update={"uploads": tmp_path / "uploads"})
    held = {each.text for each in load_dataset(stored, access).validation}
    assert held == {each.text for each in read_upload((task,)).validation}
    assert held == {each.text for each in loaded(tmp_path, sentiment=entry).validation}
