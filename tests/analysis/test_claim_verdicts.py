import pytest

from mtl_core.analysis.claim_rules import (
    Arm,
    Better,
    Carries,
    Cheaper,
    Keeps,
    KeptBytes,
    LosesMore,
    LowerMovesLess,
    OneSeed,
    Quantity,
    Still,
)
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Scale, judge
from mtl_core.analysis.intervals import over_seeds
from mtl_core.analysis.reading import extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Answers
from tests.claim_runs import ONE, OTHER, by_seed, finished

BETTER = Better(task="sentiment", arm=ONE, against=OTHER)


def better(ones: list[float], others: list[float], keeps: float = 1.0) -> object:
    rule = BETTER.model_copy(update={"keeps": keeps})
    return judge(
        rule,
        {ONE: by_seed([finished(s) for s in ones]), OTHER: by_seed([finished(s) for s in others])},
    )


def test_a_mean_over_three_seeds_has_students_interval() -> None:
    found = over_seeds([0.1, 0.2, 0.3])
    assert found is not None
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(4.303 * 0.1 / 3**0.5)
    assert over_seeds([0.1]) is None


def test_better_on_every_seed_by_much_the_same_holds() -> None:
    finding = better([0.80, 0.81, 0.82], [0.70, 0.71, 0.72])
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.effect == pytest.approx(0.1)
    assert finding.seeds == 3


def test_worse_on_every_seed_does_not_hold() -> None:
    assert better([0.7, 0.71, 0.72], [0.8, 0.81, 0.82]).verdict is ClaimVerdict.DOES_NOT_HOLD


def test_an_interval_over_the_bar_is_within_noise() -> None:
    finding = better([0.80, 0.70, 0.75], [0.70, 0.80, 0.75])
    assert finding.verdict is ClaimVerdict.WITHIN_NOISE
    assert finding.low < 0 < finding.high


def test_a_plan_may_lose_a_tenth_and_still_keep_ninety_per_cent() -> None:
    finding = better([0.75, 0.76, 0.77], [0.80, 0.81, 0.82], keeps=0.9)
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.bar == pytest.approx(-0.081)
    assert finding.effect == pytest.approx(-0.05)


def test_only_seeds_that_both_plans_have_are_paired() -> None:
    evidence = {
        ONE: {0: finished(0.8), 1: finished(0.8)},
        OTHER: {1: finished(0.7), 2: finished(0.1)},
    }
    finding = judge(BETTER, evidence)
    assert (finding.verdict, finding.seeds) == (ClaimVerdict.OPEN, 1)
    assert finding.effect == pytest.approx(0.1)


def test_without_runs_a_claim_is_open() -> None:
    assert judge(BETTER, {}).verdict is ClaimVerdict.OPEN


def test_a_head_that_loses_more_than_a_tenth_of_its_score_does_not_keep_its_task() -> None:
    runs = [finished(0.9, ner, before=(0.9, 0.7)) for ner in (0.20, 0.21, 0.22)]
    finding = judge(Keeps(task="ner", arm=ONE), {ONE: by_seed(runs)})
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.effect == pytest.approx(-0.49)
    assert finding.bar == pytest.approx(-0.07)


def test_a_task_that_was_at_nothing_has_nothing_to_keep() -> None:
    runs = [finished(0.9, 0.0, before=(0.9, 0.0))] * 3
    finding = judge(Keeps(task="ner", arm=ONE), {ONE: by_seed(runs)})
    assert finding.verdict is ClaimVerdict.OPEN


def test_time_is_training_with_one_pass_over_frozen_layers_whichever_seed_made_it() -> None:
    rule = Cheaper(quantity=Quantity.SECONDS, arm=ONE, against=OTHER, times=3)
    first, others = finished(0.8, seconds=4.0, prefix_seconds=1.0), finished(0.8, seconds=4.0)
    evidence = {
        ONE: by_seed([first, others, others]),
        OTHER: by_seed([finished(0.8, seconds=20.0)] * 3),
    }
    finding = judge(rule, evidence)
    assert finding.scale is Scale.RATIO
    assert (finding.effect, finding.low) == (pytest.approx(4.0), pytest.approx(4.0))
    assert finding.verdict is ClaimVerdict.HOLDS


