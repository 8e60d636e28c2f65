"""Changes of tasks that a plan does not train, and scores on other data, in exact numbers."""

from math import pi, tan

import pytest

from mtl_core.analysis.forgetting import Change, forgetting, scores_on_other_data
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.outcomes import OutcomeRule
from mtl_core.analysis.plans import PlanResult, Verdict
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.analysis.trained import (
    UntrainedReason,
    encoder_moved,
    head_is_trained,
    loss_is_used,
    untrained_reason,
)
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Answers, Evaluation, Measured, Movement
from tests.run_story import Story, both, minilm, scores, spec_of

SENTIMENT, NER = DEFAULT_TASKS


def ended(
    seed: int,
    before: tuple[float, float],
    after: tuple[float, float],
    scenario: str = "freeze-head:ner",
    weight: float = 1.0,
    posts: tuple[float, float] | None = None,
    losses: tuple[float, float] = (0.5, 1.0),
) -> RunSummary:
    """A finished run; (sentiment, NER) at both ends, and the losses at the end (0.5, 0.25 before).

    `posts` are sentiment accuracy on other data at both ends.
    """
    plan = scenario_plan(scenario, minilm())
    plan = plan.model_copy(update={"task_weights": {"ner": weight}})
    spec = spec_of(scenario, seed=seed, plan=plan)
    story = Story(spec, [1], f"{scenario}-{seed}").start()
    story.evaluate(scores(*before, (0.5, 0.25)))
    add_other_scores(story, posts, 0)
    story.phase().learn([both(0.5)]).evaluate(scores(*after, losses))
    add_other_scores(story, posts, 1)
    story.finish(scores(*after, losses))
    return summarise(story.run, spec, story, minilm())


def add_other_scores(story: Story, posts: tuple[float, float] | None, end: int) -> None:
    if posts is not None:
        story.evaluate(scores(posts[end], 0.1))
        last = story.events[-1]
        assert isinstance(last, Evaluation)
        story.events[-1] = last.model_copy(update={"split": "sample-posts"})


def plan_of(*runs: RunSummary) -> PlanResult:
    (plan,) = compare_plans(runs).plans
    return plan


def test_the_loss_of_a_frozen_head_is_each_seeds_end_minus_its_start() -> None:
    plan = plan_of(
        ended(0, (0.5, 0.6), (0.9, 0.2), weight=0.0),
        ended(1, (0.5, 0.7), (0.9, 0.5), weight=0.0, losses=(0.5, 0.75)),
    )
    (found,) = forgetting(plan)
    assert (found.task, found.why) == (NER, UntrainedReason.FROZEN_HEAD)
    assert (found.metric.before, found.metric.after) == pytest.approx((0.65, 0.35))
    assert (found.metric.low, found.metric.high) == pytest.approx((-0.4, -0.2))
    assert found.metric.mean == pytest.approx(-0.3)
    interval = found.judged.interval
    assert found.judged.verdict is Verdict.UNDECIDED  # both seeds lost, but they are only two
    assert not found.has_changed
    assert interval is not None
    assert (interval.seeds, interval.sentences) == (2, 0)
    level = 0.05 * 0.2**0.15  # a look at two seeds spends this part of the error
    reach = 0.1 / tan(pi * level / 2)  # Student's t with one degree of freedom
    assert (interval.low, interval.high) == pytest.approx((-0.3 - reach, -0.3 + reach), abs=1e-6)
    assert (found.lowest, found.highest, found.metric.seeds) == (0.2, 0.5, 2)
    assert found.loss == Change(0.25, 0.875, 0.5, 0.75, 2)
    assert found.encoder_moved is True
    assert found.loss_used is False


def test_a_frozen_heads_loss_trains_the_encoder_if_it_has_a_weight() -> None:
    (found,) = forgetting(plan_of(ended(0, (0.5, 0.1), (0.9, 0.6))))
    assert found.loss_used is True
    assert (found.judged.verdict, found.judged.interval) == (Verdict.OPEN, None)
    assert not found.metric.is_zero


def with_answers(seed: int) -> RunSummary:
    """A run with a frozen sentiment head: 8 sentences are right before training, 1 after it."""
    spec = spec_of("freeze-head:sentiment", seed=seed)
    story = Story(spec, [1]).start().evaluate(scores(1.0, 0.1))
    places = {"sentiment": tuple(range(8))}
    right, wrong = {"sentiment": (1,) * 8}, {"sentiment": (1, *(0,) * 7)}
    fields = {"split": "validation", "places": places, "elapsed_seconds": 1.0}
    story.events.append(Answers(step=0, answers=right, **fields))
    story.phase().learn([both(0.5)]).evaluate(scores(0.125, 0.5))
    story.events.append(Answers(step=1, answers=wrong, **fields))
    story.finish(scores(0.125, 0.5))
    return summarise(story.run, spec, story, minilm())


