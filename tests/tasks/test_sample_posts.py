from collections import Counter
from itertools import chain, combinations, product

import pytest

from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset, load_tasks
from mtl_core.tasks.task import DEFAULT_TASKS
from tests.tasks.labelled_files import (
    POSTS,
    SAMPLE,
    SPLITS,
    actual_digests,
    bag_of_words_accuracy,
    count_accuracy,
    entities,
    labelled_texts,
    listed_digests,
    mean_word_pieces,
    new_names,
    overlap,
    tagged_sentences,
    word_sets,
)

SIZES = {"train": 200, "validation": 100, "test": 300}


def posts(split):
    return labelled_texts(POSTS / f"posts.{split}.csv")


def texts(split):
    return [text for text, _ in posts(split)]


def labels(split):
    return [label for _, label in posts(split)]


def sentences(split):
    return tagged_sentences(POSTS / f"entities.{split}.conll")


def registers(split):
    """Posts and reviews of a split as their annotated words, each with its register."""
    reviews = tagged_sentences(SAMPLE / f"entities.{split}.conll")
    marked = chain(product(sentences(split), ["post"]), product(reviews, ["review"]))
    return [([word for word, _ in sentence], register) for sentence, register in marked]


def test_the_data_are_read_under_their_name_with_the_default_tasks():
    dataset = load_dataset("sample-posts", ANY_FILE)
    assert load_tasks("sample-posts", ANY_FILE) == dataset.tasks == DEFAULT_TASKS
    assert dataset.counts() == {"sentiment": SIZES, "ner": SIZES}
    assert dataset.repaired_tags == {"ner": 0}


@pytest.mark.parametrize("split", SPLITS)
def test_each_split_has_its_number_of_posts_and_as_many_tagged_sentences(split):
    assert (len(posts(split)), len(sentences(split))) == (SIZES[split], SIZES[split])


def test_all_600_posts_are_distinct_even_in_lower_case():
    assert len({text.lower() for split in SPLITS for text in texts(split)}) == 600


@pytest.mark.parametrize("split", SPLITS)
def test_tokens_joined_without_spaces_are_the_posts_without_spaces_in_the_same_order(split):
    joined = ["".join(word for word, _ in sentence) for sentence in sentences(split)]
    assert joined == [text.replace(" ", "") for text in texts(split)]


@pytest.mark.parametrize("split", SPLITS)
def test_a_post_has_3_to_20_words(split):
    lengths = [len(text.split()) for text in texts(split)]
    assert 3 <= min(lengths) <= max(lengths) <= 20


@pytest.mark.parametrize("mask", [False, True], ids=["as written", "with entities masked"])
def test_no_post_shares_six_tenths_of_its_words_with_another_or_with_a_review(mask):
    found = word_sets([one for split in SPLITS for one in sentences(split)], mask=mask)
    reviews = [
        one for split in SPLITS for one in tagged_sentences(SAMPLE / f"entities.{split}.conll")
    ]
    pairs = chain(combinations(found, 2), product(found, word_sets(reviews, mask=mask)))
    assert max(overlap(one, other) for one, other in pairs) < 0.6


@pytest.mark.parametrize(("split", "each"), [("train", 100), ("validation", 50), ("test", 150)])
def test_each_label_is_half_of_a_split_of_posts(split, each):
    assert Counter(labels(split)) == {"negative": each, "positive": each}


@pytest.mark.parametrize("split", SPLITS[1:])
def test_a_bag_of_words_gets_some_but_not_all_of_the_sentiment_of_posts(split):
    assert 0.55 <= bag_of_words_accuracy(posts("train"), posts(split)) <= 0.85


def test_a_bag_of_words_tells_posts_from_reviews():
    found = bag_of_words_accuracy(registers("train"), registers("validation"), analyzer=list)
    assert found > 0.9


def test_without_punctuation_emoji_and_letters_alone_a_bag_of_words_tells_fewer():
    written = {
        split: [(" ".join(words), kind) for words, kind in registers(split)] for split in SPLITS
    }
    assert 0.75 < bag_of_words_accuracy(written["train"], written["validation"]) < 0.85


def test_at_least_four_tenths_of_the_entities_of_validation_posts_are_new_in_any_case():
    assert new_names(sentences("train"), sentences("validation")) >= 0.4


@pytest.mark.parametrize(("split", "without"), [("train", 64), ("validation", 33), ("test", 100)])
def test_about_a_third_of_the_posts_have_no_entity(split, without):
    assert sum(not entities(sentence) for sentence in sentences(split)) == without
    assert 0.25 <= without / SIZES[split] <= 0.45


def test_numbers_of_entities_do_not_tell_the_sentiment_of_posts():
    train, *others = ((sentences(split), labels(split)) for split in SPLITS)
    assert max(count_accuracy(train, other) for other in others) < 0.62


@pytest.mark.parametrize("split", SPLITS)
def test_posts_have_fewer_than_22_word_pieces_on_average(split):
    assert mean_word_pieces(texts(split)) < 22


@pytest.mark.parametrize("split", SPLITS)
def test_the_tags_of_posts_are_o_and_the_three_types(split):
    found = {tag for sentence in sentences(split) for _, tag in sentence}
    assert found == {"O", "PER", "LOC", "ORG"}


def test_a_handle_is_one_token_outside_of_entities_and_a_hashtag_may_be_an_entity():
    pairs = [pair for split in SPLITS for sentence in sentences(split) for pair in sentence]
    handles = {pair for pair in pairs if pair[0].startswith("@")}
    assert {tag for _, tag in handles} == {"O"}
    assert {"@lotte_draws", "@kofi_bikes", "@helpdesk_hero"} < {word for word, _ in handles}
    hashtags = {pair for pair in pairs if pair[0].startswith("#")}
    assert {("#officelife", "O"), ("#tallinn", "LOC"), ("#brightsea", "ORG")} < hashtags
    assert ("#", "O") not in pairs


# The spans were counted before they were written as tags: two neighbours of one type would
# have become one run, and the runs fewer than the spans.
@pytest.mark.parametrize(
    ("split", "spans"),
    [
        ("train", {"PER": 41, "LOC": 46, "ORG": 56}),
        ("validation", {"PER": 18, "LOC": 18, "ORG": 31}),
        ("test", {"PER": 64, "LOC": 61, "ORG": 83}),
    ],
)
def test_posts_have_as_many_runs_of_each_type_as_spans_were_annotated(split, spans):
    assert Counter(tag for one in sentences(split) for tag, _ in entities(one)) == spans
    assert min(spans.values()) >= {"train": 30, "validation": 15, "test": 60}[split]


def test_the_digests_of_the_posts_are_those_of_the_seven_files():
    expected = listed_digests(POSTS)
    assert actual_digests(POSTS, expected) == expected
    assert sorted(expected) == [
        "entities.test.conll",
        "entities.train.conll",
        "entities.validation.conll",
        "manifest.yaml",
        "posts.test.csv",
        "posts.train.csv",
        "posts.validation.csv",
    ]
