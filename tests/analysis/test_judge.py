from dataclasses import replace

import pytest

from mtl_core.analysis.judge import against_baselines, against_reference, compare_plans
from mtl_core.analysis.marks import GoldLabels
from mtl_core.analysis.outcomes import Against, OutcomeRule
from mtl_core.analysis.paired.scores import SeedScore
from mtl_core.analysis.plans import PlanComparison, Verdict, finished_runs, headlines
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.report.against import against_words
from mtl_core.training.events import Answers
from tests.run_story import Story, both, minilm, scores, spec_of


def ended(scenario: str, seed: int, sentiment: float, ner: float, **changes: object) -> RunSummary:
    """A finished run of one step a phase that scored 0.45 / 0.02 before training."""
    spec = spec_of(scenario, seed=seed, **changes)
    steps = [1] * len(spec.plan.phases)
    story = Story(spec, steps, f"{scenario}-{seed}").start().evaluate(scores(0.45, 0.02))
    for number in range(1, len(steps) + 1):
        story.phase(number).learn([both(0.5)], number).evaluate(scores(sentiment, ner), number)
    story.finish(scores(sentiment, ner))
    return summarise(story.run, spec, story, minilm())


def begun(scenario: str, seed: int) -> RunSummary:
    story = Story(spec_of(scenario, seed=seed), [1], "begun").start().evaluate(scores(0.45, 0.02))
    return summarise(story.run, story.spec, story, minilm())


def labels(comparison: PlanComparison) -> list[str]:
    return [plan.label for plan in comparison.plans]


def test_one_plan_under_several_seeds_is_one_line_with_mean_and_range() -> None:
    comparison = compare_plans(
        [
            ended("heads-only", 2, 0.70, 0.30),
            ended("top-1", 0, 0.90, 0.50),
            ended("heads-only", 0, 0.80, 0.40),
            ended("heads-only", 1, 0.75, 0.20),
        ]
    )
    heads, top = comparison.plans
    assert labels(comparison) == ["heads-only", "top-1"]
    assert list(heads.runs) == [0, 1, 2]
    sentiment = heads.tasks["sentiment"]
    assert sentiment.mean == pytest.approx(0.75)
    assert (sentiment.low, sentiment.high, sentiment.before) == (0.70, 0.80, 0.45)
    assert (sentiment.seeds, top.tasks["sentiment"].seeds) == (3, 1)
    assert (top.tasks["ner"].mean, top.tasks["ner"].low) == (0.50, 0.50)
    assert comparison.seeds == (0, 1, 2)
    assert [task.name for task in comparison.tasks] == ["sentiment", "ner"]


def test_the_costs_of_a_plan_are_those_of_its_runs_alone() -> None:
    def run(
        seed: int, seconds: float, together: int | None, beside: int | None = None
    ) -> RunSummary:
        one = ended("heads-only", seed, 0.8, 0.4, trained_together=together)
        assert one.finished is not None
        update = {
            "total_seconds": seconds,
            "peak_memory_bytes": 100 * int(seconds),
            "trained_beside": beside,
        }
        return replace(one, finished=one.finished.model_copy(update=update))

    alone, first, second = run(0, 3.0, None), run(1, 9.0, 2, 4), run(2, 9.0, 2, 3)
    (plan,) = compare_plans([alone, first, second]).plans
    assert (plan.seconds, plan.peak_memory_bytes, plan.trained_together) == (3.0, 300, None)
    assert (plan.seconds_alone, plan.trained_beside) == (3.0, None)
    (plan,) = compare_plans([first, second]).plans
    assert (plan.seconds, plan.peak_memory_bytes, plan.trained_together) == (9.0, 900, 2)
    assert (plan.seconds_alone, plan.trained_beside) == (None, 4)


