"""Tags whose meaning is doubtful: refused with the lines to write into the manifest."""

import re

import pytest

from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.baselines import baselines_of_data
from mtl_core.tasks.data_notes import data_notes
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.schemes import Span, spans

CLASS_IDS = (
    '{"tokens": ["anna", "peter", "works", "at", "acme", "."], "ner_tags": [1, 2, 0, 0, 3, 0]}\n'
)
ONE_ENTITY = (Span(0, 2, "PER"),)


def tagged(write_data, first: str, second: str, *keys: str, outside: str = "O") -> str:
    """A token task of `anna peter works` with the tags first, second, outside, in both files."""
    more = "".join(f", {key}" for key in keys)
    content = f"anna\t{first}\npeter\t{second}\nworks\t{outside}\n"
    manifest = (
        f"tasks: {{ner: {{kind: token, head: ner, train: b.train.conll, "
        f"validation: b.dev.conll{more}}}}}\n"
    )
    changed = {"manifest.yaml": manifest, "b.train.conll": content, "b.dev.conll": content}
    return str(write_data(changed))


def entities(dataset: Dataset) -> tuple[Span, ...]:
    return spans(dataset.train[0].labels["ner"])


def class_ids(write_data, *keys: str) -> str:
    more = "".join(f", {key}" for key in keys)
    manifest = (
        "tasks: {ner: {kind: token, head: ner, train: b.jsonl, validation: b.jsonl, "
        f"label: ner_tags{more}}}}}\n"
    )
    return str(write_data({"manifest.yaml": manifest, "b.jsonl": CLASS_IDS}))


def test_class_ids_are_no_types_and_their_names_are_requested(write_data) -> None:
    message = (
        "b.jsonl, line 1: the tag '1' is a number, so the name of its type is unknown. "
        "Write the names in the manifest: tags: {0: O, 1: …, 2: …, 3: …}, such as B-PER."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(class_ids(write_data), ANY_FILE)


def test_class_ids_with_names_are_read_as_those_tags(write_data) -> None:
    reference = class_ids(write_data, "tags: {0: O, 1: B-PER, 2: I-PER, 3: B-ORG}")
    dataset = load_dataset(reference, ANY_FILE)
    assert dataset.train[0].labels == {"ner": ("B-PER", "I-PER", "O", "O", "B-ORG", "O")}
    assert dataset.tasks[0].outputs == ("O", "B-ORG", "B-PER", "I-PER")
    assert entities(dataset) == (Span(0, 2, "PER"), Span(4, 5, "ORG"))


def test_a_class_id_without_a_name_is_refused(write_data) -> None:
    reference = class_ids(write_data, "tags: {0: O, 1: B-PER, 2: I-PER}")
    with pytest.raises(DataError, match=re.escape("the tag '3' is a number")):
        load_dataset(reference, ANY_FILE)


def test_names_of_tags_are_checked_in_the_manifest(write_data) -> None:
    reference = class_ids(write_data, "tags: {0: O, 1: B, 2: I-PER, 3: B-ORG}")
    message = "manifest.yaml, line 1: in 'tags' of the task 'ner', the tag 'B' names no type."
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(reference, ANY_FILE)


DOUBTS = {
    "0 for outside": (
        ("PER", "PER", "0"),
        "b.train.conll, line 3: the tag '0' is a number, so the name of its type is unknown. "
        "Write the names in the manifest: tags: {0: O}.",
    ),
    "a small o": (
        ("PER", "PER", "o"),
        "line 3: the tag 'o' may mean O. Write tags: {o: O} in the manifest, or O in the files.",
    ),
    "a prefixed O": (("B-PER", "I-PER", "B-O"), "line 3: the tag 'B-O' may mean O."),
    "a dash": (
        ("PER", "PER", "-"),
        "line 3: the tag '-' names no type. If it means O, write tags: {\"-\": O} in the manifest; "
        "if it is no tag, name the columns there: columns: {word: 1, tag: 2}.",
    ),
    "a missing value": (
        ("PER", "PER", "nan"),
        "line 3: the tag 'nan' marks a missing value. Write a tag, or tags: {nan: O} in the",
    ),
    "a word for outside among prefixed tags": (
        ("B-PER", "I-PER", "OTHER"),
        "line 3: the tag 'OTHER' is a bare type, the one in b.train.conll, line 1 prefixed with "
        "B- or I-. Write all tags one way. If 'OTHER' means O, write tags: {OTHER: O} in the",
    ),
    "B and I behind": (
        ("PER-B", "PER-I", "O"),
        "line 1: the tag 'PER-B' may mean B-PER or be a type of its own. Write "
        "tags: {PER-B: B-PER, PER-I: I-PER} in the manifest, or scheme: io if each tag is a type.",
    ),
    "B and I behind an underscore": (
        ("PER_B", "PER_I", "O"),
        "Write tags: {PER_B: B-PER, PER_I: I-PER} in the manifest",
    ),
    "B and I before an underscore": (
        ("B_PER", "I_PER", "O"),
        "line 1: the tag 'B_PER' may mean B-PER or be a type of its own. Write "
        "tags: {B_PER: B-PER, I_PER: I-PER} in the manifest",
    ),
    "a key before the tag": (
        ("name=B-PER", "name=I-PER", "O"),
        "Write tags: {name=B-PER: B-PER, name=I-PER: I-PER} in the manifest",
    ),
    "B and I in words": (
        ("Begin-PER", "Inside-PER", "O"),
        "Write tags: {Begin-PER: B-PER, Inside-PER: I-PER} in the manifest",
    ),
    "B and I without a separator": (
        ("BPER", "IPER", "O"),
        "line 1: the tags 'BPER' and 'IPER' may be of one type. Write "
        "tags: {BPER: B-PER, IPER: I-PER} in the manifest.",
    ),
    "types in two cases": (
        ("B-PER", "I-per", "O"),
        "line 2: the types 'PER' and 'per' differ only in case. Write tags: {I-per: I-PER} in the",
    ),
}


@pytest.mark.parametrize(("tags", "message"), DOUBTS.values(), ids=DOUBTS)
def test_a_doubtful_tag_is_refused_and_the_mapping_in_the_message_is_read(
    write_data, tags: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)) as refused:
        load_dataset(tagged(write_data, *tags[:2], outside=tags[2]), ANY_FILE)
    mapping = re.search(r"tags: \{.*?\}", str(refused.value))
    assert mapping is not None
    dataset = load_dataset(tagged(write_data, *tags[:2], mapping[0], outside=tags[2]), ANY_FILE)
    assert entities(dataset) == ONE_ENTITY


