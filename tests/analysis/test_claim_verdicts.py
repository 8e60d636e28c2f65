"""The verdict of each rule on made-up runs."""

from dataclasses import replace

import pytest

from mtl_core.analysis.claim_judge import judge
from mtl_core.analysis.claim_rules import (
    Arm,
    Better,
    Cheaper,
    Collapses,
    Keeps,
    KeepsMore,
    KeptBytes,
    Loses,
    LosesMore,
    NeedsData,
    NoSteps,
    OneSeed,
    Quantity,
    Size,
    Sooner,
    SpreadsMore,
    Still,
    Unchanged,
    UpperChangesMore,
    UpperProbesChangeMore,
)
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding, Scale
from mtl_core.analysis.reading import extend
from mtl_core.analysis.summary import RunSummary
from mtl_core.lessons.verdict_text import interval_text
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Answers
from tests.claim_runs import ONE, OTHER, by_seed, finished

BETTER = Better(task="sentiment", arm=ONE, against=OTHER)
POSTS = "sample-posts"


def better(ones: list[float], others: list[float], **changes: object) -> Finding:
    rule = BETTER.model_copy(update=changes)
    return judge(
        rule,
        {ONE: by_seed([finished(s) for s in ones]), OTHER: by_seed([finished(s) for s in others])},
    )


def test_better_on_every_seed_by_much_the_same_holds() -> None:
    finding = better([0.80, 0.81, 0.83], [0.70, 0.71, 0.72])
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.effect == pytest.approx(0.31 / 3)
    assert finding.seeds == 3
    assert finding.p_value == pytest.approx(0.00104, abs=1e-5)


def test_worse_on_every_seed_does_not_hold() -> None:
    assert better([0.7, 0.71, 0.73], [0.8, 0.81, 0.82]).verdict is ClaimVerdict.DOES_NOT_HOLD


def test_an_interval_on_both_sides_of_the_bar_is_undecided() -> None:
    finding = better([0.80, 0.70, 0.75], [0.70, 0.80, 0.75])
    assert finding.verdict is ClaimVerdict.UNDECIDED
    assert finding.low is not None
    assert finding.high is not None
    assert finding.low < 0 < finding.high


def test_an_advantage_that_is_shown_to_be_below_the_margin_holds_with_a_remark() -> None:
    ones, others = [0.812, 0.822, 0.831], [0.80, 0.81, 0.82]
    assert better(ones, others).verdict is ClaimVerdict.HOLDS
    finding = better(ones, others, margin=0.03)
    assert (finding.verdict, finding.margin) == (ClaimVerdict.HOLDS, 0.03)
    assert finding.remark == "the effect is smaller than the margin of 0.03"
    assert better(ones, others, margin=0.01).remark is None


def test_a_result_around_zero_that_is_below_the_margin_does_not_hold() -> None:
    finding = better([0.81, 0.82, 0.82], [0.80, 0.82, 0.825], margin=0.05)
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.remark is None


def test_a_plan_may_lose_a_tenth_and_still_keep_ninety_per_cent() -> None:
    finding = better([0.75, 0.76, 0.77], [0.80, 0.81, 0.82], keeps=0.9)
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.bar == 0
    assert finding.effect == pytest.approx(0.76 - 0.9 * 0.81)


def test_only_seeds_that_both_plans_have_are_paired() -> None:
    evidence = {
        ONE: {0: finished(0.8), 1: finished(0.8)},
        OTHER: {1: finished(0.7), 2: finished(0.1)},
    }
    assert judge(BETTER, evidence).verdict is ClaimVerdict.OPEN


def test_without_runs_a_claim_is_not_tested() -> None:
    assert judge(BETTER, {}).verdict is ClaimVerdict.OPEN


def test_a_claim_on_any_data_reads_the_first_task() -> None:
    rule = BETTER.model_copy(update={"task": None})
    evidence = {ONE: by_seed([finished(0.8)] * 2), OTHER: by_seed([finished(0.7)] * 2)}
    assert judge(rule, evidence).effect == pytest.approx(0.1)