def test_a_ratio_below_the_required_bar_does_not_hold() -> None:
    rule = Cheaper(quantity=Quantity.PEAK_MEMORY, arm=ONE, against=OTHER, times=2)
    evidence = {
        ONE: by_seed([finished(0.8, peak=1000)] * 3),
        OTHER: by_seed([finished(0.8, peak=peak) for peak in (1200, 1210, 1220)]),
    }
    assert judge(rule, evidence).verdict is ClaimVerdict.DOES_NOT_HOLD


def test_a_change_that_costs_one_plan_more_than_the_other_is_a_difference_of_differences() -> None:
    noisy_one = Arm(experiment="noisy labels", scenario="heads-only")
    noisy_other = Arm(experiment="noisy labels", scenario="full")
    evidence = {
        ONE: by_seed([finished(0.8)] * 2),
        noisy_one: by_seed([finished(0.78)] * 2),
        OTHER: by_seed([finished(0.9)] * 2),
        noisy_other: by_seed([finished(0.7)] * 2),
    }
    rule = LosesMore(
        task="sentiment",
        arm=OTHER,
        arm_changed=noisy_other,
        other=ONE,
        other_changed=noisy_one,
    )
    assert judge(rule, evidence).effect == pytest.approx(0.18)
    assert judge(rule, evidence).verdict is ClaimVerdict.HOLDS


def test_on_other_data_the_last_score_there_counts() -> None:
    rule = BETTER.model_copy(update={"data": "sample-posts"})
    ones = by_seed([finished(0.9, posts=0.7)] * 2)
    evidence = {ONE: ones, OTHER: by_seed([finished(0.9, posts=0.6)] * 2)}
    assert judge(rule, evidence).effect == pytest.approx(0.1)
    carries = Carries(task="sentiment", arm=ONE, data="sample-posts")
    assert judge(carries, evidence).effect == pytest.approx(0.2)
    assert judge(carries, evidence).verdict is ClaimVerdict.HOLDS
    assert judge(carries, {ONE: by_seed([finished(0.9)] * 2)}).verdict is ClaimVerdict.OPEN


def test_frozen_groups_are_still_only_if_every_one_moved_by_exactly_nothing() -> None:
    rule = Still(arm=ONE, groups=("embeddings", "layer 0"))
    still = finished(0.8, moved={"embeddings": 0.0, "layer 0": 0.0, "layer 1": 0.2})
    drifted = finished(0.8, moved={"embeddings": 0.0, "layer 0": 1e-9, "layer 1": 0.2})
    unmeasured = finished(0.8, moved={"layer 1": 0.2})
    assert judge(rule, {ONE: by_seed([still, still])}).verdict is ClaimVerdict.HOLDS
    assert judge(rule, {ONE: by_seed([still, drifted])}).verdict is ClaimVerdict.DOES_NOT_HOLD
    assert judge(rule, {ONE: by_seed([unmeasured])}).verdict is ClaimVerdict.OPEN


def test_upper_layers_that_move_twice_as_far_give_a_ratio_of_two() -> None:
    moved = {"layer 0": 0.1, "layer 1": 0.1, "layer 2": 0.2, "layer 3": 0.2, "head:ner": 9.0}
    finding = judge(LowerMovesLess(arm=ONE), {ONE: by_seed([finished(0.8, moved=moved)] * 3)})
    assert finding.effect == pytest.approx(2.0)
    assert finding.verdict is ClaimVerdict.HOLDS


