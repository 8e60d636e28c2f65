"""Parquet and Arrow files; Hugging Face datasets 5.2 wrote those in `saved_by_datasets`."""

import json
import re
import shutil
from io import BytesIO
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks import arrow_files
from mtl_core.tasks.arrow_files import arrow_of, read_arrow
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.sentence_files import read_sentences
from mtl_core.tasks.token_files import read_tokens

SAVED = Path(__file__).parent / "saved_by_datasets"
TAGGED = [
    (("Anna", "Berg", "left"), {"t": ("B-PER", "I-PER", "O")}),
    (("It", "rains"), {"t": ("O", "O")}),
]
RATED = [("a", {"t": "neg"}), ("b", {"t": "pos"})]
NAMES = ["O", "B-PER", "I-PER"]
CLASSES = {"names": NAMES, "_type": "ClassLabel"}


def loaded(folder: Path, task: str) -> Dataset:
    (folder / "manifest.yaml").write_text(f"tasks: {{t: {{head: t, {task}}}}}\n")
    return load_dataset(str(folder), ANY_FILE)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAVED, tmp_path / "data"))


@pytest.mark.parametrize(
    ("task", "expected", "layout"),
    [
        (
            "kind: token, train: ner/train, validation: ner/validation, label: ner_tags",
            TAGGED,
            "a folder of datasets (keys 'tokens' and 'ner_tags')",
        ),
        (
            "kind: token, train: ner.parquet, validation: ner.parquet, label: ner_tags",
            TAGGED,
            "Parquet (keys 'tokens' and 'ner_tags')",
        ),
        (
            "kind: sentence, train: mood.parquet, validation: mood.parquet",
            RATED,
            "Parquet (keys 'text' and 'label')",
        ),
    ],
    ids=["a folder", "Parquet of words", "Parquet of sentences"],
)
def test_ids_of_classes_become_the_names_in_the_metadata(
    saved: Path, task: str, expected: list[tuple[object, object]], layout: str
) -> None:
    dataset = loaded(saved, task)
    assert [(each.words or each.text, each.labels) for each in dataset.train] == expected
    assert dataset.readings["t"].layout == layout


def test_the_digest_of_a_folder_is_that_of_its_arrow_files(saved: Path) -> None:
    folder = DataFile(name="ner/train", path=saved / "ner" / "train")
    part = saved / "ner" / "train" / "data-00000-of-00001.arrow"
    alone = read_arrow(DataFile(name="x.arrow", path=part))
    assert read_arrow(folder).sha256 == alone.sha256
    state = {"_data_files": [{"filename": part.name}, {"filename": "more.arrow"}]}
    (part.parent / "state.json").write_text(json.dumps(state))
    shutil.copy(part, part.with_name("more.arrow"))
    assert read_arrow(folder).table.num_rows == 2 * alone.table.num_rows
    assert read_arrow(folder).sha256 != alone.sha256


def table(**columns: object) -> pyarrow.Table:
    return pyarrow.table(columns)


def described(found: pyarrow.Table, **features: object) -> pyarrow.Table:
    """The table with features as datasets writes them into the metadata of the schema."""
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return found.replace_schema_metadata(metadata)


def tokens_of(found: pyarrow.Table) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    stream = BytesIO()
    parquet.write_table(found, stream)
    read = arrow_of(DataFile(name="x.parquet", path=Path("x.parquet")), BytesIO(stream.getvalue()))
    return [(row.words, row.tags) for row in read_tokens(read, "tokens", "tags").rows]


@pytest.mark.parametrize(
    "feature",
    [
        {"feature": CLASSES, "_type": "List"},
        {"feature": CLASSES, "length": -1, "_type": "Sequence"},
        [CLASSES],
    ],
    ids=["List", "Sequence of version 2", "a list of version 1"],
)
def test_each_version_of_datasets_names_the_classes_of_a_list(feature: object) -> None:
    found = described(table(tokens=[["Anna", "left"]], tags=[[1, 0]]), tags=feature)
    assert tokens_of(found) == [(("Anna", "left"), ("B-PER", "O"))]


