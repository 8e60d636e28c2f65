"""The page "How Freeze Lab decides": its examples are what the functions of a comparison give."""

import pytest

from mtl_core.analysis.outcomes import outcome
from mtl_core.analysis.plans import Verdict
from mtl_core.lessons.decisions import (
    DECISIONS,
    MARGIN,
    Example,
    described,
    design_examples,
    look_rows,
    outcome_examples,
)


def test_the_examples_have_every_outcome_and_are_labelled_with_it() -> None:
    examples = outcome_examples()
    verdicts = [outcome(each.difference, MARGIN) for each in examples]
    assert set(verdicts) == {
        Verdict.EQUIVALENT,
        Verdict.BELOW,
        Verdict.ABOVE,
        Verdict.UNDECIDED,
    }
    for example, verdict in zip(examples, verdicts, strict=True):
        assert example.label.startswith(verdict)


def test_remarks_about_zero_and_the_margin_are_true() -> None:
    by_label = {each.label: each.difference for each in outcome_examples()}
    excluded = by_label["equivalent, although it excludes zero"]
    assert excluded.significant
    partly = by_label["below, although partly inside the margin"]
    assert partly.low < -MARGIN < partly.high < 0


def test_more_seeds_or_more_sentences_decide_the_undecided_example() -> None:
    three, five, ten, sentences = design_examples()
    assert three.label == "3 seeds × 200 sentences: undecided"
    assert five.label == "5 seeds × 200 sentences: undecided"
    assert ten.label == "10 seeds × 200 sentences: below"
    assert sentences.label == "5 seeds × 800 sentences: below"
    assert len({each.difference.effect for each in (three, five, ten, sentences)}) == 1


def test_a_later_look_has_a_lower_level_than_the_same_number_of_seeds_at_once() -> None:
    first, second, last = look_rows()
    assert first["Level"] == first["Level at once"] == "4.2 %"
    assert second["Level"] == "0.9 %"
    assert second["Level at once"] == "4.5 %"
    assert last["Error spent"] == "5 %"


def test_the_alternative_text_has_every_interval() -> None:
    text = described(outcome_examples())
    assert text.startswith("Margin ± 0.03. equivalent, −0.004 (−0.022 to +0.014); ")
    assert text.count(" to +") + text.count(" to −") == len(outcome_examples())


@pytest.mark.parametrize("example", Example)
def test_every_example_is_beside_one_section(example: Example) -> None:
    assert [each.example for each in DECISIONS].count(example) == 1
