"""Predict: which words move the label, by leaving out each in turn."""

import pytest

from mtl_core.tasks.split_words import split_words
from mtl_core.training.predictions import Prediction, SentenceAnswer
from mtl_core.ui.predict.word_effects import MOST_WORDS, effects, without_each


def answered(positive: float) -> Prediction:
    by_label = {"positive": positive, "negative": 1 - positive}
    label = max(by_label, key=by_label.__getitem__)
    answer = SentenceAnswer(label=label, confidence=by_label[label], by_label=by_label)
    return Prediction(answers={"sentiment": answer}, words=3, words_read=3)


def test_each_sentence_lacks_one_word_in_its_text_and_in_its_words() -> None:
    text = "Good food, rude waiters!"
    shorter = without_each(text, split_words(text))
    assert [each.text for each in shorter] == [
        "food, rude waiters!",
        "Good , rude waiters!",
        "Good food rude waiters!",
        "Good food, waiters!",
        "Good food, rude !",
        "Good food, rude waiters",
    ]
    assert shorter[0].words == ("food", ",", "rude", "waiters", "!")
    assert shorter[5].words == ("Good", "food", ",", "rude", "waiters")


def test_the_effect_is_the_change_of_the_predicted_label_even_if_the_label_changes() -> None:
    found = effects("sentiment", answered(0.9), [answered(0.9), answered(0.2), answered(0.95)])
    assert found == pytest.approx([0.0, 0.7, -0.05])


def test_a_long_text_is_limited() -> None:
    text = "word " * (MOST_WORDS + 5)
    assert len(without_each(text, split_words(text))) == MOST_WORDS
