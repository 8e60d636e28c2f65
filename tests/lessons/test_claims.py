from pathlib import Path

import pytest

from mtl_core.analysis.claim_rules import Arm, Still, arms_of
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.summary import RunSummary
from mtl_core.errors import BadInput
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.claim_runs import (
    comparison_name,
    experiment_of,
    on_the_same_files,
    planned_runs,
)
from mtl_core.lessons.claims import CLAIMS, Chapter, Claim, claim_by_id
from mtl_core.lessons.experiments import EXPERIMENTS, with_start_arms
from mtl_core.lessons.scenario_lessons import lesson
from mtl_core.store.runs import RunStore
from mtl_core.training.spec import RunSpec
from tests.run_story import minilm

IDS = [claim.id for claim in CLAIMS]


def test_there_are_claims_enough_and_each_has_its_own_name() -> None:
    assert len(CLAIMS) >= 12
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_every_arm_of_a_claim_is_a_scenario_of_its_experiment(claim: Claim) -> None:
    for arm in claim.arms:
        assert arm.scenario in EXPERIMENTS[arm.experiment].spec.arm_names


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_a_claims_arms_share_their_seeds(claim: Claim) -> None:
    assert len({EXPERIMENTS[arm.experiment].spec.seeds for arm in claim.arms}) <= 1


def test_a_claim_on_staged_runs_needs_what_they_go_on_from_first() -> None:
    arms = claim_by_id("high-rate-forgets").arms
    assert [(arm.experiment, arm.scenario) for arm in arms] == [
        ("standard", "full"),
        ("then sentiment", "freeze-head:ner"),
        ("then sentiment, high rate", "freeze-head:ner"),
    ]


def test_every_experiment_is_read_by_a_claim() -> None:
    read = {arm.experiment for claim in CLAIMS for arm in with_start_arms(arms_of(claim.rule))}
    assert read == set(EXPERIMENTS)


def test_claims_are_in_the_order_of_the_chapters_and_every_chapter_is_written() -> None:
    assert [each.chapter for each in CHAPTERS] == list(Chapter)
    order = [list(Chapter).index(claim.chapter) for claim in CLAIMS]
    assert order == sorted(order)


def test_chapters_show_scenarios_that_have_a_lesson() -> None:
    for chapter in CHAPTERS:
        for scenario in chapter.scenarios:
            assert lesson(scenario).scenario == scenario


def test_a_figure_nobody_looked_up_says_so() -> None:
    published = claim_by_id("gradual").published
    assert published is not None
    assert published.note == "Howard & Ruder 2018, table 7; not checked here"


def test_a_claim_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no claim 'gradul'\. There are: gradual"):
        claim_by_id("gradul")


def test_groups_described_as_unmoved_are_frozen_groups_of_the_plan() -> None:
    rule = claim_by_id("still").rule
    assert isinstance(rule, Still)
    (table,) = parameter_tables(scenario_plan(rule.arm.scenario, minilm()), minilm())
    frozen = {group.name for group in table.groups if not group.totals.trainable}
    assert set(rule.groups) == frozen - {"pooler"}


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "bert-base"])
def test_every_run_of_an_experiment_can_be_prepared_on_the_embedded_checkpoint(name: str) -> None:
    spec = EXPERIMENTS[name].spec
    starts = {seed: f"run-{seed}" for seed in spec.seeds}
    runs = [planned.spec for planned in planned_runs(name, spec, minilm(), 1, starts)]
    assert [(run.scenario, run.seed) for run in runs] == [
        (scenario, seed) for seed in spec.seeds for scenario in spec.arm_names
    ]
    for run in runs:
        assert parameter_tables(run.plan, minilm())
        going_on = EXPERIMENTS[name].starts_from is not None
        assert run.starts_from == (f"run-{run.seed}" if going_on else None)
        assert run.label_noise == spec.label_noise
        assert run.also_evaluate == spec.also_evaluate
        assert run.random_backbone == spec.random_backbone


def test_only_models_that_others_go_on_from_are_kept() -> None:
    spec = EXPERIMENTS["standard"].spec
    kept = {
        run.spec.scenario
        for run in planned_runs("standard", spec, minilm(), 1, {})
        if run.keeps_model
    }
    assert kept == {"full"}


def test_a_comparison_of_ones_own_is_no_experiment_even_under_its_title(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs.db")
    spec = EXPERIMENTS["standard"].spec
    other = spec.model_copy(update={"epochs": 9.0})
    part = spec.with_arms({"full"})
    elsewhere = spec.model_copy(update={"device": "cuda"})
    added = [
        store.add_comparison(each, [], name)
        for each, name in (
            (spec, "Claims: standard"),
            (part, "Claims: standard"),
            (other, "Claims: standard"),
            (elsewhere, "Claims: standard"),
            (spec, "Claims: nonsense"),
            (spec, "My own"),
        )
    ]
    assert [experiment_of(each) for each in added] == ["standard", "standard", *[None] * 4]
    assert [comparison_name(each) for each in added] == [
        "Six plans, from heads only to full",
        "Six plans, from heads only to full, in part",
        *["Claims: standard"] * 2,
        "Claims: nonsense",
        "My own",
    ]
    store.close()


def test_runs_on_an_earlier_version_of_the_data_are_left_out_of_a_claim() -> None:
    def run(seed: int, digest: str) -> RunSummary:
        spec = RunSpec(
            checkpoint="minilm-l6",
            plan=scenario_plan("full", minilm()),
            tasks=minilm().tasks,
            epochs=1.0,
            seed=seed,
            data_digests={"a.csv": digest},
        )
        return begin(f"run {seed}", spec)

    arm, other = (Arm(experiment="standard", scenario=name) for name in ("full", "top-1"))
    evidence = {arm: {0: run(0, "new"), 1: run(1, "old")}, other: {0: run(2, "new")}}
    assert on_the_same_files(evidence) == {arm: {0: evidence[arm][0]}, other: evidence[other]}