def test_without_a_margin_of_its_own_a_claim_has_that_of_its_task() -> None:
    rule = BETTER.model_copy(update={"margin": None})
    evidence = {arm: by_seed([finished(0.8, 0.4)] * 2) for arm in (ONE, OTHER)}
    margins = {
        task: judge(rule.model_copy(update={"task": task}), evidence).margin
        for task in (None, "sentiment", "ner")
    }
    assert margins == {None: 0.03, "sentiment": 0.03, "ner": 0.05}


def test_a_head_that_loses_more_than_allowed_does_not_keep_its_task() -> None:
    runs = [finished(0.9, ner, before=(0.9, 0.7)) for ner in (0.20, 0.21, 0.22)]
    finding = judge(Keeps(task="ner", arm=ONE, allowed=0.05), {ONE: by_seed(runs)})
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.effect == pytest.approx(-0.49)
    assert finding.bar == -0.05


def test_a_task_that_was_at_nothing_has_nothing_to_keep() -> None:
    runs = [finished(0.9, 0.0, before=(0.9, 0.0))] * 3
    finding = judge(Keeps(task="ner", arm=ONE, allowed=0.05), {ONE: by_seed(runs)})
    assert (finding.verdict, finding.detail, finding.p_value) == (
        ClaimVerdict.UNDECIDED,
        "the score before training was 0",
        1.0,
    )


def test_what_a_run_loses_on_other_data_counts_from_before_to_after() -> None:
    runs = by_seed([finished(0.9, before=(0.8, 0.0), posts=last) for last in (0.60, 0.61, 0.62)])
    rule = Loses(task="sentiment", arm=ONE, margin=0.03, data=POSTS)
    finding = judge(rule, {ONE: runs})
    assert finding.effect == pytest.approx(0.19)
    assert finding.verdict is ClaimVerdict.HOLDS


def test_on_other_data_the_last_score_there_counts() -> None:
    rule = BETTER.model_copy(update={"data": POSTS})
    ones = by_seed([finished(0.9, posts=last) for last in (0.70, 0.71)])
    evidence = {ONE: ones, OTHER: by_seed([finished(0.9, posts=0.6)] * 2)}
    assert judge(rule, evidence).effect == pytest.approx(0.105)
    assert judge(rule, {ONE: by_seed([finished(0.9)] * 2)}).verdict is ClaimVerdict.OPEN


KEEPS_MORE = KeepsMore(
    task="ner", new_task="sentiment", arm=ONE, against=OTHER, data=POSTS, margin=0.05
)


def second_stage(gains: list[float], ner: list[float]) -> RunSummary:
    """A run whose sentiment loss on validation sentences is 1 less these values, with this F1."""
    return finished(
        0.9,
        before=(gains[0], 0.5),
        validation=[(each, 0.5) for each in gains[1:]],
        elsewhere=[(0.5, each) for each in ner],
    )


def test_tasks_are_compared_where_the_loss_of_both_arms_has_fallen_equally() -> None:
    slow = [second_stage([0.50, 0.60, 0.70], [0.60, 0.55, last]) for last in (0.50, 0.50, 0.50)]
    fast = [second_stage([0.50, 0.80, 0.90], [0.60, 0.30, 0.10 + n / 100]) for n in range(3)]
    finding = judge(KEEPS_MORE, {ONE: by_seed(slow), OTHER: by_seed(fast)})
    # the slow arm gains 0.2, at its end; the fast one has gained it after two thirds of an epoch
    assert finding.effect == pytest.approx(0.50 - (0.60 - 0.30 * 2 / 3))
    assert finding.detail == (
        "compared where the loss of sentiment has fallen by 0.200, after 2 and 0.67 epochs; "
        "+0.390 at the end of training"
    )


