import pytest

from mtl_core.analysis.claim_rules import arms_of
from mtl_core.errors import BadInput
from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.claim import Chapter, Claim
from mtl_core.lessons.claims import CLAIMS, claim_called, claims_of
from mtl_core.lessons.experiments import EXPERIMENTS, needed_arms
from mtl_core.lessons.scenarios import lesson

IDS = [claim.id for claim in CLAIMS]


def test_there_are_claims_enough_and_each_has_its_own_name() -> None:
    assert len(CLAIMS) >= 12
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_every_arm_of_a_claim_is_a_scenario_of_its_experiment(claim: Claim) -> None:
    for arm in claim.arms:
        assert arm.scenario in EXPERIMENTS[arm.experiment].spec.scenarios


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_claims_arms_share_their_seeds(claim: Claim) -> None:
    assert len({EXPERIMENTS[arm.experiment].spec.seeds for arm in claim.arms}) <= 1


def test_a_claim_on_staged_runs_needs_what_they_go_on_from_first() -> None:
    arms = claim_called("high-rate-forgets").arms
    assert [(arm.experiment, arm.scenario) for arm in arms] == [
        ("standard", "full"),
        ("then sentiment", "freeze-head:ner"),
        ("then sentiment, high rate", "freeze-head:ner"),
    ]


def test_every_experiment_is_read_by_a_claim() -> None:
    read = {arm.experiment for claim in CLAIMS for arm in needed_arms(arms_of(claim.rule))}
    assert read == set(EXPERIMENTS)


def test_every_claim_stands_in_a_chapter_and_every_chapter_is_written() -> None:
    assert [each.chapter for each in CHAPTERS] == list(Chapter)
    found = [claim for each in CHAPTERS for claim in claims_of(each.chapter)]
    assert found == list(CLAIMS)


def test_chapters_show_scenarios_that_have_a_lesson() -> None:
    for chapter in CHAPTERS:
        for scenario in chapter.scenarios:
            assert lesson(scenario).scenario == scenario


def test_a_figure_nobody_looked_up_says_so() -> None:
    published = claim_called("gradual").published
    assert published is not None
    assert published.note == "Howard & Ruder 2018, table 7; not checked here"


def test_a_claim_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no claim 'gradul'\. There are: gradual"):
        claim_called("gradul")
