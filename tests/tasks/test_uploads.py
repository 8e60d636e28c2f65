import re
from dataclasses import replace
from pathlib import Path

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import FileAccess
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.schemes import Scheme
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.token_columns import TokenColumns
from mtl_core.tasks.uploads import (
    MOST_BYTES,
    MOST_ROWS,
    UploadedFile,
    UploadedTask,
    columns_of,
    delete_upload,
    read_upload,
    store_upload,
    stored_uploads,
    upload_reference,
)

REVIEWS = UploadedTask(
    name="reviews",
    kind=TaskKind.SENTENCE,
    head="classifier",
    train=UploadedFile("a.csv", b"said,mood\nGood.,up\nBad.,down\nFine.,up\n"),
    validation=UploadedFile("b.csv", b"said,mood\nNot bad.,up\n"),
    text="said",
    label="mood",
)
PLACES = UploadedTask(
    name="places",
    kind=TaskKind.TOKEN,
    head="ner",
    train=UploadedFile("c.conll", b"Ann\tB-PER\nsaw\tO\nRome\tB-LOC\n"),
    validation=UploadedFile("d.txt", b"Ann\tB-PER\nleft\tO\n"),
)
BOTH = (REVIEWS, PLACES)


def access_to(uploads: Path) -> FileAccess:
    return FileAccess(data_roots=(), checkpoint_roots=(), uploads=uploads)


def train_file(task: UploadedTask, name: str, content: bytes) -> UploadedTask:
    return replace(task, train=UploadedFile(name, content))


def test_an_upload_is_read_from_memory_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = read_upload(BOTH)
    assert found.counts() == {
        "reviews": {"train": 3, "validation": 1},
        "places": {"train": 1, "validation": 1},
    }
    assert [task.outputs for task in found.tasks] == [("down", "up"), ("O", "B-LOC", "B-PER")]
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_read_again_as_what_was_looked_at(tmp_path: Path) -> None:
    reference = store_upload(BOTH, tmp_path / "uploads")
    kept, seen = load_dataset(reference, access_to(tmp_path / "uploads")), read_upload(BOTH)
    assert (kept.tasks, kept.train, kept.validation) == (seen.tasks, seen.train, seen.validation)
    assert sorted(kept.digests.values()) == sorted(seen.digests.values())
    assert kept.reference == seen.reference == reference == upload_reference(BOTH)
    assert stored_uploads(tmp_path / "uploads")[0].tasks == ("reviews", "places")


def test_the_same_files_get_the_same_name_and_others_another(tmp_path: Path) -> None:
    first, second = store_upload(BOTH, tmp_path), store_upload(BOTH, tmp_path)
    assert first == second
    assert re.fullmatch(r"upload:[0-9a-f]{16}", first)
    others = (replace(REVIEWS, name="mood"), replace(REVIEWS, head="mood"), PLACES)
    assert len({first, *(upload_reference((each,)) for each in others)}) == 4
    assert [path.name for path in tmp_path.iterdir()] == [first.removeprefix("upload:")]


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd.csv", "/etc/cron.csv", "C:\\x.csv", "\0.csv"]
)
def test_a_file_is_stored_under_its_digest_for_any_name(tmp_path: Path, name: str) -> None:
    task = train_file(REVIEWS, name, REVIEWS.train.content)
    store_upload((task,), tmp_path / "home" / "uploads")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 3
    assert all(re.fullmatch(r"manifest\.yaml|[0-9a-f]{16}\.csv", path.name) for path in written)
    assert len({path.parent for path in written}) == 1


@pytest.mark.parametrize("name", ["manifest.yaml", "data.yml", "weights.pkl", "a.conll", "csv"])
def test_what_is_no_format_for_sentences_cannot_be_uploaded(name: str) -> None:
    with pytest.raises(DataError, match=r"is not in a format for sentences. Formats: .csv, .tsv"):
        read_upload((train_file(REVIEWS, name, b"tasks: {}"),))


def test_a_manifest_cannot_be_uploaded_as_tagged_words() -> None:
    with pytest.raises(DataError, match=r"manifest.yaml is not in a format for tagged words"):
        read_upload((train_file(PLACES, "manifest.yaml", b"tasks: {}"),))


def test_a_file_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    broken = b"\xff" * (MOST_BYTES + 1)
    with pytest.raises(DataError, match=r"a.csv has 5,242,881 bytes, over the limit of 5,242,880"):
        read_upload((train_file(REVIEWS, "a.csv", broken),))


