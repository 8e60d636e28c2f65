from collections import Counter, defaultdict
from itertools import combinations

import pytest

from tests.tasks.labelled_files import (
    SAMPLE,
    SPLITS,
    actual_digests,
    bag_of_words_accuracy,
    count_accuracy,
    entities,
    labelled_texts,
    listed_digests,
    masked,
    mean_word_pieces,
    new_names,
    overlap,
    tagged_sentences,
    word_sets,
)

SIZES = {"train": 400, "validation": 200, "test": 800}


def reviews(split):
    return labelled_texts(SAMPLE / f"reviews.{split}.csv")


def sentences(split):
    return tagged_sentences(SAMPLE / f"entities.{split}.conll")


def column(split, place):
    return [row[place] for row in reviews(split)]


@pytest.mark.parametrize("split", SPLITS)
def test_each_split_has_its_number_of_reviews_and_as_many_tagged_sentences(split):
    assert (len(reviews(split)), len(sentences(split))) == (SIZES[split], SIZES[split])


def test_all_1400_texts_are_distinct_even_in_lower_case_with_entities_masked():
    texts = {text for split in SPLITS for text in column(split, 0)}
    masks = {masked(sentence) for split in SPLITS for sentence in sentences(split)}
    assert (len(texts), len(masks)) == (1400, 1400)


@pytest.mark.parametrize("split", SPLITS)
def test_tokens_joined_without_spaces_are_the_texts_without_spaces_in_the_same_order(split):
    joined = ["".join(word for word, _ in sentence) for sentence in sentences(split)]
    assert joined == [text.replace(" ", "") for text in column(split, 0)]


def test_no_two_sentences_share_six_tenths_of_their_words_as_written_or_with_entities_masked():
    everything = [sentence for split in SPLITS for sentence in sentences(split)]
    for mask in (False, True):
        pairs = combinations(word_sets(everything, mask=mask), 2)
        assert max(overlap(one, other) for one, other in pairs) < 0.6


@pytest.mark.parametrize(("split", "each"), [("train", 200), ("validation", 100), ("test", 400)])
def test_each_label_is_half_of_a_split(split, each):
    assert Counter(column(split, 1)) == {"negative": each, "positive": each}


@pytest.mark.parametrize("split", SPLITS[1:])
def test_a_bag_of_words_gets_some_but_not_all_of_the_sentiment(split):
    assert 0.55 <= bag_of_words_accuracy(reviews("train"), reviews(split)) <= 0.85


def test_at_least_four_tenths_of_the_entities_of_validation_are_new():
    assert new_names(sentences("train"), sentences("validation")) >= 0.4


def test_every_entity_of_the_test_split_is_new():
    earlier = [*sentences("train"), *sentences("validation")]
    assert new_names(earlier, sentences("test")) == 1.0


@pytest.mark.parametrize(("split", "without"), [("train", 138), ("validation", 70), ("test", 280)])
def test_about_a_third_of_the_sentences_have_no_entity(split, without):
    assert sum(not entities(sentence) for sentence in sentences(split)) == without
    assert 0.28 <= without / SIZES[split] <= 0.40


def test_numbers_of_entities_do_not_tell_the_sentiment():
    train, *others = ((sentences(split), column(split, 1)) for split in SPLITS)
    assert max(count_accuracy(train, other) for other in others) < 0.6


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
    assert mean_word_pieces(column(split, 0)) < 16


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
        ("test", {"PER": 193, "LOC": 195, "ORG": 194}),
    ],
)
def test_the_runs_of_each_type_are_as_many_as_the_spans_that_were_annotated(split, spans):
    assert Counter(tag for sentence in sentences(split) for tag, _ in entities(sentence)) == spans


def test_the_digests_are_those_of_the_seven_files():
    expected = listed_digests(SAMPLE)
    assert actual_digests(SAMPLE, expected) == expected
    assert sorted(expected) == [
        "entities.test.conll",
        "entities.train.conll",
        "entities.validation.conll",
        "manifest.yaml",
        "reviews.test.csv",
        "reviews.train.csv",
        "reviews.validation.csv",
    ]