def test_one_seed_is_enough_only_if_each_chooses_what_the_mean_chooses() -> None:
    rule = OneSeed(task="sentiment", arms=(ONE, OTHER))
    same = {
        ONE: by_seed([finished(0.80), finished(0.82)]),
        OTHER: by_seed([finished(0.90), finished(0.82)]),
    }
    assert judge(rule, same).verdict is ClaimVerdict.HOLDS  # a tie is no other choice
    split = {
        ONE: by_seed([finished(0.80), finished(0.83)]),
        OTHER: by_seed([finished(0.90), finished(0.82)]),
    }
    finding = judge(rule, split)
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.effect == 0.5
    assert finding.detail == "best by seed: full, heads-only; on average: full"


def test_biases_alone_do_not_save_a_hundredth_of_what_full_keeps() -> None:
    rule = KeptBytes(checkpoint="minilm-l6", scenario="bitfit", against="full", times=100)
    finding = judge(rule, {})
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert 1 < finding.effect < 3


OUTPUTS = DEFAULT_TASKS[0].outputs
PLACES = tuple(range(40))
LABELS = {"sentiment": dict.fromkeys(PLACES, OUTPUTS[0])}
GOLD = {"validation": LABELS, "sample-posts": LABELS}


def answered(before: int, after: int, posts: int | None = None) -> RunSummary:
    """A run that was right on the first `before` sentences of 40 at first, on `after` at last.

    `posts` is the number of right answers at both ends on 40 sentences of other data.
    """
    told = [
        Answers(
            elapsed_seconds=4.0,
            step=step,
            split=split,
            places={"sentiment": PLACES},
            answers={"sentiment": tuple(int(place >= right) for place in PLACES)},
        )
        for split, ends in (("validation", (before, after)), ("sample-posts", (posts, posts)))
        for step, right in zip((0, 10), ends, strict=True)
        if right is not None
    ]
    there = None if posts is None else posts / 40
    return extend(finished(after / 40, before=(before / 40, 0.0), posts=there), told)


def test_with_answers_the_interval_speaks_of_sentences_too() -> None:
    evidence = {
        ONE: by_seed([answered(20, 36)] * 3),
        OTHER: by_seed([answered(20, 30)] * 3),
    }
    by_seeds_alone = judge(BETTER, evidence)
    paired = judge(BETTER, evidence, GOLD)
    assert (by_seeds_alone.sentences, paired.sentences) == (0, 40)
    assert by_seeds_alone.low == by_seeds_alone.high == pytest.approx(0.15)
    assert paired.effect == pytest.approx(0.15)
    assert 0 < paired.low < 0.15 < paired.high


def test_a_task_that_keeps_its_answers_is_compared_with_itself_before() -> None:
    finding = judge(Keeps(task="sentiment", arm=ONE), {ONE: by_seed([answered(30, 10)] * 3)}, GOLD)
    assert finding.effect == pytest.approx(-0.5)
    assert finding.sentences == 40
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD


def test_on_other_data_too_the_interval_speaks_of_sentences() -> None:
    rule = BETTER.model_copy(update={"data": "sample-posts"})
    evidence = {
        ONE: by_seed([answered(20, 36, posts=34)] * 3),
        OTHER: by_seed([answered(20, 36, posts=24)] * 3),
    }
    assert (judge(rule, evidence).sentences, judge(rule, evidence, GOLD).sentences) == (0, 40)
    assert judge(rule, evidence, GOLD).effect == pytest.approx(0.25)
    assert judge(BETTER, evidence, GOLD).effect == 0.0


def test_a_score_on_other_data_is_compared_over_the_sentences_of_both() -> None:
    rule = Carries(task="sentiment", arm=ONE, data="sample-posts")
    evidence = {ONE: by_seed([answered(20, 36, posts=34)] * 3)}
    by_seeds_alone, found = judge(rule, evidence), judge(rule, evidence, GOLD)
    assert by_seeds_alone.verdict is ClaimVerdict.HOLDS  # every seed answers as the others do
    assert (found.effect, found.sentences) == (pytest.approx(0.05), 40)
    assert found.verdict is ClaimVerdict.WITHIN_NOISE
    assert found.low < 0 < found.high