def test_tables_without_names_have_their_values(saved: Path) -> None:
    words = pyarrow.array(["Anna", "left"]).dictionary_encode()
    lists = pyarrow.ListArray.from_arrays(pyarrow.array([0, 2]), words)
    assert tokens_of(table(tokens=lists, tags=[["B-PER", "O"]])) == [
        (("Anna", "left"), ("B-PER", "O"))
    ]
    parquet.write_table(table(text=["Good.", "Bad."], label=[1, 0]), saved / "x.parquet")
    dataset = loaded(saved, "kind: sentence, train: x.parquet, validation: x.parquet")
    assert [each.labels["t"] for each in dataset.train] == ["1", "0"]


DOUBTFUL = {
    "no class": (
        described(table(text=["Good.", "Bad."], label=[0, -1]), label=CLASSES),
        "x.parquet, row 2: the id -1 in 'label' is no class: the ids 0 to 2 are 'O', 'B-PER', "
        "'I-PER'. Give the row a class, or remove it.",
    ),
    "nothing": (
        table(text=["Good.", "Bad."], label=["up", None]),
        "x.parquet, row 2: 'label' holds null, not a string. Write text.",
    ),
    "a float": (
        table(text=["Good."], label=[0.5]),
        "x.parquet, row 1: 'label' holds a number, not a string. Write text.",
    ),
    "bytes": (
        table(text=[b"Good."], label=["up"]),
        "x.parquet, row 1: 'text' holds a value of type bytes, not a string. Write text.",
    ),
    "no column": (
        table(sentence=["Good."], label=["up"], id=[1]),
        "x.parquet, row 1: there is no key 'text'. Keys: 'sentence', 'label', 'id'.",
    ),
    "no row": (
        table(text=pyarrow.array([], "string"), label=pyarrow.array([], "string")),
        "x.parquet has no rows. It must contain at least one labelled example.",
    ),
}


@pytest.mark.parametrize(("found", "message"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_value_is_refused_with_its_row(
    tmp_path: Path, found: pyarrow.Table, message: str
) -> None:
    parquet.write_table(found, tmp_path / "x.parquet")
    file = DataFile(name="x.parquet", path=tmp_path / "x.parquet")
    with pytest.raises(DataError, match=re.escape(message)):
        read_sentences(read_arrow(file), "text", "label")


def test_ids_of_tags_without_names_are_refused_with_the_lines_of_a_manifest(saved: Path) -> None:
    found = table(tokens=[["Anna", "left"]], tags=[[1, 0]])
    parquet.write_table(found, saved / "x.parquet")
    task = "kind: token, train: x.parquet, validation: x.parquet"
    with pytest.raises(DataError, match=r"x\.parquet, row 1: the tag '1' is a number.*tags: \{0"):
        loaded(saved, task)
    dataset = loaded(saved, task + ", tags: {0: O, 1: B-PER}")
    assert dataset.train[0].labels["t"] == ("B-PER", "O")


FOLDERS = {
    "all splits": ("ner", "ner has the splits 'train', 'validation'. Name the folder of one of"),
    "no data set": (".", ". is a folder without a data set. Name a file, or a folder that save_to"),
}


@pytest.mark.parametrize(("name", "message"), FOLDERS.values(), ids=FOLDERS)
def test_a_folder_of_another_kind_is_refused(saved: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read_arrow(DataFile(name=name, path=saved / name))


def test_a_saved_data_set_reads_no_file_outside_its_folder(saved: Path) -> None:
    folder = saved / "ner" / "train"
    file = DataFile(name="ner/train", path=folder)
    (folder / "link.arrow").symlink_to(saved / "ner.parquet")
    for name, message in (("../x", "without a data set"), ("link.arrow", "is a link out of its")):
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
        with pytest.raises(DataError, match=message):
            read_arrow(file)


@pytest.mark.parametrize("name", ["mood.parquet", "ner/train/data-00000-of-00001.arrow"])
def test_a_damaged_or_too_large_file_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    content = (saved / name).read_bytes()
    file = DataFile(name=name, path=saved / name)
    half = content[: len(content) // 2]
    for damaged in (
        half,
        content.replace(b"text", b"\xff\xfe\xfd\xfc").replace(b"tokens", b"\xff" * 6),
    ):
        with pytest.raises(DataError, match=r"cannot be read: .* is damaged: write it again"):
            arrow_of(file, BytesIO(damaged))
    with pytest.raises(DataError, match=r"is not a Parquet or Arrow file"):
        arrow_of(file, BytesIO(b"text,label\n"))
    monkeypatch.setattr(arrow_files, "TABLE_ROWS", 1)
    with pytest.raises(DataError, match=r"has 2 rows and at least .* over the limit of 1 rows"):
        read_arrow(file)
