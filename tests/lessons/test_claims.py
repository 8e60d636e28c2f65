from collections.abc import Callable
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest
import yaml

from mtl_core.analysis.claim_rules import Arm, Better, Collapses, KeptBytes, Still, arms_of
from mtl_core.analysis.claim_verdicts import ClaimVerdict, Finding
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import summarise
from mtl_core.analysis.summary import RunSummary
from mtl_core.errors import BadInput
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.lessons.chapters import CHAPTERS
from mtl_core.lessons.claim import Chapter, Claim, missing_weights
from mtl_core.lessons.claim_results import judged_runs
from mtl_core.lessons.claim_runs import (
    can_be_tested,
    can_run,
    claim_finding,
    comparison_name,
    experiment_of,
    missing_arms,
    on_the_same_files,
    planned_runs,
    runs_of_arms,
)
from mtl_core.lessons.claims import CLAIMS, claim_by_id
from mtl_core.lessons.experiments import (
    EXPERIMENTS,
    FEW_EPOCHS,
    OFF_EPOCHS,
    experiments_with,
    full_rate,
    with_start_arms,
)
from mtl_core.lessons.planned import Variances, planned, smallest
from mtl_core.lessons.scenario_lessons import lesson
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.store.shipping import ShippedComparison, stored_events
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.training.events import RunFailed, RunStarted
from mtl_core.training.spec import RunSpec
from tests.claim_runs import comparison_of
from tests.run_story import minilm

SummaryOf = Callable[[RunRecord], RunSummary]
SCORES = [(0.8, 0.5), (0.81, 0.51), (0.82, 0.52), (0.81, 0.5), (0.8, 0.51)]
IDS = [claim.id for claim in CLAIMS]
NOT_INCLUDED = ("bert-base", "general or domain")  # need other weights

STATEMENTS = """
Zero fine-tuning cost: no backpropagation
No task adaptation
Fast convergence
Regularization: reduces the risk of overfitting
Selective stability: a frozen head retains its performance while the rest adapts
Imbalance handling: lock the strong head, focus training on the weaker task
Staged fine-tuning: freeze a head and train the rest on new data without harming it
Domain-specific checkpoints start from specialized vocabulary and style
Full: unfreeze all layers once sufficient data is available
Lower layers capture universal features, upper layers are specialised
Staged unfreezing reduces the risk of catastrophic forgetting
All layers at once causes forgetting
A high learning rate on small or noisy data causes forgetting
Domain shift causes forgetting
Updating all layers at once can destabilize training, especially on small datasets
""".strip().splitlines()


