import pytest

from mtl_core.analysis.forgetting import Change, Forgetting, OtherDataScores
from mtl_core.analysis.outcomes import Against, against
from mtl_core.analysis.paired.intervals import PairedDifference
from mtl_core.analysis.trained import UntrainedReason
from mtl_core.report.forgetting import (
    elsewhere_title,
    forgetting_sentence,
    forgetting_title,
    outcome_text,
)
from mtl_core.tasks.task import DEFAULT_TASKS

SENTIMENT, NER = DEFAULT_TASKS
LOST = Change(0.647, 0.28, -0.4, -0.334, 3)
ONE_SEED = Change(0.1, 0.3, 0.2, 0.2, 1)
SAME = Change(0.5, 0.5, 0.0, 0.0, 3)
SMALL = Change(0.5, 0.51, -0.02, 0.04, 3)
UNTESTED = against(None, 0.05)


def interval(effect: float, low: float, high: float) -> Against:
    return against(PairedDifference(effect, low, high, 3, 200), 0.05)


BELOW = interval(-0.367, -0.43, -0.3)
ABOVE = interval(0.2, 0.1, 0.3)
UNDECIDED = interval(0.01, -0.08, 0.1)
EQUIVALENT = interval(0.01, 0.005, 0.015)


def forgotten(
    change: Change,
    judged: Against = UNTESTED,
    why: UntrainedReason = UntrainedReason.FROZEN_HEAD,
    moved: bool | None = True,
    taught: bool | None = False,
    plan: str = "full",
) -> Forgetting:
    return Forgetting(plan, NER, why, change, None, 0.2, 0.3, moved, taught, judged)


@pytest.mark.parametrize(
    ("change", "judged", "words"),
    [
        (SAME, UNTESTED, "exactly as before"),
        (SMALL, UNDECIDED, "undecided"),
        (SMALL, EQUIVALENT, "equivalent"),
        (LOST, BELOW, "below"),
        (LOST, ABOVE, "above"),
        (ONE_SEED, UNTESTED, "not tested"),
    ],
)
def test_the_change_of_a_task_left_out_has_the_words_of_the_outcomes(
    change: Change, judged: Against, words: str
) -> None:
    assert outcome_text(forgotten(change, judged)) == words


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            forgotten(LOST, BELOW),
            "full: NER is below its start, −0.367 of entity F1 (95 %: −0.430 to −0.300), although "
            "its head was frozen: the encoder changed.",
        ),
        (
            forgotten(LOST, BELOW, UntrainedReason.NO_WEIGHT),
            "full: NER is below its start, −0.367 of entity F1 (95 %: −0.430 to −0.300): its loss "
            "had no weight, and the encoder changed.",
        ),
        (
            forgotten(ONE_SEED, taught=True),
            "full: NER changed by +0.200 of entity F1 (one seed), not tested: its head was "
            "frozen, but its loss still trained the encoder.",
        ),
        (
            forgotten(SAME, moved=False),
            "full: NER did not change: its head was frozen, and the encoder did not change.",
        ),
        (forgotten(SAME, moved=None), "full: NER did not change: its head was frozen."),
        (
            forgotten(SMALL, moved=None),
            "full: NER changed by +0.010 of entity F1 (by seed −0.020 to +0.040), not tested: its "
            "head was frozen.",
        ),
        (
            forgotten(SMALL, EQUIVALENT),
            "full: NER is equivalent to its start, +0.010 of entity F1 (95 %: +0.005 to +0.015), "
            "within ± 0.05.",
        ),
        (
            forgotten(SMALL, UNDECIDED),
            "full: NER is undecided, +0.010 of entity F1 (95 %: −0.080 to +0.100): neither a "
            "change nor equivalence within ± 0.05 was shown.",
        ),
    ],
)
def test_a_sentence_states_how_the_task_changed_and_why(found: Forgetting, sentence: str) -> None:
    assert forgetting_sentence(found) == sentence


def test_the_title_names_the_plan_that_changed_the_task_most() -> None:
    same, fell = forgotten(SAME, plan="heads"), forgotten(LOST, BELOW)
    assert forgetting_title("NER", [same, fell]) == "NER untrained: 0.367 below its start with full"
    assert forgetting_title("NER", [same]) == "NER untrained: its score did not change"
    undecided = forgotten(SMALL, UNDECIDED)
    assert forgetting_title("NER", [same, undecided]) == "NER untrained: undecided with full"
    assert forgetting_title("NER", [undecided] * 2) == "NER untrained: undecided with 2 plans"
    untested = forgotten(ONE_SEED)
    assert forgetting_title("NER", [same, untested]) == "NER untrained: not tested with full"
    equivalent = forgotten(SMALL, EQUIVALENT)
    assert forgetting_title("NER", [same, equivalent]) == "NER untrained: equivalent to its start"


def test_the_title_of_other_data_names_the_best_plan_of_each_task() -> None:
    worse = OtherDataScores("heads", SENTIMENT, "posts", Change(0.5, 0.6, 0.1, 0.1, 3), None, 0.8)
    best = OtherDataScores("full", SENTIMENT, "posts", Change(0.5, 0.7, 0.2, 0.2, 3), None, 0.9)
    ner = OtherDataScores("full", NER, "posts", Change(0.0, 0.25, 0.2, 0.3, 3), None, 0.7)
    assert elsewhere_title("posts", [worse, best, ner]) == (
        "On posts: highest sentiment 0.70, with full (0.90 on its training data set); "
        "highest NER 0.25, with full (0.70 on its training data set)"
    )