def test_seconds_memory_and_shares_are_those_of_the_finished_runs() -> None:
    first, second = ended("top-1", 0, 0.9, 0.5), ended("top-1", 1, 0.9, 0.5)
    assert first.finished is not None
    slower = replace(
        first,
        finished=first.finished.model_copy(
            update={"total_seconds": 30.5, "peak_memory_bytes": 745_000_002}
        ),
    )
    (plan,) = compare_plans([slower, second, begun("top-1", 2)]).plans
    assert second.finished is not None
    assert plan.seconds == pytest.approx((30.5 + second.finished.total_seconds) / 2)
    assert plan.peak_memory_bytes == 745_000_001
    assert plan.total == first.parameters
    assert plan.trainable == first.phases[0].trainable
    assert plan.trainable is not None
    assert plan.frozen_exact is True
    assert list(finished_runs(plan)) == [0, 1]


def test_a_run_that_waits_is_of_the_plan_of_the_runs_that_wrote_down_their_digests() -> None:
    begun_with = {"also_evaluate": ("sample-posts",), "other_data_digests": {"posts": "9f"}}
    waiting = spec_of("full", seed=1, also_evaluate=("sample-posts",))
    comparison = compare_plans(
        [ended("full", 0, 0.9, 0.5, **begun_with), summarise("waits", waiting, (), minilm())]
    )
    assert labels(comparison) == ["full"]
    assert list(comparison.plans[0].runs) == [0, 1]


def test_the_most_that_learns_in_any_phase_counts() -> None:
    (plan,) = compare_plans([ended("gradual", 0, 0.9, 0.5)]).plans
    by_phase = [phase.trainable for phase in plan.runs[0].phases]
    assert len(set(by_phase)) > 1
    assert plan.trainable == by_phase[-1]


def test_a_changed_frozen_tensor_in_one_seed_spoils_the_plans_proof() -> None:
    good, bad = ended("top-1", 0, 0.9, 0.5), ended("top-1", 1, 0.9, 0.5)
    assert bad.finished is not None
    bad = replace(bad, finished=bad.finished.model_copy(update={"frozen_identical": False}))
    (plan,) = compare_plans([good, bad]).plans
    assert plan.frozen_exact is False


def test_of_one_seed_run_twice_the_last_finished_counts() -> None:
    runs = [ended("heads-only", 0, 0.6, 0.1), ended("heads-only", 0, 0.7, 0.2)]
    (plan,) = compare_plans([*runs, begun("heads-only", 0)]).plans
    assert headlines(plan, "ner") == {0: 0.2}
    assert plan.runs[0] is runs[1]


def test_without_a_finished_run_there_is_no_mean_and_no_second() -> None:
    (plan,) = compare_plans([begun("heads-only", 0)]).plans
    result = plan.tasks["ner"]
    assert (result.mean, result.low, result.high, result.seeds) == (None, None, None, 0)
    assert (plan.seconds, plan.peak_memory_bytes, plan.frozen_exact) == (None, None, None)
    assert result.verdict is Verdict.OPEN


def test_a_label_groups_runs_with_any_settings() -> None:
    comparison = compare_plans(
        [
            ("mine", ended("heads-only", 0, 0.6, 0.1)),
            ("mine", ended("heads-only", 1, 0.8, 0.1, epochs=2.0)),
        ]
    )
    assert labels(comparison) == ["mine"]
    assert comparison.plans[0].tasks["sentiment"].mean == pytest.approx(0.7)
    assert comparison.beyond_plan == ("epochs",)


def test_unlabelled_runs_with_other_settings_are_plans_of_their_own() -> None:
    comparison = compare_plans(
        [ended("heads-only", 0, 0.6, 0.1), ended("heads-only", 0, 0.8, 0.1, epochs=2.0)]
    )
    assert labels(comparison) == ["heads-only, 1 epoch", "heads-only, 2 epochs"]
    assert comparison.beyond_plan == ("epochs",)


def test_what_the_machine_decides_parts_no_plan_and_seeds_are_no_difference() -> None:
    comparison = compare_plans(
        [
            ended("heads-only", 0, 0.6, 0.1, threads=1, processor="one"),
            ended("heads-only", 1, 0.8, 0.1, threads=2, processor="other", prefix_reuse=False),
        ]
    )
    assert labels(comparison) == ["heads-only"]
    assert comparison.beyond_plan == ()
    assert comparison.same_sentences