def test_each_claim_has_its_own_name_and_sentence() -> None:
    assert len(set(IDS)) == len(IDS)
    assert len({claim.sentence for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_statement_of_the_text_has_a_claim(statement: str) -> None:
    assert [claim.id for claim in CLAIMS if claim.statement == statement]


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_every_arm_of_a_claim_is_an_arm_of_its_experiment(claim: Claim) -> None:
    for arm in claim.arms:
        assert arm.scenario in EXPERIMENTS[arm.experiment].spec.arm_names


OTHER_EPOCHS = ("needs-data-sentiment", "needs-data-ner", "high-rate-needs-little-data")
OTHER_EPOCHS += ("imbalance-focus-ner", "imbalance-focus-sentiment")  # with as many steps


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_the_arms_of_a_claim_share_seeds_and_epochs(claim: Claim) -> None:
    specs = [EXPERIMENTS[arm.experiment].spec for arm in arms_of(claim.rule)]
    own = [
        spec.with_arms({a.scenario}).arms[0].options
        for spec, a in zip(specs, arms_of(claim.rule), strict=True)
    ]
    epochs = {options.get("epochs", spec.epochs) for spec, options in zip(specs, own, strict=True)}
    assert len(epochs) <= 1 or claim.id in OTHER_EPOCHS
    shared = set.intersection(*(set(spec.seeds) for spec in specs)) if specs else set(range(5))
    assert len(shared) >= 5


def test_a_weak_task_alone_has_as_many_steps_as_beside_the_strong_one() -> None:
    assert ceil(50 / 16) * OFF_EPOCHS == ceil(450 / 16) * 3


def test_few_sentences_have_as_many_steps_as_all_in_three_epochs() -> None:
    steps = {n: ceil(2 * n / 16) * epochs for n, epochs in {**FEW_EPOCHS, 400: 3}.items()}
    assert steps == {50: 168, 200: 150, 400: 150}


def test_high_rates_are_multiples_of_the_tuned_rate_of_full() -> None:
    assert full_rate(384, 1) == default_rates("full", 384).encoder
    assert full_rate(384, 10) == pytest.approx(10 * default_rates("full", 384).encoder)
    (arm,) = EXPERIMENTS["100 sentences"].spec.with_arms({"full, high rate"}).arms
    assert arm.learning_rate == full_rate(384, 10)
    (arm,) = (
        EXPERIMENTS["posts after reviews"].spec.with_arms({"sentiment alone, higher rate"}).arms
    )
    assert arm.learning_rate == full_rate(384, 3)
    wide = experiments_with(ANY_FILE, checkpoint="bert-base-uncased")["100 sentences"].spec
    (arm,) = wide.with_arms({"full, high rate"}).arms
    assert arm.learning_rate == full_rate(768, 10)


def test_all_runs_take_less_than_two_hours_on_two_cores() -> None:
    known = [each for each in EXPERIMENTS.values() if each.seconds_per_seed is not None]
    assert sum((e.seconds_per_seed or 0) * len(e.spec.seeds) for e in known) / 120 == 109


def test_runs_with_other_rates_than_those_of_today_test_no_claim() -> None:
    shipped = comparison_of("standard", {"full": [(0.9, 0.6)], "heads-only": [(0.8, 0.4)]})
    record = shipped.record()
    full, heads = (Arm(experiment="standard", scenario=name) for name in ("full", "heads-only"))
    assert {arm: len(runs) for arm, runs in runs_of_arms([record]).items()} == {full: 20, heads: 20}
    earlier = [
        replace(
            run, spec=run.spec.model_copy(update={"plan": run.spec.plan.with_rates(1e-5, None)})
        )
        if run.spec.arm_name == "full"
        else run
        for run in record.runs
    ]
    assert set(runs_of_arms([replace(record, runs=tuple(earlier))])) == {heads}


def test_a_comparison_whose_arm_has_another_rate_is_no_experiment() -> None:
    record = comparison_of("100 sentences", {"full, high rate": [(0.5, 0.1)]}).record()
    assert experiment_of(record) == "100 sentences"
    arms = tuple(arm.model_copy(update={"learning_rate": 1e-4}) for arm in record.spec.arms)
    other = replace(record, spec=record.spec.model_copy(update={"arms": arms}))
    assert experiment_of(other) is None


def test_gradual_unfreezing_of_a_second_stage_has_the_rates_of_all_at_once() -> None:
    spec = EXPERIMENTS["gradual after reviews"].spec
    runs = planned_runs(
        "gradual after reviews", spec, lambda *_: minilm(), 1, dict.fromkeys(range(8), "a")
    )
    plans = {each.spec.arm_name: each.spec.plan for each in runs}
    whole, gradual = plans["all at once"], plans["gradual"]
    assert (gradual.learning_rate, gradual.head_learning_rate) == (
        whole.learning_rate,
        whole.head_learning_rate,
    )
    assert {(p.learning_rate, p.head_learning_rate) for p in gradual.phases} == {(None, None)}
    assert len(gradual.phases) == 8


@pytest.mark.parametrize("claim", CLAIMS, ids=IDS)
def test_what_a_claim_can_find_was_computed_before_its_runs(claim: Claim) -> None:
    design = planned(claim)
    exact = claim.id in ("frozen-cost", "frozen-scores", "still", "kept-bytes")
    assert (design is None) is exact
    assert exact or claim.planned_effect is not None
    if design is not None:
        assert 0 < design.smallest < 10


def test_more_seeds_and_sentences_find_smaller_differences() -> None:
    variances = Variances(seeds=1.6e-4, rest=0.07, sentences=0.041)
    few, more = smallest(variances, 5, 200), smallest(variances, 10, 200)
    assert few > more > smallest(variances, 10, 800) > 0.01


def test_a_claim_on_staged_runs_needs_what_they_go_on_from_first() -> None:
    arms = claim_by_id("high-rate-forgets-ner").arms
    assert [(arm.experiment, arm.scenario) for arm in arms] == [
        ("standard", "full"),
        ("posts after reviews", "sentiment alone"),
        ("posts after reviews", "sentiment alone, higher rate"),
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


def test_the_layers_described_as_unmoved_are_those_that_the_plan_freezes() -> None:
    rule = claim_by_id("still").rule
    assert isinstance(rule, Still)
    (table,) = parameter_tables(scenario_plan(rule.arm.scenario, minilm()), minilm())
    frozen = {group.name for group in table.groups if not group.totals.trainable}
    below = {f"layer {layer}" for layer in range(minilm().backbone.depth - rule.trained)}
    assert {"embeddings", *below} == frozen - {"pooler"}


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name not in NOT_INCLUDED])
def test_every_run_of_an_experiment_can_be_prepared_on_the_embedded_checkpoint(name: str) -> None:
    spec = EXPERIMENTS[name].spec
    starts = {seed: f"run-{seed}" for seed in spec.seeds}
    planned = planned_runs(name, spec, lambda *_: minilm(), 1, starts)
    runs = [each.spec for each in planned]
    assert [(run.arm_name, run.seed) for run in runs] == [
        (arm, seed) for seed in spec.seeds for arm in spec.arm_names
    ]
    for run in runs:
        assert parameter_tables(run.plan, minilm())
        going_on = EXPERIMENTS[name].starts_from is not None
        assert run.starts_from == (f"run-{run.seed}" if going_on else None)
        vector = "first-token" if "first token" in run.arm_name else "mean"
        assert run.sentence_vector == vector


def test_gradual_unfreezing_of_all_layers_ends_with_everything() -> None:
    (arm,) = EXPERIMENTS["nine epochs"].spec.with_arms({"gradual, all layers"}).arms
    assert arm.plan is not None
    names = [phase.name for phase in arm.plan.phases]
    assert names == ["heads", *(f"+ layer {n}" for n in range(5, -1, -1)), "all"]
    trainable = [table.totals.trainable for table in parameter_tables(arm.plan, minilm())]
    assert trainable == sorted(trainable)
    full = parameter_tables(scenario_plan("full", minilm()), minilm())[0]
    assert trainable[-1] == full.totals.trainable


def test_the_loss_of_a_task_is_off_where_an_arm_trains_the_other_alone() -> None:
    spec = EXPERIMENTS["posts after reviews"].spec.with_arms({"both losses", "sentiment alone"})
    runs = planned_runs(
        "posts after reviews", spec, lambda *_: minilm(), 1, dict.fromkeys(range(10), "a")
    )
    weights = {each.spec.arm_name: each.spec.plan.task_weights for each in runs}
    assert weights == {"both losses": {}, "sentiment alone": {"ner": 0.0}}


def test_only_models_that_others_go_on_from_are_kept() -> None:
    spec = EXPERIMENTS["standard"].spec
    kept = {
        run.spec.arm_name
        for run in planned_runs("standard", spec, lambda *_: minilm(), 1, {})
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


def finding_of(name: str, made: ShippedComparison, count: int) -> Finding:
    """The finding of a claim from the first runs of a comparison."""
    record = made.record()
    part = replace(record, runs=record.runs[:count])
    events = {run.id: run.events() for run in made.runs}
    return claim_finding(
        claim_by_id(name),
        runs_of_arms([part]),
        lambda run: summarise(run.id, run.spec, events[run.id]),
        owner_dataset,
    )


def test_a_claim_is_not_judged_before_all_its_planned_seeds_are_finished() -> None:
    made = comparison_of("standard", {"heads-only": SCORES, "full": SCORES})
    early = finding_of("faster", made, 39)
    assert (early.verdict, early.detail) == (ClaimVerdict.OPEN, "39 of 40 runs are finished")
    assert finding_of("faster", made, 40).verdict is ClaimVerdict.HOLDS


def diverged(made: ShippedComparison, place: int) -> tuple[ComparisonRecord, SummaryOf]:
    """A comparison in which one run diverged after its first evaluation, and its summaries."""
    record = made.record()
    events = {run.id: run.events() for run in made.runs}
    cut = replace(record.runs[place], state=RunState.FAILED, diverged=True)
    events[cut.id] = (
        *events[cut.id][:-1],
        RunFailed(elapsed_seconds=9.0, reason="The loss became nan.", diverged=True),
    )
    runs = tuple(cut if run.id == cut.id else run for run in record.runs)
    return replace(record, runs=runs), lambda run: summarise(run.id, run.spec, events[run.id])


def test_a_claim_that_needs_every_score_names_the_run_that_diverged() -> None:
    made = comparison_of("standard", {"heads-only": SCORES, "full": SCORES})
    record, summary_of = diverged(made, 3)
    runs = runs_of_arms([record])
    found = claim_finding(claim_by_id("faster"), runs, summary_of, owner_dataset)
    name, seed = record.runs[3].spec.arm_name, record.runs[3].spec.seed
    assert found.verdict is ClaimVerdict.OPEN
    assert found.detail == f"no score: {name} with seed {seed} diverged"
    assert missing_arms(runs, [Arm(experiment="standard", scenario=name)]) == ()
    assert record.runs[3].id in judged_runs(claim_by_id("faster"), runs)


def test_a_claim_on_collapses_counts_a_run_that_diverged() -> None:
    claim = claim_by_id("high-rate-collapses")
    rule = claim.rule
    assert isinstance(rule, Collapses)
    seeds = len(EXPERIMENTS[rule.arm.experiment].spec.seeds)
    scores = {rule.arm.scenario: [(0.9, 0.5)] * seeds, rule.against.scenario: [(0.9, 0.5)] * seeds}
    made = comparison_of(rule.arm.experiment, scores)
    place = next(
        place
        for place, run in enumerate(made.record().runs)
        if run.spec.arm_name == rule.arm.scenario
    )
    record, summary_of = diverged(made, place)
    found = claim_finding(claim, runs_of_arms([record]), summary_of, owner_dataset)
    assert found.detail == f"1 of {seeds} seeds collapsed, 0 in the control"


def test_seeds_that_were_added_are_not_used_for_a_claim() -> None:
    made = comparison_of("standard", {"heads-only": SCORES, "full": SCORES})
    extra = [
        run.model_copy(
            update={
                "id": f"{run.id}-more",
                "stored_events": stored_events(
                    event.model_copy(update={"spec": event.spec.model_copy(update={"seed": 20})})
                    if isinstance(event, RunStarted)
                    else event
                    for event in run.events()
                ),
            }
        )
        for run in made.runs[:2]
    ]
    spec = made.spec.model_copy(update={"seeds": (*made.spec.seeds, 20), "looks": (20,)})
    more = made.model_copy(update={"runs": (*made.runs, *extra), "spec": spec})
    assert finding_of("faster", more, 42).seeds == 20


def test_a_finished_run_counts_although_a_newer_one_of_its_seed_waits() -> None:
    record = comparison_of("standard", {"heads-only": SCORES}).record()
    waiting = replace(
        record,
        runs=tuple(
            replace(run, state=RunState.WAITING, id=f"{run.id}-again") for run in record.runs
        ),
    )
    arm = Arm(experiment="standard", scenario="heads-only")
    assert runs_of_arms([waiting, record])[arm] == runs_of_arms([record])[arm]
    assert runs_of_arms([waiting])[arm][0].state is RunState.WAITING


def test_other_epochs_scale_the_experiments_that_have_more_than_three() -> None:
    given = experiments_with(ANY_FILE, epochs=1.0)
    assert given["standard"].spec.epochs == 1
    assert given["nine epochs"].spec.epochs == 3
    few = {arm.name: arm.options["epochs"] for arm in given["few sentences"].spec.arms}
    assert few["full, 50 sentences"] == FEW_EPOCHS[50] / 3


def test_data_without_a_task_of_a_claim_cannot_test_it(tiny_data: Path) -> None:
    experiments = experiments_with(ANY_FILE, data=str(tiny_data))
    assert can_be_tested(claim_by_id("heads-ner"), experiments, owner_dataset)
    tasks = yaml.safe_load(tiny_data.read_text(encoding="utf-8"))
    alone = tiny_data.with_name("alone.yaml")
    alone.write_text(yaml.safe_dump({"tasks": {"sentiment": tasks["tasks"]["sentiment"]}}))
    fewer = experiments_with(ANY_FILE, data=str(alone))
    assert not can_be_tested(claim_by_id("heads-ner"), fewer, owner_dataset)
    assert not can_be_tested(
        claim_by_id("few-50"), fewer, owner_dataset
    )  # 50 sentences of each task
    assert can_be_tested(claim_by_id("heads-sentiment"), fewer, owner_dataset)


def test_a_checkpoint_of_unknown_width_has_no_multiple_of_the_tuned_rate(
    tiny_checkpoint: Path,
) -> None:
    spec = experiments_with(ANY_FILE, checkpoint=str(tiny_checkpoint))["100 sentences"].spec
    assert spec.arm_names == ("full", "gradual", "discriminative")


def test_other_data_leave_out_what_needs_the_posts() -> None:
    experiments = experiments_with(ANY_FILE, data="mine")
    assert "posts" not in experiments
    assert "posts after reviews" not in experiments
    assert experiments["standard"].spec.data == "mine"
    assert experiments["standard"].spec.also_evaluate == ()
    claim = claim_by_id("frozen-head-ner")
    assert not can_be_tested(claim, experiments, owner_dataset)
    finding = claim_finding(
        claim, {}, lambda _: pytest.fail("read a run"), owner_dataset, experiments
    )
    assert (finding.verdict, finding.detail) == (
        ClaimVerdict.OPEN,
        "these data or this checkpoint cannot test it",
    )


def test_another_checkpoint_has_its_own_sentence_vector_and_no_plans_for_six_layers() -> None:
    spec = experiments_with(ANY_FILE, checkpoint="bert-base-uncased")["nine epochs"].spec
    assert spec.checkpoint == "bert-base-uncased"
    assert spec.sentence_vector is SentenceVector.FIRST_TOKEN
    assert spec.arm_names == ("heads-only", "chain-thaw", "ulmfit", "full")


def test_any_two_checkpoints_can_be_the_general_one_and_that_of_the_domain() -> None:
    given = experiments_with(
        ANY_FILE, checkpoint="bert-base-uncased", domain_checkpoint="legal-bert"
    )
    assert given["general or domain"].spec.checkpoints == ("bert-base-uncased", "legal-bert")
    assert EXPERIMENTS["general or domain"].spec.checkpoints == ("bert-base-uncased", "biobert")


def test_a_claim_without_weights_here_is_not_run() -> None:
    claim = claim_by_id("domain-checkpoint")
    assert set(missing_weights(claim, ANY_FILE)) == {"bert-base-uncased", "biobert"}
    assert not can_run(claim, EXPERIMENTS, ANY_FILE, owner_dataset)
    assert can_run(claim_by_id("heads-ner"), EXPERIMENTS, ANY_FILE, owner_dataset)


def test_margins_are_those_of_the_outcomes_or_smaller_published_effects() -> None:
    margins = {
        claim.id: (claim.rule.task, claim.rule.margin)
        for claim in CLAIMS
        if isinstance(claim.rule, Better) and claim.rule.keeps == 1
    }
    small = {
        "lp-ft": 0.01,
        "gradual": 0.005,
        "gradual-all": 0.005,
        "chain-thaw": 0.0148,
        "discriminative": 0.013,
        "ulmfit": 0.0187,
    }
    assert {name: margins.pop(name)[1] for name in small} == small
    assert set(margins.values()) == {("sentiment", 0.03), ("ner", 0.05), (None, None)}
    assert not [claim for claim in CLAIMS if isinstance(claim.rule, KeptBytes) and claim.arms]


def test_an_arm_with_other_options_tests_nothing_and_the_others_of_its_comparison_do() -> None:
    made = comparison_of("recipes", {"lp-ft": SCORES, "bitfit": SCORES})
    changed = [
        arm.model_copy(update={"options": {"epochs": 5.0}}) if arm.name == "bitfit" else arm
        for arm in made.spec.arms
    ]
    spec = made.spec.model_copy(update={"arms": tuple(changed)})
    found = runs_of_arms([made.model_copy(update={"spec": spec}).record()])
    assert {arm.scenario for arm in found} == {"lp-ft"}