def test_the_error_of_the_moment_of_equal_gain_is_in_the_interval() -> None:
    slow = [second_stage([0.5, 0.5 + gain], [0.6, 0.5]) for gain in (0.1, 0.2, 0.3)]
    fast = [second_stage([0.5, 0.9], [0.6, 0.2])] * 3
    finding = judge(KEEPS_MORE, {ONE: by_seed(slow), OTHER: by_seed(fast)})
    # at a gain of 0.2 the fast arm has 0.6 - 0.4 * 0.2 / 0.4 = 0.4, on every seed
    assert finding.effect == pytest.approx(0.1)
    # without a seed the gain is 0.25, 0.20 or 0.15 and the effect 0.15, 0.10 or 0.05
    error = (2 / 3 * (0.05**2 + 0.05**2)) ** 0.5
    assert finding.high == pytest.approx(0.1 + 4.302653 * error, rel=1e-5)


def test_an_arm_that_gains_nothing_has_no_equal_gain() -> None:
    stuck = by_seed([second_stage([0.5, 0.5, 0.4], [0.6, 0.6, 0.6])] * 3)
    fast = by_seed([second_stage([0.5, 0.8, 0.9], [0.6, 0.3, 0.1])] * 3)
    finding = judge(KEEPS_MORE, {ONE: stuck, OTHER: fast})
    assert (finding.verdict, finding.detail, finding.p_value) == (
        ClaimVerdict.UNDECIDED,
        "no effect is given: one of the two plans gained nothing on sentiment",
        1.0,
    )


def test_a_gain_that_depends_on_one_seed_is_no_equal_gain() -> None:
    slow = [second_stage([0.5, last], [0.6, 0.6]) for last in (0.5, 0.5, 0.8)]
    fast = by_seed([second_stage([0.5, 0.9], [0.6, 0.1])] * 3)
    finding = judge(KEEPS_MORE, {ONE: by_seed(slow), OTHER: fast})
    assert (finding.verdict, finding.detail) == (
        ClaimVerdict.UNDECIDED,
        "no effect is given: one of the two plans gained nothing on sentiment without one of the "
        "seeds",
    )


def at_accuracy(run: RunSummary, value: float) -> RunSummary:
    """The run with this accuracy of sentiment after the start, whatever its loss was."""
    sentiment, *others = run.tasks
    first, *later = sentiment.evaluations
    changed = [
        replace(each, score=each.score.model_copy(update={"accuracy": value})) for each in later
    ]
    return replace(run, tasks=(replace(sentiment, evaluations=(first, *changed)), *others))


def test_a_loss_that_falls_while_the_score_does_not_rise_is_no_gain() -> None:
    slow = [second_stage([0.5, 0.8], [0.6, 0.5 + n / 100]) for n in range(3)]
    fast = [at_accuracy(second_stage([0.5, 0.9], [0.6, 0.1]), 0.45)] * 3
    finding = judge(KEEPS_MORE, {ONE: by_seed(slow), OTHER: by_seed(fast)})
    assert (finding.verdict, finding.p_value) == (ClaimVerdict.UNDECIDED, 1.0)
    assert (finding.detail or "").startswith(
        "no effect is given: the two plans are compared at equal gains on sentiment, but its score "
        "was 0.500 before training and 0.800 and 0.463 there; compared where"
    )


@pytest.mark.parametrize(
    ("end", "verdict"), [(0.53, ClaimVerdict.DOES_NOT_HOLD), (0.57, ClaimVerdict.UNDECIDED)]
)
def test_what_prevents_a_loss_cannot_be_tested_where_nothing_is_lost(
    end: float, verdict: ClaimVerdict
) -> None:
    arms = [by_seed([second_stage([0.5, 0.8], [0.6, end])] * 3) for _ in range(2)]
    finding = judge(KEEPS_MORE, dict(zip((ONE, OTHER), arms, strict=True)))
    assert finding.verdict is verdict
    if verdict is ClaimVerdict.UNDECIDED:
        assert (finding.detail or "").startswith(
            "undecided although the interval is below the end of the margin, since the control "
            "lost only 0.030, less than the margin: there was nothing to prevent; compared where"
        )