def test_a_file_with_too_many_sentences_is_refused_with_their_number() -> None:
    rows = b"said,mood\n" + b"Good.,up\nBad.,down\n" * (MOST_ROWS // 2) + b"Fine.,up\n"
    with pytest.raises(
        DataError, match=r"a.csv contains 20,001 labelled sentences, over the limit"
    ):
        read_upload((train_file(REVIEWS, "a.csv", rows),))


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (
            train_file(REVIEWS, "x.csv", b"said,mood\nGood.,up\nBad.\n"),
            "x.csv, line 3: the row has",
        ),
        (
            train_file(REVIEWS, "x.csv", b"text,mood\nGood.,up\n"),
            "x.csv, line 1: there is no column",
        ),
        (train_file(REVIEWS, "x.csv", b"said,mood\n\xff,up\n"), "x.csv, line 2: is not UTF-8"),
        (train_file(REVIEWS, "x.csv", b"said,mood\nGood.,up\n"), "x.csv contains only one class"),
        (train_file(REVIEWS, "x.csv", b""), "x.csv is empty"),
        (train_file(PLACES, "x.conll", b"Ann\n"), "x.conll, line 1: 'Ann' has no tag"),
        (replace(REVIEWS, name="my task"), "The task 'my task' is not a valid name"),
        (replace(REVIEWS, head="class"), "The head 'class' of the task 'reviews' is not a valid"),
        (replace(REVIEWS, label="said"), "reads text and label from one column, 'said'"),
    ],
    ids=lambda case: case if isinstance(case, str) else "",
)
def test_an_error_names_the_uploaded_file(task: UploadedTask, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        read_upload((task,))


def test_files_of_one_name_are_distinguished_by_task_and_split() -> None:
    twin = UploadedFile("a.csv", b"said,mood\nGood.\n")
    with pytest.raises(DataError, match=r"reviews, validation: a.csv, line 2: the row has 1"):
        read_upload((replace(REVIEWS, validation=twin),))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "reviews"}, "Two tasks are called 'reviews'"),
        ({"head": "classifier"}, "Two heads"),
    ],
)
def test_tasks_and_heads_have_names_of_their_own(changed: dict[str, str], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_upload((REVIEWS, replace(PLACES, **changed)))


def test_nothing_is_kept_of_an_upload_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is empty"):
        store_upload((train_file(REVIEWS, "a.csv", b""),), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_forgotten_upload_is_gone_and_its_name_says_what_to_do(tmp_path: Path) -> None:
    reference = store_upload(BOTH, tmp_path)
    delete_upload(reference, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DataError, match="Upload the files again on the Data page"):
        load_dataset(reference, access_to(tmp_path))


@pytest.mark.parametrize("reference", ["upload:", "upload:../..", "upload:0123456789ABCDEF"])
def test_only_a_digest_becomes_part_of_a_path(tmp_path: Path, reference: str) -> None:
    with pytest.raises(DataError, match="is not an upload"):
        load_dataset(reference, access_to(tmp_path))
    with pytest.raises(DataError, match="is not an upload"):
        delete_upload(reference, tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("a.csv", b'\xef\xbb\xbf"text", label\r\nx,y\r\n', ("text", "label")),
        ("a.tsv", b"one\ttwo\n", ("one", "two")),
        ("a.jsonl", b'{"text": "x", "label": 1}\n', ("text", "label")),
        ("a.jsonl", b"[1]\n", ()),
        ("a.jsonl", b"not json\n", ()),
        ("a.conll", b"Ann\tB-PER\n", ()),
        ("a.csv", b"", ()),
    ],
)
def test_columns_are_offered_from_the_header(
    name: str, content: bytes, columns: tuple[str, ...]
) -> None:
    assert columns_of(UploadedFile(name, content)) == columns


def test_json_lines_of_tagged_words_are_read_by_their_keys(tmp_path: Path) -> None:
    file = UploadedFile("x.jsonl", b'{"words": ["Ann", "left"], "ner": ["B-PER", "O"]}\n')
    task = replace(PLACES, train=file, validation=file, text="words", label="ner")
    reference = store_upload((task,), tmp_path)
    assert load_dataset(reference, access_to(tmp_path)).tasks[0].outputs == ("O", "B-PER")


def test_an_upload_may_have_a_test_file(tmp_path: Path) -> None:
    tested = replace(REVIEWS, test=UploadedFile("e.csv", b"said,mood\nBetter.,up\nWorse.,down\n"))
    reference = store_upload((tested, PLACES), tmp_path / "uploads")
    stored = load_dataset(reference, access_to(tmp_path / "uploads"))
    assert stored.counts()["reviews"] == {"train": 3, "validation": 1, "test": 2}
    assert [stored.judged_split(task.name) for task in stored.tasks] == ["test", "validation"]
    assert reference != upload_reference(BOTH)


def test_a_label_that_only_the_test_file_has_is_reported_with_its_line() -> None:
    tested = replace(REVIEWS, test=UploadedFile("e.csv", b"said,mood\nSo so.,neutral\n"))
    with pytest.raises(DataError, match=r"e\.csv, line 2: 'neutral' does not occur in a\.csv"):
        read_upload((tested, PLACES))


SAVED = Path(__file__).parent / "saved_by_datasets"
SPANS = b'{"id": 1, "text": "Ann left", "label": [[0, 3, "PERSON"], [5, 8, "X"]]}\n'
STUDIO = (
    b'[{"data": {"text": "Ann left"}, "annotations": [{"result": [{"value": {"start": 0, "end": 3,'
    b' "labels": ["PER"]}}]}]}]'
)
OF_A_FORM = {
    "Parquet": ({"label": "ner_tags"}, "x.parquet", (SAVED / "ner.parquet").read_bytes()),
    "Arrow": (
        {"label": "ner_tags"},
        "x.arrow",
        (SAVED / "ner" / "train" / "data-00000-of-00001.arrow").read_bytes(),
    ),
    "doccano": (
        {"text": "text", "label": "label", "tags": (("PERSON", "PER"), ("X", "O"))},
        "x.jsonl",
        SPANS,
    ),
    "Label Studio": ({}, "x.json", STUDIO),
    "columns": ({"columns": TokenColumns(word=2, tag=3)}, "x.txt", b"1 Ann B-PER\n2 left O\n"),
    "scheme": ({"scheme": Scheme.BILOU}, "x.conll", b"Ann U-PER\nleft O\n"),
    "numbers": ({"tags": (("0", "O"), ("1", "B-PER"))}, "x.conll", b"Ann 1\nleft 0\n"),
}


@pytest.mark.parametrize(("stated", "name", "content"), OF_A_FORM.values(), ids=OF_A_FORM)
def test_what_a_form_states_is_stored_in_the_manifest_of_the_upload(
    tmp_path: Path, stated: dict[str, object], name: str, content: bytes
) -> None:
    file = UploadedFile(name, content)
    task = replace(PLACES, train=file, validation=file, **stated)
    seen = read_upload((task,))
    stored = load_dataset(store_upload((task,), tmp_path), access_to(tmp_path))
    assert stored.train == seen.train
    assert stored.tasks == seen.tasks
    assert stored.tasks[0].outputs[:2] == ("O", "B-PER")


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [
        ("x.parquet", (SAVED / "ner.parquet").read_bytes(), ("tokens", "ner_tags", "id")),
        ("x.parquet", b"PAR1", ()),
        ("x.json", b'[{"id": 1, "text": "a", "label": []}]', ("id", "text", "label")),
        ("x.json", STUDIO, ()),
        ("x.json", b"[", ()),
    ],
)
def test_columns_of_new_formats_are_offered_as_far_as_they_are_needed(
    name: str, content: bytes, columns: tuple[str, ...]
) -> None:
    assert columns_of(UploadedFile(name, content)) == columns


def test_columns_by_number_are_refused_where_values_have_keys() -> None:
    file = UploadedFile("x.jsonl", SPANS)
    task = replace(PLACES, train=file, validation=file, columns=TokenColumns(word=1, tag=2))
    with pytest.raises(DataError, match="'places' names columns by number, but the values of its"):
        read_upload((task,))


def test_a_data_set_has_the_name_that_it_was_given(tmp_path: Path) -> None:
    reference = store_upload(BOTH, tmp_path, name="  Reviews\tof 2026 ")
    assert load_dataset(reference, access_to(tmp_path)).name == "Reviews of 2026"
    assert [kept.name for kept in stored_uploads(tmp_path)] == ["Reviews of 2026"]
    assert reference != upload_reference(BOTH)
    with pytest.raises(DataError, match="has 61 characters; at most 60 are allowed"):
        store_upload(BOTH, tmp_path, name="x" * 61)
    with pytest.raises(DataError, match="'Sample' is the name of data that is included"):
        store_upload(BOTH, tmp_path, name="Sample")