def test_without_any_o_the_tag_of_outside_is_requested(write_data) -> None:
    message = (
        "b.train.conll, line 1: no word of this task has the tag O, so it is unknown which of "
        "'PER', 'NONE' means outside. Write it in the manifest, such as tags: {…: O}, or "
        "scheme: io if every word belongs to an entity."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(tagged(write_data, "PER", "PER", outside="NONE"), ANY_FILE)
    dataset = load_dataset(
        tagged(write_data, "PER", "PER", "tags: {NONE: O}", outside="NONE"), ANY_FILE
    )
    assert entities(dataset) == ONE_ENTITY
    dataset = load_dataset(tagged(write_data, "PER", "PER", "scheme: io", outside="NONE"), ANY_FILE)
    assert entities(dataset) == (Span(0, 2, "PER"), Span(2, 3, "NONE"))


@pytest.mark.parametrize("tag", ["(PERSON*)", "(PERSON*", "*", "[PER]"])
def test_the_brackets_of_conll_2012_are_refused(write_data, tag: str) -> None:
    message = (
        f"b.train.conll, line 1: the tag '{tag}' is in the bracket notation of CoNLL-2012, or no "
        "tag. Convert the tags to B-TYPE, I-TYPE and O, or name the column of the tags in the "
        "manifest: columns: {word: 1, tag: 2}."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(tagged(write_data, tag, "O"), ANY_FILE)


def test_a_word_with_several_types_is_refused(write_data) -> None:
    message = "line 1: the tag 'B-PER|B-ORG' has several types. Write one tag for each word."
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(tagged(write_data, "B-PER|B-ORG", "O"), ANY_FILE)


@pytest.mark.parametrize(
    "tag", ["creative-work", "WORK_OF_ART", "person-artist/author", "B2B", "Bio"]
)
def test_a_name_that_only_looks_unusual_is_a_type(write_data, tag: str) -> None:
    dataset = load_dataset(tagged(write_data, tag, tag), ANY_FILE)
    assert entities(dataset) == (Span(0, 2, tag),)


def test_a_stated_scheme_decides_what_a_bare_tag_is(write_data) -> None:
    dataset = load_dataset(tagged(write_data, "hepatitis-B", "hepatitis-B", "scheme: io"), ANY_FILE)
    assert entities(dataset) == (Span(0, 2, "hepatitis-B"),)


def test_a_stated_scheme_reads_inside_tags_in_that_scheme(write_data) -> None:
    detected = load_dataset(tagged(write_data, "I-PER", "I-PER"), ANY_FILE)
    stated = load_dataset(tagged(write_data, "I-PER", "I-PER", "scheme: bio"), ANY_FILE)
    assert detected.tasks[0].outputs == ("O", "I-PER")
    assert stated.tasks[0].outputs == ("O", "B-PER", "I-PER")
    assert (detected.repaired_tags, stated.repaired_tags) == ({"ner": 0}, {"ner": 2})
    assert entities(detected) == entities(stated) == ONE_ENTITY


@pytest.mark.parametrize(
    ("scheme", "tag", "shown"),
    [("io", "B-PER", "IO"), ("bio", "PER", "IOB2"), ("iob1", "X", "IOB1")],
)
def test_tags_of_another_scheme_than_stated_are_refused(
    write_data, scheme: str, tag: str, shown: str
) -> None:
    message = (
        f"b.train.conll, line 1: the tag '{tag}' does not occur in {shown}, which the manifest "
        "states. Correct 'scheme' there, or remove it."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        load_dataset(tagged(write_data, tag, tag, f"scheme: {scheme}"), ANY_FILE)


def test_types_in_two_cases_are_two_types_if_the_manifest_names_both(write_data) -> None:
    names = "tags: {PER: PER, per: per}"
    dataset = load_dataset(tagged(write_data, "PER", "per", names), ANY_FILE)
    assert entities(dataset) == (Span(0, 1, "PER"), Span(1, 2, "per"))


def test_an_evaluated_file_without_entities_is_accepted_with_a_note(write_data) -> None:
    dataset = load_dataset(str(write_data({"b.dev.conll": "It\tO\nrains\tO\n"})), ANY_FILE)
    assert dataset.validation[-1].labels == {"ner": ("O", "O")}
    (note,) = (each for each in data_notes(dataset) if "undefined" in each)
    assert note == (
        "ner: every tag in the validation data is O, so entity F1 is undefined there and is shown "
        "as undefined, not as 0. Check the column of the tags if it has entities."
    )
    assert [set(each.values) for each in baselines_of_data(dataset)] == [{"sentiment"}] * 2