def test_a_comparison_that_presumes_a_loss_is_undecided_without_one() -> None:
    rule = Better(task="ner", arm=ONE, against=OTHER, margin=0.05, if_lost=True)
    for last, verdict in ((0.40, ClaimVerdict.DOES_NOT_HOLD), (0.48, ClaimVerdict.UNDECIDED)):
        runs = [finished(0.9, last, before=(0.9, 0.5))] * 3
        assert judge(rule, {ONE: by_seed(runs), OTHER: by_seed(runs)}).verdict is verdict


def test_without_scores_during_training_there_is_no_equal_gain() -> None:
    ends = by_seed([second_stage([0.5, 0.8, 0.9], [0.6, 0.3])] * 3)
    assert judge(KEEPS_MORE, {ONE: ends, OTHER: ends}).verdict is ClaimVerdict.OPEN


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
    noisy_one = Arm(experiment="wrong labels", scenario="heads-only")
    noisy_other = Arm(experiment="wrong labels", scenario="full")
    evidence = {
        ONE: by_seed([finished(0.8)] * 2),
        noisy_one: by_seed([finished(0.78), finished(0.79)]),
        OTHER: by_seed([finished(0.9)] * 2),
        noisy_other: by_seed([finished(0.7), finished(0.7)]),
    }
    rule = LosesMore(
        task="sentiment",
        arm=OTHER,
        arm_changed=noisy_other,
        other=ONE,
        other_changed=noisy_one,
    )
    assert judge(rule, evidence).effect == pytest.approx(0.185)
    assert judge(rule, evidence).verdict is ClaimVerdict.HOLDS


def test_frozen_groups_are_still_only_if_every_one_moved_by_exactly_nothing() -> None:
    rule = Still(arm=ONE, trained=1)
    still = finished(0.8, moved={"embeddings": 0.0, "layer 0": 0.0, "layer 1": 0.2})
    drifted = finished(0.8, moved={"embeddings": 0.0, "layer 0": 1e-9, "layer 1": 0.2})
    unmeasured = finished(0.8, moved={"layer 1": 0.2})
    assert judge(rule, {ONE: by_seed([still, still])}).verdict is ClaimVerdict.HOLDS
    assert judge(rule, {ONE: by_seed([still, drifted])}).verdict is ClaimVerdict.DOES_NOT_HOLD
    assert judge(rule, {ONE: by_seed([unmeasured])}).verdict is ClaimVerdict.OPEN


def test_a_run_without_steps_costs_nothing() -> None:
    cost = judge(NoSteps(arm=ONE), {ONE: by_seed([finished(0.5, 0.0)] * 2)})
    assert (cost.verdict, cost.effect, cost.detail) == (
        ClaimVerdict.HOLDS,
        0,
        "0 steps, 0 trainable parameters",
    )


def test_upper_layers_whose_outputs_change_twice_as_much_give_a_ratio_of_two() -> None:
    cka = {"layer 0": 0.9, "layer 1": 0.9, "layer 2": 0.8, "layer 3": 0.8}
    runs = [finished(0.8, cka=cka)] * 3
    finding = judge(UpperChangesMore(arm=ONE), {ONE: by_seed(runs)})
    assert finding.effect == pytest.approx(2.0)
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.p_value is None  # descriptive


def test_probes_that_change_more_in_the_upper_half_give_the_difference_of_means() -> None:
    probes = [((0.5, 0.5), (0.5, 0.6), (0.5, 0.7), (0.5, 0.8 + n / 100)) for n in range(3)]
    runs = [finished(0.8, probes=each) for each in probes]
    rule = UpperProbesChangeMore(task="ner", arm=ONE, margin=0.05)
    gains = judge(rule, {ONE: by_seed(runs)})
    assert gains.effect == pytest.approx(0.25 + 0.005 - 0.05)
    assert gains.verdict is ClaimVerdict.HOLDS
    loses = judge(rule.model_copy(update={"loses": True}), {ONE: by_seed(runs)})
    assert (loses.effect, loses.verdict) == (-(gains.effect or 0), ClaimVerdict.DOES_NOT_HOLD)


