"""Chains of runs built by hand: scores, trained heads, backward transfer."""

from dataclasses import replace

import pytest

from mtl_core.analysis.chain import chain_of
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import summarise
from mtl_core.training.events import Measured, Movement, RunStopped
from tests.chain_story import HEADS, TOP, TOP_SCORES, Pair, chain, stage
from tests.run_story import Story, minilm, scores, spec_of


def test_a_run_that_starts_from_no_other_is_a_chain_of_one_stage_without_transfer() -> None:
    found = chain(HEADS)
    assert [each.run for each in found.stages] == ["one"]
    assert (found.missing, found.transfers, found.backward_transfer) == (None, (), None)


def test_each_stage_has_its_trained_parts_and_its_scores_before_and_after() -> None:
    found = chain(HEADS, TOP)
    assert [(each.number, each.run, each.learning) for each in found.stages] == [
        (1, "one", ("heads",)),
        (2, "two", ("the classifier head, all layers and the embeddings",)),
    ]
    ends = [
        (each.task.name, each.metric, each.before, each.after, each.trained)
        for each in found.stages[1].tasks
    ]
    assert ends == [
        ("sentiment", "accuracy", 0.75, 0.875, True),
        ("ner", "entity F1", 0.50, 0.375, False),
    ]


def test_backward_transfer_is_the_end_minus_the_end_of_the_stage_that_trained_the_task() -> None:
    (transfer,) = chain(HEADS, TOP).transfers
    assert (transfer.task.name, transfer.trained_in, transfer.change) == ("ner", 1, -0.125)
    assert chain(HEADS, TOP).backward_transfer == -0.125


def test_the_stage_that_counts_is_the_last_that_trained_the_task() -> None:
    third = stage("three", "frozen", (0.875, 0.375), (0.875, 0.375), starts_from="two")
    found = chain(HEADS, TOP, third).transfers
    assert [(each.task.name, each.trained_in, each.change) for each in found] == [
        ("sentiment", 2, 0.0),
        ("ner", 1, -0.125),
    ]
    assert chain(HEADS, TOP, third).backward_transfer == -0.0625


def test_a_task_that_the_last_stage_trains_has_no_transfer() -> None:
    both_learn = stage("two", "full", (0.75, 0.5), (0.9, 0.6), starts_from="one")
    found = chain(HEADS, both_learn)
    assert [each.trained for each in found.stages[1].tasks] == [True, True]
    assert (found.transfers, found.backward_transfer) == ((), None)


def test_the_chain_ends_at_a_deleted_run() -> None:
    found = chain_of(TOP, {}.get)
    assert ([each.run for each in found.stages], found.missing) == (["two"], "one")
    assert found.transfers == ()


def test_a_chain_that_leads_back_into_itself_ends() -> None:
    around = replace(HEADS, spec=HEADS.spec.model_copy(update={"starts_from": "two"}))
    assert [each.run for each in chain(around, TOP).stages] == ["one", "two"]
    assert chain(around, TOP).missing == "two"


def test_a_task_without_training_sentences_was_not_trained() -> None:
    counts = {"sentiment": {"train": 80}, "ner": {"train": 0}}
    found = chain(replace(HEADS, examples=counts))
    assert [each.trained for each in found.stages[0].tasks] == [True, False]


def test_a_head_whose_phase_never_began_was_not_trained() -> None:
    spec = spec_of("chain-thaw")
    story = Story(spec, [2] * len(spec.plan.phases), "one").start().evaluate(scores(0.45, 0.02))
    stopped = [*story, RunStopped(elapsed_seconds=9.0, reason="stopped")]
    found = chain(summarise("one", spec, stopped, minilm()))
    assert [each.trained for each in found.stages[0].tasks] == [False, False]
    assert not found.ended


def test_without_the_model_the_measurements_decide_which_heads_were_trained() -> None:
    unknown = replace(HEADS, phases=begin("one", HEADS.spec).phases)
    assert [each.trained for each in chain(unknown).stages[0].tasks] == [None, None]
    assert chain(unknown, TOP).transfers == ()
    moved = Measured(
        elapsed_seconds=9.0,
        groups={"classifier": Movement(moved=0.0), "ner": Movement(moved=0.25)},
    )
    measured = replace(unknown, measured=moved)
    assert [each.trained for each in chain(measured).stages[0].tasks] == [False, True]
    assert chain(measured, TOP).backward_transfer == -0.125


@pytest.mark.parametrize(
    "changes",
    [{"data": "sample-posts"}, {"max_length": 64}, {"data_digests": {"a.csv": "f" * 64}}],
    ids=["data", "length", "files"],
)
def test_stages_scored_on_other_sentences_have_no_transfer(
    changes: dict[str, object],
) -> None:
    own = {"data_digests": {"a.csv": "e" * 64}} if "data_digests" in changes else {}
    first = stage("one", "heads-only", (0.45, 0.02), (0.75, 0.50), **own)
    ends: tuple[Pair, Pair] = ((0.75, 0.50), (0.875, 0.375))
    second = stage("two", "freeze-head:ner", *ends, starts_from="one", **changes)
    assert not chain(first, second).same_sentences
    assert chain(first, second).transfers == ()
    same = stage("two", "freeze-head:ner", *ends, starts_from="one", **own)
    assert len(chain(first, same).transfers) == 1


def test_a_head_with_other_labels_is_another_task() -> None:
    tags = TOP.spec.tasks[1].model_copy(update={"outputs": ("O", "PER")})
    tasks = (TOP.tasks[0], replace(TOP.tasks[1], task=tags))
    assert chain(HEADS, replace(TOP, tasks=tasks)).transfers == ()


def test_the_loss_of_a_frozen_head_can_still_train_the_encoder() -> None:
    assert [each.loss_used for each in chain(HEADS, TOP).stages[1].tasks] == [True, True]
    assert [each.loss_used_since for each in chain(HEADS, TOP).transfers] == [True]
    plan = TOP.spec.plan.model_copy(update={"task_weights": {"ner": 0.0}})
    left_out = stage("two", "freeze-head:ner", *TOP_SCORES, plan=plan, starts_from="one")
    assert [each.loss_used for each in chain(HEADS, left_out).stages[1].tasks] == [True, False]
    (transfer,) = chain(HEADS, left_out).transfers
    assert (transfer.change, transfer.loss_used_since) == (-0.125, False)
