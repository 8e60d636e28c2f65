"""What is stated about data: how it was read, doubtful labels, and repeated sentences."""

import re

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.data_notes import data_notes
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.lengths import WordCounter
from mtl_core.tasks.overview import overview
from mtl_core.tasks.repeated import find_repeated

READING = (
    "sentiment was read as CSV (columns 'text' and 'label' of 2): 2 classes ('negative', "
    "'positive'); 3 + 1 sentences in train and validation.",
    "ner was read as CoNLL columns (word 1 and tag 2 of 2): tags in IO (detected), 2 entity types "
    "('LOC', 'PER'); 2 + 1 sentences, 5 + 2 words, 2 + 1 entities in train and "
    "validation.",
)


def test_format_columns_scheme_types_and_counts_are_stated(write_data) -> None:
    dataset = load_dataset(
        str(write_data({"b.train.conll": "Ann\tPER\nsaw\tO\nRome\tLOC\n\nIt\tO\nis\tO\n"})),
        ANY_FILE,
    )
    assert data_notes(dataset) == READING


def test_examples_that_are_left_out_do_not_change_how_the_files_were_read(write_data) -> None:
    reference = str(write_data({}))
    assert data_notes(load_dataset(reference, ANY_FILE, {"ner": 1}))[-1] == READING[-1]


def test_a_stated_scheme_other_columns_and_a_test_file_are_stated(write_data) -> None:
    manifest = (
        "tasks:\n  ner: {kind: token, head: ner, train: b.train.conll, validation: b.dev.conll, "
        "test: b.dev.conll, scheme: bio, columns: {word: 2, tag: 3}}\n"
    )
    train = "# a comment\n1\tAnn\tB-PER\n2\tLee\tI-PER\n3\tran\tO\n"
    changed = {"manifest.yaml": manifest, "b.train.conll": train, "b.dev.conll": "x\tAnn\tB-PER\n"}
    dataset = load_dataset(str(write_data(changed)), ANY_FILE)
    assert dataset.readings["ner"].line == (
        "ner was read as CoNLL columns (word 2 and tag 3 of 3, as the manifest states; 1 other "
        "line skipped) and CoNLL columns (word 2 and tag 3 of 3, as the manifest states): tags in "
        "IOB2 (as the manifest states), 1 entity type ('PER'); 1 + 1 + 1 sentences, 3 + 1 + 1 "
        "words, 1 + 1 + 1 entities in train, validation and test."
    )
    before = dict(list(dataset.digests.items())[:1])
    recorded = dataset.as_recorded(before)
    assert recorded is not None
    assert recorded.readings["ner"].entities == {"train": 1, "validation": 1}


def test_the_overview_has_the_reading_of_each_task(write_data) -> None:
    dataset = load_dataset(str(write_data({})), ANY_FILE)
    found = overview(dataset, WordCounter())
    assert [task.reading for task in found.tasks] == list(dataset.readings.values())


DOUBTFUL = {
    "another case": (
        "text,label\nGood.,Positive\nBad.,negative\nFine.,positive\n",
        "a.train.csv, line 4: the labels 'Positive' and 'positive' differ only in case or blanks. "
        "Write one of them, or labels: {positive: Positive} in the manifest; if they are two "
        "classes, labels: {Positive: Positive, positive: positive}.",
    ),
    "other blanks": (
        "text,label\nGood.,very good\nBad.,negative\nFine.,very  good\n",
        "line 4: the labels 'very good' and 'very  good' differ only in case or blanks.",
    ),
    "nan": (
        "text,label\nGood.,positive\nBad.,negative\nFine.,nan\n",
        "a.train.csv, line 4: the label 'nan' marks a missing value. Write a label, or remove the "
        "row. If it is a class, write labels: {nan: nan} in the manifest.",
    ),
    "NULL": (
        "text,label\nGood.,positive\nBad.,NULL\n",
        'write labels: {"NULL": "NULL"} in the manifest.',
    ),
}
MANIFEST = (
    "tasks:\n  sentiment: {{kind: sentence, head: classifier, train: a.train.csv, "
    "validation: a.dev.csv, {labels}}}\n"
)


@pytest.mark.parametrize(("train", "message"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_doubtful_labels_are_refused_and_the_mapping_in_the_message_is_read(
    write_data, train: str, message: str
) -> None:
    dev = "text,label\nSo.,negative\n" if "negative" in train else "text,label\nSo.,positive\n"
    changed = {"a.train.csv": train, "a.dev.csv": dev}
    with pytest.raises(DataError, match=re.escape(message)) as refused:
        load_dataset(str(write_data(changed)), ANY_FILE)
    labels = re.findall(r"labels: \{.*?\}", str(refused.value))
    manifest = MANIFEST.format(labels=labels[0])
    assert load_dataset(str(write_data({**changed, "manifest.yaml": manifest})), ANY_FILE).tasks


def test_named_labels_are_one_class_or_two(write_data) -> None:
    changed = {"a.train.csv": DOUBTFUL["another case"][0], "a.dev.csv": "text,label\nA.,negative\n"}

    def classes(labels: str) -> tuple[str, ...]:
        manifest = MANIFEST.format(labels=labels)
        reference = str(write_data({**changed, "manifest.yaml": manifest}))
        return load_dataset(reference, ANY_FILE).tasks[0].outputs

    assert classes("labels: {Positive: positive}") == ("negative", "positive")
    assert classes("labels: {Positive: Positive, positive: positive}") == (
        *("Positive", "negative", "positive"),
    )


def test_sentences_that_differ_in_case_blanks_or_punctuation_are_counted(write_data) -> None:
    train = "text,label\nGood food.,positive\nBad food.,negative\nFine!,positive\n"
    dev = "text,label\ngood  food,positive\nBad food.,negative\nGreat food.,positive\n!!,positive\n"
    dataset = load_dataset(str(write_data({"a.train.csv": train, "a.dev.csv": dev})), ANY_FILE)
    assert dataset.repeated_sentences() == {"sentiment": 1}
    assert dataset.nearly_repeated_sentences() == {"sentiment": 1}
    assert data_notes(dataset)[:2] == (
        "sentiment: 1 evaluated sentence also occurs in another split, so its scores may be too "
        "high.",
        "sentiment: 1 evaluated sentence also occurs in another split, with other case, blanks or "
        "punctuation, so its scores may be too high.",
    )
    found = overview(dataset, WordCounter())
    assert (found.repeated, found.nearly_repeated) == (1, 1)


def test_a_sentence_is_repeated_exactly_or_nearly_and_never_both() -> None:
    splits = (["A b.", "??"], ["A b.", "a B", "c", "!!"], ["C!", "a b."])
    found = find_repeated(splits)
    assert found.exactly == ("A b.",)
    assert found.nearly == ("a B", "C!", "a b.")


@pytest.mark.parametrize("name", ["sample", "sample-posts"])
def test_no_sentence_of_the_samples_is_nearly_repeated(name: str) -> None:
    assert load_dataset(name, ANY_FILE).nearly_repeated_sentences() == {}