def converging(*accuracies: float) -> RunSummary:
    return finished(
        0.9, before=(accuracies[0], 0.0), validation=[(each, 0.5) for each in accuracies[1:]]
    )


def test_epochs_until_a_share_of_its_own_end_are_interpolated() -> None:
    rule = Sooner(task="sentiment", arm=ONE, against=OTHER, of_end=0.9)
    heads = [converging(0.5, 0.7, 0.7), converging(0.5, 0.7, 0.7)]
    full = [converging(0.5, 0.7, 0.9), converging(0.5, 0.71, 0.9)]
    finding = judge(rule, {ONE: by_seed(heads), OTHER: by_seed(full)})
    by_heads = (0.63 - 0.5) / 0.2
    by_full = [1 + (0.81 - 0.7) / 0.2, 1 + (0.81 - 0.71) / 0.19]
    assert finding.effect == pytest.approx(sum(by_full) / 2 - by_heads)
    assert finding.scale is Scale.EPOCHS


def test_the_spread_over_seeds_is_compared() -> None:
    rule = SpreadsMore(task="sentiment", arm=ONE, against=OTHER)
    wide = [finished(0.8 + each / 10) for each in (-2, -2, 2, 2)]
    narrow = [finished(0.8 + each / 100) for each in (-1, 1, -1, 1)]
    finding = judge(rule, {ONE: by_seed(wide), OTHER: by_seed(narrow)})
    assert finding.effect == pytest.approx(20.0)
    assert (finding.verdict, finding.bar) == (ClaimVerdict.HOLDS, 1.0)


def test_arms_whose_scores_do_not_vary_leave_a_spread_undecided_with_p_one() -> None:
    rule = SpreadsMore(task="sentiment", arm=ONE, against=OTHER)
    same = by_seed([finished(0.8)] * 4)
    finding = judge(rule, {ONE: same, OTHER: same})
    assert (finding.verdict, finding.p_value, finding.seeds) == (ClaimVerdict.UNDECIDED, 1.0, 4)


COLLAPSES = Collapses(task="sentiment", arm=ONE, against=OTHER, level=0.55, often=0.2)


def fallen(count: int, seeds: int = 20) -> dict[int, RunSummary]:
    return by_seed([finished(0.5)] * count + [finished(0.9)] * (seeds - count))


def test_many_collapsed_seeds_hold_only_if_the_control_does_not_collapse_too() -> None:
    alone = judge(COLLAPSES, {ONE: fallen(12), OTHER: fallen(0)})
    assert (alone.verdict, alone.effect) == (ClaimVerdict.HOLDS, 0.6)
    assert alone.detail == "12 of 20 seeds collapsed, 0 in the control"
    both = judge(COLLAPSES, {ONE: fallen(12), OTHER: fallen(11)})
    assert both.verdict is ClaimVerdict.UNDECIDED


def test_a_run_that_diverged_has_collapsed_whatever_its_score_was_before() -> None:
    ended = fallen(11)
    diverged = replace(finished(0.9), finished=None, diverged=True)
    found = judge(COLLAPSES, {ONE: {**ended, 19: diverged}, OTHER: fallen(0)})
    assert (found.verdict, found.effect) == (ClaimVerdict.HOLDS, 0.6)
    assert found.detail == "12 of 20 seeds collapsed, 0 in the control"


def test_no_collapse_in_twenty_seeds_shows_that_it_is_not_frequent() -> None:
    none = judge(COLLAPSES, {ONE: fallen(0), OTHER: fallen(0)})
    assert none.verdict is ClaimVerdict.DOES_NOT_HOLD
    few = judge(COLLAPSES, {ONE: fallen(0, 10), OTHER: fallen(0, 10)})
    assert few.verdict is ClaimVerdict.UNDECIDED