def test_runs_that_go_on_from_another_of_their_own_seed_are_one_plan() -> None:
    comparison = compare_plans(
        [
            ended("heads-only", 0, 0.6, 0.1, starts_from="first-0"),
            ended("heads-only", 1, 0.8, 0.1, starts_from="first-1"),
        ]
    )
    assert labels(comparison) == ["heads-only"]
    assert comparison.beyond_plan == ()


def test_other_data_are_other_questions() -> None:
    comparison = compare_plans(
        [ended("heads-only", 0, 0.6, 0.1), ended("heads-only", 0, 0.6, 0.1, data="elsewhere")]
    )
    assert not comparison.same_sentences
    assert labels(comparison) == ["heads-only, sample", "heads-only, elsewhere"]


def test_of_nothing_nothing_is_made() -> None:
    assert compare_plans([]) == PlanComparison((), (), (), True, ())


GOLD = {"validation": {"sentiment": dict.fromkeys(range(20), "positive")}}


def answered(scenario: str, seed: int, right: set[int], sentences: int = 20) -> RunSummary:
    """A run that was right on these of the sentences of sentiment, and on NER at 0.5."""
    told = Answers(
        elapsed_seconds=9.0,
        step=1,
        split="validation",
        places={"sentiment": tuple(range(sentences))},
        answers={"sentiment": tuple(int(place in right) for place in range(sentences))},
    )
    return replace(ended(scenario, seed, len(right) / sentences, 0.5), answers=(told,))


def verdicts(comparison: PlanComparison, task: str) -> list[Verdict]:
    return [plan.tasks[task].verdict for plan in comparison.plans]


def three_seeds(gold: GoldLabels | None) -> PlanComparison:
    runs = [answered("full", seed, set(range(19)) | {seed}) for seed in range(3)]
    runs += [answered("top-1", seed, set(range(18)) | {seed + 17}) for seed in range(3)]
    runs += [answered("heads-only", seed, set(range(5 + seed))) for seed in range(3)]
    return compare_plans(runs, gold)


def test_the_best_an_undecided_plan_and_one_that_is_below() -> None:
    comparison = three_seeds(GOLD)
    assert verdicts(comparison, "sentiment") == [
        Verdict.BEST,
        Verdict.UNDECIDED,
        Verdict.BELOW,
    ]
    best, _, heads = (plan.tasks["sentiment"].against_best for plan in comparison.plans)
    assert best is None
    assert heads is not None
    assert (heads.effect, heads.seeds, heads.sentences) == (pytest.approx(-0.65), 3, 20)


def test_equal_scores_alone_do_not_show_that_plans_are_equal() -> None:
    assert verdicts(three_seeds(GOLD), "ner") == [Verdict.BEST, Verdict.OPEN, Verdict.OPEN]


def test_equal_answers_to_many_sentences_are_equivalent() -> None:
    gold = {"validation": {"sentiment": dict.fromkeys(range(400), "positive")}}
    runs = [
        answered(scenario, seed, set(range(350 + seed)), 400)
        for scenario in ("full", "top-1")
        for seed in range(5)
    ]
    comparison = compare_plans(runs, gold)
    assert verdicts(comparison, "sentiment") == [Verdict.BEST, Verdict.EQUIVALENT]
    result = comparison.plans[1].tasks["sentiment"]
    assert (result.difference, result.margin) == (0.0, 0.03)
    strict = compare_plans(runs, gold, OutcomeRule(margin=0.001))
    assert verdicts(strict, "sentiment") == [Verdict.BEST, Verdict.UNDECIDED]
    assert strict.plans[1].tasks["sentiment"].margin == 0.001


def test_without_the_right_labels_only_the_seeds_speak() -> None:
    heads = three_seeds(None).plans[2].tasks["sentiment"].against_best
    assert heads is not None
    assert (heads.seeds, heads.sentences) == (3, 0)


def test_answers_that_do_not_give_the_recorded_score_are_not_used() -> None:
    other = {"validation": {"sentiment": dict.fromkeys(range(20), "negative")}}
    heads = three_seeds(other).plans[2].tasks["sentiment"].against_best
    assert heads is not None
    assert heads.sentences == 0


