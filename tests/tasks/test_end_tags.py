"""BIOES, BILOU and BMES: converted to IOB2, with their faults counted, or refused."""

import re

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.data_notes import data_notes
from mtl_core.tasks.dataset import Dataset, load_dataset

NER = (
    "tasks: {{ner: {{kind: token, head: ner, train: b.train.conll, validation: b.dev.conll{}}}}}\n"
)
IOB2 = [("B-PER", "I-PER", "I-PER", "O", "B-LOC"), ("B-PER", "B-PER", "I-PER")]


def read(write_data, train: str, dev: str | None = None, key: str = "") -> Dataset:
    def conll(sentences: str) -> str:
        blocks = (tags.split() for tags in sentences.split("|"))
        return "\n".join(
            "".join(f"w{place}x {tag}\n" for place, tag in enumerate(tags)) for tags in blocks
        )

    files = {"b.train.conll": conll(train), "b.dev.conll": conll(dev or train)}
    return load_dataset(str(write_data({"manifest.yaml": NER.format(key), **files})), ANY_FILE)


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        ("B-PER I-PER E-PER O S-LOC | S-PER B-PER E-PER", "BIOES"),
        ("B-PER I-PER L-PER O U-LOC | U-PER B-PER L-PER", "BILOU"),
        ("B-PER M-PER E-PER O S-LOC | S-PER B-PER E-PER", "BMES"),
    ],
)
@pytest.mark.parametrize("stated", [True, False])
def test_tags_that_mark_ends_are_converted_with_the_same_entities(
    write_data, tags: str, scheme: str, stated: bool
) -> None:
    dataset = read(write_data, tags, key=f", scheme: {scheme.lower()}" if stated else "")
    assert [each.labels["ner"] for each in dataset.train] == IOB2
    assert dataset.tasks[0].outputs == ("O", "B-LOC", "B-PER", "I-PER")
    how = "as the manifest states" if stated else "detected"
    assert f"tags in {scheme} ({how}, converted to IOB2)" in dataset.readings["ner"].line
    assert dataset.readings["ner"].notes_once == ()
    assert dataset.repaired_tags == {"ner": 0}


ILL_FORMED = {
    "no end": ("B-PER I-PER O", "B-PER I-PER O", "line 6 ('I-PER')"),
    "no begin": ("I-PER E-PER O", "B-PER I-PER O", "line 5 ('I-PER')"),
    "an end alone": ("O E-PER O", "O B-PER O", "line 6 ('E-PER')"),
    "another type in it": ("B-PER E-LOC S-PER", "B-PER B-LOC B-PER", "line 5 ('B-PER')"),
    "after an end": ("B-PER E-PER I-PER", "B-PER I-PER B-PER", "line 7 ('I-PER')"),
    "no end at the end": ("O O B-PER", "O O B-PER", "line 7 ('B-PER')"),
}


@pytest.mark.parametrize(("tags", "iob2", "place"), ILL_FORMED.values(), ids=ILL_FORMED)
def test_an_entity_without_begin_or_end_is_read_and_counted(
    write_data, tags: str, iob2: str, place: str
) -> None:
    whole = "S-LOC B-PER E-PER"
    dataset = read(write_data, f"{whole} | {tags}", whole)
    assert dataset.train[1].labels["ner"] == tuple(iob2.split())
    lacking = "2 entities lack" if tags == "B-PER E-LOC S-PER" else "1 entity lacks"
    assert dataset.readings["ner"].notes == {
        "train": (
            f"b.train.conll: {lacking} a begin or an end in BIOES, first in {place}; each was "
            "taken from its first tag to its last one.",
        ),
        "validation": (),
    }
    assert f"ner: {dataset.readings['ner'].notes_once[0]}" in data_notes(dataset)


REFUSED = {
    "two schemes": (
        "B-PER L-PER S-PER",
        None,
        "",
        "b.train.conll, line 2: the tag 'L-PER' belongs",
    ),
    "two schemes in two files": (
        "B-PER E-PER S-LOC",
        "O B-PER I-PER",
        "",
        "b.dev.conll, line 2: the tag 'B-PER' is not in BIOES, as tags of this task are: no entity "
        "of this file has an end. Write all files in one scheme.",
    ),
    "mostly ill-formed": (
        "B-PER O B-PER O S-PER",
        None,
        "",
        "b.train.conll, line 1: 2 of 3 entities of this file lack a begin or an end in BIOES, here "
        "'B-PER'. Write all tags in one scheme.",
    ),
    "bare types": ("B-PER E-PER LOC", None, "", "the tag 'E-PER' belongs to no supported scheme"),
    "ends without B-": (
        "S-Bahn O",
        None,
        "",
        "the tag 'S-Bahn' belongs to no supported scheme. Write B-TYPE, I-TYPE and O (IOB2 or "
        "IOB1), bare types and O (IO), or all tags in one of BIOES, BILOU and BMES. If no tag has "
        "B-, name the scheme in the manifest, such as scheme: bioes.",
    ),
    "another scheme than stated": (
        "B-PER L-PER",
        None,
        ", scheme: bmes",
        "the tag 'L-PER' belongs",
    ),
    "no type": ("B-PER E-PER S-", None, "", "the tag 'S-' names no type."),
    "types in two cases": (
        "B-PER E-PER S-per",
        None,
        "",
        "the types 'PER' and 'per' differ only in case. Write tags: {S-per: S-PER} in the manifest",
    ),
}


@pytest.mark.parametrize(("train", "dev", "key", "message"), REFUSED.values(), ids=REFUSED)
def test_mixed_and_doubtful_tags_are_refused(
    write_data, train: str, dev: str | None, key: str, message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        read(write_data, train, dev, key)


def test_single_words_are_read_where_the_scheme_is_stated(write_data) -> None:
    dataset = read(write_data, "S-PER O S-per", key=", scheme: iobes, tags: {S-per: S-PER}")
    assert dataset.train[0].labels["ner"] == ("B-PER", "O", "B-PER")
