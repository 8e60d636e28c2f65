from dataclasses import replace

import pytest

from mtl_core.analysis.forgetting import Change, Forgetting, OtherDataScores
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
GAINED = Change(0.1, 0.3, 0.2, 0.2, 1)
SAME = Change(0.5, 0.5, 0.0, 0.0, 3)
UNCLEAR = Change(0.5, 0.51, -0.02, 0.04, 3)


def forgotten(
    change: Change,
    why: UntrainedReason = UntrainedReason.FROZEN_HEAD,
    moved: bool | None = True,
    taught: bool | None = False,
    plan: str = "full",
) -> Forgetting:
    return Forgetting(plan, NER, why, change, None, 0.2, 0.3, moved, taught)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (SAME, "exactly as before"),
        (UNCLEAR, "within noise"),
        (LOST, "0.367 lost"),
        (GAINED, "0.200 gained"),
    ],
)
def test_the_change_of_a_task_left_out_is_judged_by_its_seeds(change: Change, words: str) -> None:
    assert outcome_text(forgotten(change)) == words


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            forgotten(LOST),
            "full: NER lost 0.367 of entity F1 (0.334 to 0.400 by seed), although its head was "
            "frozen: the encoder changed.",
        ),
        (
            forgotten(LOST, UntrainedReason.NO_WEIGHT),
            "full: NER lost 0.367 of entity F1 (0.334 to 0.400 by seed): its loss had no weight, "
            "and the encoder changed.",
        ),
        (
            forgotten(GAINED, taught=True),
            "full: NER gained 0.200 of entity F1 (one seed): its head was frozen, but its loss "
            "still trained the encoder.",
        ),
        (
            forgotten(SAME, moved=False),
            "full: NER did not change: its head was frozen, and the encoder did not change.",
        ),
        (forgotten(SAME, moved=None), "full: NER did not change: its head was frozen."),
        (
            forgotten(UNCLEAR),
            "full: NER went from 0.500 to 0.510 in entity F1 (by seed −0.020 to +0.040): the seeds "
            "disagree on the direction.",
        ),
        (
            replace(forgotten(LOST), tested=PairedDifference(-0.367, -0.8, 0.1, 3, 200)),
            "full: NER went from 0.647 to 0.280 in entity F1 (0.334 to 0.400 by seed): not "
            "significant in a paired test over seeds and sentences.",
        ),
    ],
)
def test_a_sentence_states_how_the_task_changed_and_why(found: Forgetting, sentence: str) -> None:
    assert forgetting_sentence(found) == sentence


def test_the_title_names_the_plan_that_changed_the_task_most() -> None:
    held, fell = forgotten(SAME, plan="heads"), forgotten(LOST)
    assert forgetting_title("NER", [held, fell]) == "NER left out: 0.367 lost with full"
    assert forgetting_title("NER", [held]) == "NER left out: its score did not change"
    noise = [held, forgotten(UNCLEAR)]
    assert forgetting_title("NER", noise) == "NER left out: no significant change"


def test_the_title_of_other_data_names_the_best_plan_of_each_task() -> None:
    worse = OtherDataScores("heads", SENTIMENT, "posts", Change(0.5, 0.6, 0.1, 0.1, 3), None, 0.8)
    best = OtherDataScores("full", SENTIMENT, "posts", Change(0.5, 0.7, 0.2, 0.2, 3), None, 0.9)
    ner = OtherDataScores("full", NER, "posts", Change(0.0, 0.25, 0.2, 0.3, 3), None, 0.7)
    assert elsewhere_title("posts", [worse, best, ner]) == (
        "On posts: best sentiment 0.70, with full (0.90 on own data); "
        "best NER 0.25, with full (0.70 on own data)"
    )