def test_the_answers_at_both_ends_are_compared_sentence_by_sentence() -> None:
    gold = {"validation": {"sentiment": dict.fromkeys(range(8), SENTIMENT.outputs[1])}}
    plan = plan_of(with_answers(0), with_answers(1))
    (found,) = forgetting(plan, gold)
    interval = found.judged.interval
    assert interval is not None
    assert (interval.effect, interval.seeds, interval.sentences) == (-0.875, 2, 8)
    assert found.judged.verdict is Verdict.BELOW
    assert found.has_changed
    assert forgetting(plan)[0].judged.interval is None  # equal changes of both seeds: no variance


def test_one_seed_has_no_verdict_although_its_answers_are_known() -> None:
    gold = {"validation": {"sentiment": dict.fromkeys(range(8), SENTIMENT.outputs[1])}}
    (found,) = forgetting(plan_of(with_answers(0)), gold)
    assert (found.judged.verdict, found.judged.interval) == (Verdict.OPEN, None)


def test_a_change_inside_the_margin_of_the_comparison_is_equivalent() -> None:
    runs = [ended(seed, (0.5, 0.6), (0.9, 0.6 + 0.001 * seed), weight=0.0) for seed in range(1, 6)]
    plan = plan_of(*runs)
    (found,) = forgetting(plan, None, OutcomeRule(margin=0.02))
    assert (found.judged.verdict, found.judged.margin) == (Verdict.EQUIVALENT, 0.02)
    (found,) = forgetting(plan, None, OutcomeRule(margin=0.002))
    assert found.judged.verdict is Verdict.ABOVE


def test_a_look_before_seeds_were_added_has_spent_error() -> None:
    runs = [ended(seed, (0.5, 0.6), (0.9, 0.4 + 0.01 * seed), weight=0.0) for seed in range(5)]
    plan = plan_of(*runs)
    (once,) = forgetting(plan)
    (again,) = forgetting(plan, None, OutcomeRule(looks=((0, 1, 2),)))
    assert once.judged.interval is not None
    assert again.judged.interval is not None
    assert again.judged.interval.level < once.judged.interval.level


def test_a_task_without_weight_is_untrained_though_its_head_is_not_frozen() -> None:
    (found,) = forgetting(plan_of(ended(0, (0.5, 0.6), (0.9, 0.6), "full", weight=0.0)))
    assert found.why is UntrainedReason.NO_WEIGHT
    assert found.metric.is_zero
    assert found.judged.verdict is Verdict.OPEN


def test_a_task_that_is_trained_is_not_in_the_list() -> None:
    assert forgetting(plan_of(ended(0, (0.5, 0.6), (0.9, 0.6), "full"))) == ()


def test_a_plan_without_a_finished_run_has_no_forgetting() -> None:
    spec = spec_of("freeze-head:ner")
    story = Story(spec, [1]).start().evaluate(scores(0.5, 0.6))
    assert forgetting(plan_of(summarise(story.run, spec, story, minilm()))) == ()


def test_scores_on_other_data_come_with_the_score_on_own_data() -> None:
    plan = plan_of(
        ended(0, (0.5, 0.1), (0.9, 0.5), "full", posts=(0.5, 0.7)),
        ended(1, (0.5, 0.1), (0.8, 0.5), "full", posts=(0.4, 0.8)),
    )
    sentiment, ner = scores_on_other_data(plan)
    assert (sentiment.data, sentiment.task, ner.task) == ("sample-posts", SENTIMENT, NER)
    assert (sentiment.metric.before, sentiment.metric.after) == pytest.approx((0.45, 0.75))
    assert (sentiment.metric.low, sentiment.metric.high) == pytest.approx((0.2, 0.4))
    assert sentiment.on_own_data == pytest.approx(0.85)
    assert ner.metric.is_zero


def test_runs_without_other_data_have_no_such_scores() -> None:
    assert scores_on_other_data(plan_of(ended(0, (0.5, 0.1), (0.9, 0.5), "full"))) == ()


def test_measurements_take_precedence_over_the_plan() -> None:
    run = ended(0, (0.5, 0.6), (0.9, 0.6))
    assert encoder_moved(run) is True
    story = Story(run.spec, [1]).start().evaluate(scores(0.5, 0.6)).phase()
    still = {"layer 5": Movement(moved=0.0), "classifier": Movement(moved=0.3)}
    story.events.append(Measured(elapsed_seconds=1.0, groups=still))
    assert encoder_moved(summarise(story.run, run.spec, story, minilm())) is False


def test_without_a_model_and_measurements_nothing_is_known() -> None:
    spec = spec_of("full")
    story = Story(spec, [1]).start().evaluate(scores(0.5, 0.6)).phase()
    bare = summarise(story.run, spec, story)
    assert head_is_trained(NER, bare) is None
    assert loss_is_used(NER, bare) is None
    assert encoder_moved(bare) is None
    assert untrained_reason(NER, bare) is None