ONE_SEED = OneSeed(task="sentiment", arms=(ONE, OTHER), at_least=0.5, margin=0.03)


def chosen(validation: float, test: float) -> RunSummary:
    return finished(test, validation=[(validation, 0.5)])


def test_a_seed_is_right_if_its_plan_is_within_the_margin_for_all_others() -> None:
    ones = by_seed([chosen(0.9, 0.8)] * 9 + [chosen(0.7, 0.8)])
    others = by_seed([chosen(0.8, 0.7)] * 10)
    finding = judge(ONE_SEED, {ONE: ones, OTHER: others})
    assert finding.effect == 0.9
    assert finding.low == pytest.approx(0.555, abs=1e-3)
    assert finding.verdict is ClaimVerdict.HOLDS
    assert "; best alone for its seed and on average: 9 of 10" in (finding.detail or "")
    assert finding.bar == 0.5


def test_seeds_that_are_right_no_more_often_than_a_random_choice_show_nothing() -> None:
    tests = {ONE: 0.80, OTHER: 0.81}
    evidence = {arm: by_seed([chosen(0.9, test)] * 10) for arm, test in tests.items()}
    finding = judge(ONE_SEED, evidence)
    assert (finding.effect, finding.bar) == (1.0, 1.0)
    assert finding.verdict is ClaimVerdict.UNDECIDED
    assert (finding.detail or "").startswith(
        "a plan drawn at random is right with a probability of 1.00; "
    )


def test_equal_scores_are_not_counted_as_agreement() -> None:
    ones = by_seed([chosen(0.8, 0.8)] * 10)
    others = by_seed([chosen(0.8, 0.7)] * 10)
    finding = judge(ONE_SEED, {ONE: ones, OTHER: others})
    assert "; best alone for its seed and on average: 0 of 10" in (finding.detail or "")
    assert finding.effect == 0  # one of the two chosen plans is worse by more than the margin
    assert finding.p_value is None


def curves(*differences: list[float]) -> Finding:
    """Full less heads by size: 50, 100, 200 sentences, one value per seed."""
    arms = [Arm(experiment=str(50 * 2**n), scenario="x") for n in range(3)]
    against = [Arm(experiment=str(50 * 2**n), scenario="y") for n in range(3)]
    evidence = {}
    for arm, other, values in zip(arms, against, differences, strict=True):
        evidence[arm] = by_seed([finished(0.7 + value) for value in values])
        evidence[other] = by_seed([finished(0.7)] * len(values))
    sizes = tuple(
        Size(sentences=50 * 2**n, arm=arm, against=other)
        for n, (arm, other) in enumerate(zip(arms, against, strict=True))
    )
    return judge(NeedsData(task="sentiment", sizes=sizes, margin=0.03), evidence)


def test_curves_that_cross_do_so_at_a_number_of_sentences_with_an_interval() -> None:
    finding = curves([-0.11, -0.10, -0.09], [-0.01, 0.0, 0.01], [0.09, 0.10, 0.11])
    assert finding.verdict is ClaimVerdict.HOLDS
    assert finding.effect == pytest.approx(100)
    assert finding.low is not None
    assert finding.high is not None
    assert 50 < finding.low < 100 < finding.high < 200
    assert finding.detail == (
        "difference −0.100 (−0.125 to −0.075) with 50 sentences, +0.100 (+0.075 to +0.125) with 200"
    )


def test_full_that_is_better_already_on_few_sentences_needs_no_data() -> None:
    finding = curves([0.09, 0.10, 0.11], [0.09, 0.10, 0.11], [0.09, 0.10, 0.11])
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.effect is None


def test_curves_whose_ends_are_unclear_are_undecided_without_bounds() -> None:
    finding = curves([-0.2, 0.0, 0.1], [-0.1, 0.0, 0.1], [-0.1, 0.1, 0.2])
    assert finding.verdict is ClaimVerdict.UNDECIDED
    assert (finding.low, finding.high) == (None, None)


