import pytest

from mtl_core.analysis.baselines import baselines_of_runs
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from tests.run_story import Story, minilm, scores, spec_of


def run(scenario: str = "heads-only", seed: int = 0, **changes: object) -> RunSummary:
    story = Story(spec_of(scenario, seed=seed, **changes), [1]).start()
    story.evaluate(scores(0.4 + seed / 10, 0.02)).phase().finish(scores(0.8, 0.5))
    return summarise(story.run, story.spec, story, minilm())


def test_untrained_heads_are_the_evaluation_before_any_step() -> None:
    comparison = compare_plans([run(seed=0), run(seed=1), run("top-1"), run(random_backbone=True)])
    untrained, random = baselines_of_runs(comparison)
    assert untrained.name == "untrained"
    assert untrained.values == {"sentiment": pytest.approx((0.45 + 0.4) / 2), "ner": 0.02}
    assert random.values == {"sentiment": 0.8, "ner": 0.5}
    assert random.name.startswith("random:heads-only")


def test_a_random_encoder_alone_is_no_baseline_of_itself() -> None:
    assert baselines_of_runs(compare_plans([run(random_backbone=True)])) == ()


def test_runs_that_go_on_from_another_have_no_untrained_heads() -> None:
    assert baselines_of_runs(compare_plans([run(starts_from="earlier")])) == ()