def test_runs_on_other_data_get_no_verdict() -> None:
    comparison = compare_plans(
        [ended("top-1", 0, 0.6, 0.1), ended("heads-only", 0, 0.6, 0.1, data="elsewhere")]
    )
    assert verdicts(comparison, "sentiment") == [Verdict.OPEN] * 2


def test_one_seed_gives_a_difference_and_no_verdict() -> None:
    runs = [answered("full", 0, set(range(19))), answered("top-1", 0, set(range(2)))]
    comparison = compare_plans(runs, GOLD)
    assert verdicts(comparison, "sentiment") == [Verdict.OPEN, Verdict.OPEN]
    _, lower = (plan.tasks["sentiment"] for plan in comparison.plans)
    assert lower.difference == pytest.approx(-0.85)
    assert lower.against_best is None


def test_plans_are_compared_with_a_chosen_plan_by_the_same_family_of_intervals() -> None:
    comparison = three_seeds(GOLD)
    found = against_reference(comparison, "heads-only", OutcomeRule())["sentiment"]
    assert {label: each.verdict for label, each in found.items()} == {
        "full": Verdict.ABOVE,
        "top-1": Verdict.ABOVE,
    }
    against_best = comparison.plans[2].tasks["sentiment"].against_best
    full = found["full"].interval
    assert full is not None
    assert against_best is not None
    assert (full.low, full.high) == pytest.approx((-against_best.high, -against_best.low))
    wide = against_reference(comparison, "full", OutcomeRule(margin=0.99))["sentiment"]
    assert wide["heads-only"].verdict is Verdict.EQUIVALENT


def test_one_seed_gives_a_difference_from_a_chosen_plan() -> None:
    runs = [answered("full", 0, set(range(19))), answered("top-1", 0, set(range(2)))]
    found = against_reference(compare_plans(runs, GOLD), "top-1", OutcomeRule())["sentiment"]
    assert found == {"full": Against(Verdict.OPEN, None, 0.03, pytest.approx(0.85))}
    assert against_words(found["full"]) == "+0.850 (not tested)"


def test_a_plan_with_one_seed_is_not_the_best_although_its_score_is() -> None:
    runs = [ended("full", 0, 0.95, 0.1)]
    runs += [ended("top-1", seed, 0.8 + seed / 100, 0.1) for seed in range(2)]
    assert verdicts(compare_plans(runs), "sentiment") == [Verdict.OPEN, Verdict.BEST]


def test_a_single_plan_is_not_called_best() -> None:
    assert verdicts(compare_plans([ended("top-1", 0, 0.9, 0.1)]), "sentiment") == [Verdict.OPEN]


def test_plans_are_compared_with_a_baseline_by_sentence() -> None:
    comparison = three_seeds(GOLD)
    sentiment = comparison.tasks[0]
    heads = comparison.plans[2].tasks["sentiment"].scores[0]  # 5 of 20 sentences
    assert len(heads.places) == 20
    found = against_baselines(comparison, sentiment, {"words": heads}, OutcomeRule())["words"]
    assert {label: each.verdict for label, each in found.items()} == {
        "full": Verdict.ABOVE,
        "top-1": Verdict.ABOVE,
        "heads-only": Verdict.UNDECIDED,
    }
    full = found["full"].interval
    assert full is not None
    assert (full.seeds, full.sentences) == (3, 20)
    other = replace(comparison, same_sentences=False)
    assert against_baselines(other, sentiment, {"words": heads}, OutcomeRule()) == {"words": {}}


def test_one_seed_has_no_verdict_against_a_baseline() -> None:
    comparison = compare_plans([answered("full", 0, set(range(19)))], GOLD)
    sentiment = comparison.tasks[0]
    found = against_baselines(comparison, sentiment, {"words": SeedScore(0.5)}, OutcomeRule())
    assert found["words"]["full"] == Against(Verdict.OPEN, None, 0.03, pytest.approx(0.45))