def test_a_crossing_that_may_be_below_the_smallest_size_has_no_lower_bound() -> None:
    finding = curves([-0.03, -0.01, 0.01], [0.02, 0.03, 0.04], [0.09, 0.10, 0.11])
    assert finding.low is None
    assert finding.high is not None
    assert 50 < finding.high < 200
    assert interval_text(finding) == f"up to {finding.high:.0f} sentences"


def test_biases_alone_do_not_save_a_hundredth_of_what_full_keeps() -> None:
    rule = KeptBytes(checkpoint="minilm-l6", scenario="bitfit", against="full", times=100)
    finding = judge(rule, {})
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
    assert finding.effect is not None
    assert 1 < finding.effect < 3
    assert finding.p_value is None


def predicted(first: tuple[int, ...], last: tuple[int, ...]) -> RunSummary:
    """A run without a step that predicted `first` before and `last` at the end, for both tasks."""
    stored = [
        Answers(
            elapsed_seconds=4.0,
            step=0,
            split="validation",
            places={"sentiment": (0, 1), "ner": (2,)},
            answers={"sentiment": answers, "ner": ((0, 1),)},
        )
        for answers in (first, last)
    ]
    return extend(finished(0.5, 0.0), stored)


def test_predictions_are_compared_before_and_after_a_run_without_steps() -> None:
    rule = Unchanged(arm=ONE)
    same = judge(rule, {ONE: by_seed([predicted((0, 1), (0, 1))] * 2)})
    assert (same.verdict, same.detail) == (ClaimVerdict.HOLDS, "0 of 6 predictions changed")
    other = judge(rule, {ONE: by_seed([predicted((0, 1), (1, 0))])})  # the accuracy can be equal
    assert (other.verdict, other.effect) == (ClaimVerdict.DOES_NOT_HOLD, 2)
    assert judge(rule, {ONE: by_seed([finished(0.5)])}).verdict is ClaimVerdict.OPEN


OUTPUTS = DEFAULT_TASKS[0].outputs
PLACES = tuple(range(40))
GOLD = {"sample": {"validation": {"sentiment": dict.fromkeys(PLACES, OUTPUTS[0])}}}


def answered(before: int, after: int) -> RunSummary:
    """A run that was right on the first `before` sentences of 40 at first, on `after` at last."""
    run = finished(after / 40, before=(before / 40, 0.0))
    stored = [
        Answers(
            elapsed_seconds=4.0,
            step=step,
            split="validation",
            places={"sentiment": PLACES},
            answers={"sentiment": tuple(int(place >= right) for place in PLACES)},
        )
        for step, right in ((0, before), (10, after))
    ]
    return extend(run, stored)


def test_with_answers_the_interval_covers_sentences_too() -> None:
    evidence = {
        ONE: by_seed([answered(20, 36)] * 3),
        OTHER: by_seed([answered(20, 30)] * 3),
    }
    by_seeds_alone = judge(BETTER, evidence)
    paired = judge(BETTER, evidence, GOLD)
    assert (by_seeds_alone.sentences, paired.sentences) == (0, 40)
    assert by_seeds_alone.low == by_seeds_alone.high == pytest.approx(0.15)
    assert paired.effect == pytest.approx(0.15)
    assert paired.low is not None
    assert paired.high is not None
    assert 0 < paired.low < 0.15 < paired.high


def test_a_task_is_compared_with_itself_before_sentence_by_sentence() -> None:
    rule = Keeps(task="sentiment", arm=ONE, allowed=0.03)
    finding = judge(rule, {ONE: by_seed([answered(30, 10)] * 3)}, GOLD)
    assert finding.effect == pytest.approx(-0.5)
    assert finding.sentences == 40
    assert finding.verdict is ClaimVerdict.DOES_NOT_HOLD
