import pytest

from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.split_words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anna was in oslo.", ["anna", "was", "in", "oslo", "."]),
        ("  “Great”, she said!", ["“", "Great", "”", ",", "she", "said", "!"]),
        ("the U.S. and 3.14 ...", ["the", "U.S.", "and", "3.14", ".", ".", "."]),
        ("it's Oslo-based (now)", ["it's", "Oslo-based", "(", "now", ")"]),
        ("...", [".", ".", "."]),
        ("?", ["?"]),
        (" \n", []),
    ],
)
def test_punctuation_at_the_ends_is_a_separate_word(text: str, words: list[str]) -> None:
    found = split_words(text)
    assert [word.text for word in found] == words
    assert [text[word.start : word.end] for word in found] == words


def test_nearly_all_tagged_sentences_fall_into_their_words_again() -> None:
    sentences = [each.words for each in load_dataset("sample", ANY_FILE).validation if each.words]
    again = [
        tuple(word.text for word in split_words(" ".join(words))) == words for words in sentences
    ]
    assert len(again) == 200
    assert sum(again) >= 195
