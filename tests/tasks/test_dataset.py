"""Examples of several tasks from one manifest."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest

from mtl_core.errors import DataError, InternalError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset, load_tasks
from mtl_core.tasks.example import Example
from mtl_core.tasks.shipped_sums import verify_shipped
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

SENTENCES = "kind: sentence, train: a.train.csv, validation: a.dev.csv"


def test_examples_stand_by_task_and_in_the_order_of_their_files(write_data) -> None:
    dataset = load_dataset(str(write_data({})), ANY_FILE)
    assert dataset.train == (
        Example("A fine day.", None, {"sentiment": "positive"}),
        Example("A dull day.", None, {"sentiment": "negative"}),
        Example("Good.", None, {"sentiment": "positive"}),
        Example(None, ("Ann", "saw", "Paris"), {"ner": ("PER", "O", "LOC")}),
        Example(None, ("It", "rains"), {"ner": ("O", "O")}),
    )
    assert dataset.validation == (
        Example("Not bad.", None, {"sentiment": "positive"}),
        Example(None, ("Ann", "left"), {"ner": ("PER", "O")}),
    )
    assert dataset.counts() == {
        "sentiment": {"train": 3, "validation": 1},
        "ner": {"train": 2, "validation": 1},
    }
    assert dataset.repaired_tags == {"ner": 0}


def test_each_file_has_its_digest(write_data) -> None:
    manifest = write_data({})
    digests = load_dataset(str(manifest), ANY_FILE).digests
    assert list(digests) == ["a.train.csv", "a.dev.csv", "b.train.conll", "b.dev.conll"]
    content = (manifest.parent / "b.dev.conll").read_bytes()
    assert digests["b.dev.conll"] == hashlib.sha256(content).hexdigest()


def test_a_folder_is_a_reference_to_the_manifest_in_it(write_data) -> None:
    manifest = write_data({})
    assert (
        load_dataset(str(manifest.parent), ANY_FILE).train
        == load_dataset(str(manifest), ANY_FILE).train
    )


@pytest.mark.parametrize("reference", ["no/such/manifest.yaml", "Sample", "", "a\0", "x" * 5000])
def test_unknown_data_are_answered_with_what_can_be_named(reference: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"no data called .*Name 'sample', 'sample-posts', 'sample-small', a manifest",
    ):
        load_dataset(str(tmp_path / reference) if reference == "" else reference, ANY_FILE)


def test_outputs_with_the_default_labels_have_the_default_order(write_data) -> None:
    manifest = write_data({"b.train.conll": "Ann ORG\nsaw O\nParis LOC\nEve PER\n"})
    assert load_tasks(str(manifest), ANY_FILE) == DEFAULT_TASKS


def test_other_outputs_stand_in_alphabetical_order_with_o_first(write_data) -> None:
    manifest = write_data({"a.train.csv": "text,label\na,positive\nb,neutral\nc,negative\n"})
    assert load_tasks(str(manifest), ANY_FILE) == (
        Task(
            name="sentiment",
            kind=TaskKind.SENTENCE,
            head="classifier",
            outputs=("negative", "neutral", "positive"),
        ),
        Task(name="ner", kind=TaskKind.TOKEN, head="ner", outputs=("O", "LOC", "PER")),
    )


def test_iob1_is_converted_and_no_repair(write_data) -> None:
    manifest = write_data(
        {
            "b.train.conll": "Ann I-PER\nLee I-PER\nEve B-PER\nin O\nRome I-LOC\n",
            "b.dev.conll": "Ann I-PER\nleft O\n",
        }
    )
    dataset = load_dataset(str(manifest), ANY_FILE)
    assert dataset.tasks[1].outputs == ("O", "B-LOC", "B-PER", "I-PER")
    assert dataset.train[-1].labels == {"ner": ("B-PER", "I-PER", "B-PER", "O", "B-LOC")}
    assert dataset.validation[-1].labels == {"ner": ("B-PER", "O")}
    assert dataset.repaired_tags == {"ner": 0}


def test_an_inside_tag_that_continues_nothing_is_repaired_and_counted(write_data) -> None:
    manifest = write_data(
        {
            "b.train.conll": "Ann B-PER\nLee I-PER\nin O\nRome I-LOC\n",
            "b.dev.conll": "Ann B-PER\nLee I-PER\n",
        }
    )
    dataset = load_dataset(str(manifest), ANY_FILE)
    assert dataset.train[-1].labels == {"ner": ("B-PER", "I-PER", "O", "B-LOC")}
    assert dataset.repaired_tags == {"ner": 1}


def test_a_validation_tag_of_a_known_type_is_an_output_too(write_data) -> None:
    manifest = write_data(
        {"b.train.conll": "Ann B-PER\nleft O\n", "b.dev.conll": "Ann B-PER\nLee I-PER\n"}
    )
    assert load_tasks(str(manifest), ANY_FILE)[1].outputs == ("O", "B-PER", "I-PER")


FAULTS = {
    "an unknown label in validation": (
        {"a.dev.csv": "text,label\nfine,positive\nso so,positiv\n"},
        "a.dev.csv, line 3: 'positiv' does not occur in a.train.csv, so no head can learn it. "
        "Nearest: 'positive'. Labels: 'negative', 'positive'.",
    ),
    "an unknown type in validation": (
        {"b.dev.conll": "Ann\tPER\n\nin\tO\nACME\tORG\n"},
        "b.dev.conll, line 4: 'ORG' does not occur in b.train.conll, so no head can learn it. "
        "Labels: 'LOC', 'PER'.",
    ),
    "one class": (
        {"a.train.csv": "text,label\na,positive\nb,positive\n"},
        "a.train.csv contains only one class, 'positive'. A sentence task needs examples of",
    ),
    "only O": (
        {"b.train.conll": "It\tO\nrains\tO\n"},
        "Every tag in b.train.conll is O, so it contains no entities. Add sentences",
    ),
    "an unknown scheme": (
        {"b.train.conll": "It\tO\n\nAnn\tS-PER\n"},
        "b.train.conll, line 3: the tag 'S-PER' belongs to no supported scheme. Write B-TYPE",
    ),
    "a tag without a type": (
        {"b.dev.conll": "It\tO\nAnn\tB\n"},
        "b.dev.conll, line 2: the tag 'B' names no type. Write B-TYPE",
    ),
    "bare and prefixed tags": (
        {"b.dev.conll": "It\tO\nAnn\tB-PER\n"},
        "b.dev.conll, line 2: the tag 'B-PER' is prefixed with B- or I-, the one in "
        "b.train.conll, line 1 a bare type. Write all tags one way.",
    ),
    "texts in the place of labels": (
        {"a.train.csv": "text,label\n" + "".join(f"x,{i}\n" for i in range(1001))},
        "a.train.csv contains 1,001 different labels, over the limit of 1,000. Check the column",
    ),
    "a missing file": (
        {"manifest.yaml": f"tasks: {{a: {{{SENTENCES.replace('a.dev', 'a.test')}, head: a}}}}"},
        "There is no file a.test.csv. Check the name in the manifest.",
    ),
}


@pytest.mark.parametrize(("changed", "message"), FAULTS.values(), ids=FAULTS)
def test_an_error_names_its_place_and_remedy(write_data, changed, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(str(write_data(changed)), ANY_FILE)


def test_a_link_to_itself_is_no_file(write_data) -> None:
    manifest = write_data({})
    (manifest.parent / "a.dev.csv").unlink()
    (manifest.parent / "a.dev.csv").symlink_to("a.dev.csv")
    with pytest.raises(DataError, match=r"does not exist|There is no file a\.dev\.csv"):
        load_dataset(str(manifest), ANY_FILE)


def shared_columns(write_data) -> Path:
    return write_data(
        {
            "manifest.yaml": f"tasks:\n  mood: {{{SENTENCES}, head: mood}}\n"
            f"  topic: {{{SENTENCES}, head: topic, label: topic}}\n",
            "a.train.csv": "text,label,topic\none,good,food\ntwo,bad,work\nthree,good,work\n",
            "a.dev.csv": "text,label,topic\nfour,bad,food\n",
        }
    )


def test_tasks_that_read_one_file_share_its_examples(write_data) -> None:
    dataset = load_dataset(str(shared_columns(write_data)), ANY_FILE)
    assert dataset.train == (
        Example("one", None, {"mood": "good", "topic": "food"}),
        Example("two", None, {"mood": "bad", "topic": "work"}),
        Example("three", None, {"mood": "good", "topic": "work"}),
    )
    assert dataset.validation == (Example("four", None, {"mood": "bad", "topic": "food"}),)
    assert list(dataset.digests) == ["a.train.csv", "a.dev.csv"]


def test_tagged_words_are_shared_as_well(write_data) -> None:
    both = "kind: token, train: b.train.jsonl, validation: b.train.jsonl"
    manifest = write_data(
        {
            "manifest.yaml": f"tasks:\n  ner: {{{both}, head: ner}}\n"
            f"  pos: {{{both}, head: pos, label: pos, scheme: io}}\n",
            "b.train.jsonl": '{"tokens": ["Ann", "ran"], "tags": ["PER", "O"], "pos": ["N", "V"]}',
        }
    )
    dataset = load_dataset(str(manifest), ANY_FILE)
    example = Example(None, ("Ann", "ran"), {"ner": ("PER", "O"), "pos": ("N", "V")})
    assert dataset.train == dataset.validation == (example,)


def test_fewer_examples_of_one_task_leave_the_other_task_its_own(write_data) -> None:
    dataset = load_dataset(str(shared_columns(write_data)), ANY_FILE, {"mood": 2})
    assert dataset.counts()["mood"] == {"train": 2, "validation": 1}
    assert [example.labels["topic"] for example in dataset.train] == ["food", "work", "work"]
    assert sum("mood" not in example.labels for example in dataset.train) == 1


def many(write_data) -> str:
    """200 sentences sorted by class, the last three negative; 120 tagged sentences."""
    rows = "".join(f"s{i},{'negative' if i >= 197 else 'positive'}\n" for i in range(200))
    tagged = "".join(f"w{i}\t{'PER' if i == 119 else 'O'}\n\n" for i in range(120))
    dev = "w0\tPER\n"
    changed = {"a.train.csv": f"text,label\n{rows}", "b.train.conll": tagged, "b.dev.conll": dev}
    return str(write_data(changed))


def words_of_ner(reference: str, number: int) -> list[tuple[str, ...]]:
    examples = load_dataset(reference, ANY_FILE, {"ner": number}).train
    return [example.words for example in examples if example.words is not None]


def test_fifty_examples_lie_within_a_hundred_and_are_not_the_first_fifty(write_data) -> None:
    reference = many(write_data)
    fifty, hundred = words_of_ner(reference, 50), words_of_ner(reference, 100)
    assert (len(fifty), len(hundred)) == (50, 100)
    assert set(fifty) < set(hundred)
    assert fifty == words_of_ner(reference, 50)
    places = [int(words[0][1:]) for words in fifty]
    assert places == sorted(places)
    assert max(places) > 100


def test_a_subset_leaves_validation_outputs_and_the_other_task_alone(write_data) -> None:
    reference = many(write_data)
    whole, part = load_dataset(reference, ANY_FILE), load_dataset(reference, ANY_FILE, {"ner": 1})
    assert part.validation == whole.validation
    assert part.tasks == whole.tasks
    assert part.counts()["sentiment"] == whole.counts()["sentiment"]


def test_the_smallest_subset_has_each_class_and_an_entity(write_data) -> None:
    train = load_dataset(many(write_data), ANY_FILE, {"sentiment": 2, "ner": 1}).train
    sentiment = Counter(e.labels["sentiment"] for e in train if "sentiment" in e.labels)
    assert sentiment == {"negative": 1, "positive": 1}
    assert [e.labels["ner"] for e in train if "ner" in e.labels] == [("PER",)]


def test_all_examples_can_be_requested(write_data) -> None:
    manifest = str(write_data({}))
    assert load_dataset(manifest, ANY_FILE, {"sentiment": 3, "ner": 2}) == load_dataset(
        manifest, ANY_FILE
    )


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ({"nre": 1}, "There is no task 'nre' to limit. Nearest: 'ner'. Tasks:"),
        ({"ner": 0}, "0 training examples of 'ner' were requested. It has 2: choose 1 to 2."),
        ({"ner": -1}, "-1 training examples of 'ner' were requested. It has 2: choose 1 to 2."),
        ({"ner": 3}, "3 training examples of 'ner' were requested. It has 2: choose 1 to 2."),
        (
            {"sentiment": 1},
            "1 training examples of 'sentiment' cannot cover its 2 classes "
            "('negative', 'positive'). Choose at least 2.",
        ),
    ],
)
def test_an_impossible_subset_is_refused(write_data, examples, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(str(write_data({})), ANY_FILE, examples)


def test_shipped_data_are_compared_with_their_sums(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text("aa11  a.csv\nbb22  *b.csv\ncc33  c.csv\n")
    verify_shipped(tmp_path, {"a.csv": "aa11", "b.csv": "bb22"})
    with pytest.raises(InternalError, match=r"b\.csv differs from the shipped file \(SHA-256 ff"):
        verify_shipped(tmp_path, {"a.csv": "aa11", "b.csv": "ff22"})
    with pytest.raises(InternalError, match=r"d\.csv differs from the shipped file"):
        verify_shipped(tmp_path, {"d.csv": "dd44"})


def test_shipped_data_without_sums_are_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"The sample data lack SHA256SUMS\. Install again\."):
        verify_shipped(tmp_path, {})
