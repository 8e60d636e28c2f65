from collections.abc import Callable

import pytest

from mtl_core.errors import InvalidPlan, SelectorMatchesNothing
from mtl_core.freezing import editing
from mtl_core.freezing.editing import MOST_STEPS, Coverage, History
from mtl_core.freezing.minimal_selectors import minimal_selectors, plan_blocks
from mtl_core.freezing.plan import MAX_PHASES, Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.freezing.selectors import select_any
from mtl_core.models.description import ModelDescription, Role
from mtl_core.models.sentence_vector import SentenceVector
from tests.freezing.small_models import (
    model_of,
    plan_of,
    shared_stack,
    shipped,
    tensor,
    tied_model,
    two_layers,
)

MINILM = shipped("minilm-l6")


def clicked(plan: Plan, *groups: str, model: ModelDescription = MINILM) -> tuple[str, ...]:
    """What phase 1 trains after a click on each of `groups`."""
    for group in groups:
        plan = editing.toggle_block(plan, 1, group, model)
    return plan.phases[0].train


@pytest.mark.parametrize(
    ("groups", "train"),
    [
        (["layer 5"], ("heads", "top:1")),
        (["layer 5", "layer 4"], ("heads", "top:2")),
        (["layer 4", "layer 5"], ("heads", "top:2")),
        (["layer 0", "layer 1"], ("heads", "bottom:2")),
        (["layer 2"], ("heads", "layer:2")),
        (["layer 2", "layer 3"], ("heads", "layers:2-3")),
        (["layer 5", "layer 2", "layer 0"], ("heads", "top:1", "layer:2", "bottom:1")),
        ([f"layer {n}" for n in range(6)], ("heads", "top:6")),
        (["embeddings"], ("heads", "embeddings")),
        (["pooler", "ner"], ("head:sentiment", "pooler")),
        (["ner", "classifier"], ()),
        (["layer 5", "layer 5"], ("heads",)),
        (["embeddings", "pooler", *(f"layer {n}" for n in range(6))], ("all",)),
        (
            ["ner", "embeddings", "pooler", *(f"layer {n}" for n in range(6))],
            ("head:sentiment", "backbone"),
        ),
    ],
)
def test_clicks_give_the_shortest_list_of_selectors(
    groups: list[str], train: tuple[str, ...]
) -> None:
    assert clicked(plan_of("heads"), *groups) == train


def test_freezing_a_block_of_all_leaves_everything_else() -> None:
    assert clicked(plan_of("all"), "pooler") == ("heads", "top:6", "embeddings")


def test_a_selector_that_covers_part_of_a_block_stays_when_the_whole_block_is_trained() -> None:
    assert clicked(scenario_plan("bitfit", MINILM), "layer 5") == ("heads", "top:1", "biases")


def test_a_selector_that_no_longer_applies_is_replaced_block_by_block() -> None:
    train = clicked(scenario_plan("bitfit", MINILM), "layer 5", "layer 5")
    assert train == (
        "heads",
        "bert.pooler.dense.bias",
        *(f"bert.encoder.layer.{n}.*.bias" for n in (4, 3, 2, 1, 0)),
        "bert.embeddings.*.bias",
    )


def test_a_custom_rule_stays_if_it_still_applies() -> None:
    plan = plan_of("heads", "bert.encoder.layer.*.attention.*")
    assert clicked(plan, "embeddings") == (
        "heads",
        "embeddings",
        "bert.encoder.layer.*.attention.*",
    )


@pytest.mark.parametrize(
    "name", ["minilm-l6", "albert-base-v2", "deberta-v3-small", "modernbert-base"]
)
def test_minimal_selectors_of_every_phase_of_every_scenario_select_the_same_tensors(
    name: str,
) -> None:
    model = shipped(name)
    for scenario in scenarios(model):
        for phase in scenario_plan(scenario.name, model).phases:
            names = select_any(phase.train, model, "the phase")
            assert select_any(minimal_selectors(names, model), model, "the phase") == names


@pytest.mark.parametrize("name", ["minilm-l6", "albert-base-v2"])
@pytest.mark.parametrize("selectors", [("top:{depth}",), ("bottom:{depth}",), ("pooler", "heads")])
def test_selectors_of_a_model_whose_heads_read_the_pooler_select_the_same_tensors(
    name: str, selectors: tuple[str, ...]
) -> None:
    model = shipped(name).reading(SentenceVector.POOLER)
    given = [each.format(depth=model.backbone.depth) for each in selectors]
    names = select_any(given, model, "the phase")
    assert select_any(minimal_selectors(names, model), model, "the phase") == names


@pytest.mark.parametrize("name", ["minilm-l6", "albert-base-v2", "deberta-v3-small"])
def test_a_click_changes_this_block_and_no_other(name: str) -> None:
    model = shipped(name)
    plan = plan_of("heads", "biases")
    before = select_any(plan.phases[0].train, model, "the phase")
    for block in plan_blocks(model):
        thawed = editing.toggle_block(plan, 1, block.name, model)
        after = select_any(thawed.phases[0].train, model, "the phase")
        wanted = before - block.tensors if block.role is Role.HEAD else before | block.tensors
        assert after == wanted


def test_blocks_hold_every_tensor_once_and_tensors_outside_the_layers_are_one_block() -> None:
    model = shipped("deberta-v3-small")
    blocks = plan_blocks(model)
    assert sum(len(block.tensors) for block in blocks) == len(model.tensors)
    beside = [block for block in blocks if block.role is Role.BESIDE]
    assert [len(block.groups) for block in beside] == [2]
    assert [block.name for block in blocks][:3] == ["classifier", "ner", "layer 5"]


def test_layers_that_share_one_set_of_weights_are_thawed_together() -> None:
    assert clicked(plan_of("heads"), "layer 0", model=shared_stack()) == ("heads", "top:12")


def test_a_tied_tensor_is_thawed_with_either_of_its_layers() -> None:
    model = tied_model()
    plan = editing.toggle_block(plan_of("heads"), 1, "layer 1", model)
    assert "tiny.layer.0.dense.weight" in select_any(plan.phases[0].train, model, "the phase")


def test_a_partially_trained_block_has_its_own_state() -> None:
    states = editing.block_states(scenario_plan("bitfit", MINILM), 1, MINILM)
    assert {state.block.name: state.coverage for state in states if state.block.layer == 3} == {
        "layer 3": Coverage.PARTIAL
    }


def test_a_freeze_rule_takes_precedence_over_a_click() -> None:
    plan = plan_of("all", freeze=["embeddings", "bert.encoder.layer.0.*"])
    with pytest.raises(InvalidPlan, match="'embeddings' under 'freeze', which takes precedence"):
        editing.toggle_block(plan, 1, "embeddings", MINILM)
    states = {state.block.name: state for state in editing.block_states(plan, 1, MINILM)}
    assert states["embeddings"].frozen_by == ("embeddings",)
    assert states["layer 0"].frozen_by == ("bert.encoder.layer.0.*",)
    assert states["layer 1"].frozen_by == ()


@pytest.mark.parametrize(("train", "thawed"), [("all", ("all",)), ("heads", ("heads", "top:1"))])
def test_unfreezing_a_block_trains_it_and_keeps_the_other_rules(
    train: str, thawed: tuple[str, ...]
) -> None:
    plan = plan_of(train, freeze=["layer:5", "pooler"])
    lifted = editing.unfreeze_block(plan, 1, "layer 5", MINILM)
    assert lifted.freeze == ("pooler",)
    assert lifted.phases[0].train == thawed


def test_a_freeze_rule_for_part_of_a_block_leaves_the_rest_to_the_click() -> None:
    plan = plan_of("heads", freeze=["layernorms"])
    plan = editing.toggle_block(plan, 1, "layer 5", MINILM)
    assert plan.phases[0].train == ("heads", "top:1")
    assert editing.toggle_block(plan, 1, "layer 5", MINILM).phases[0].train == ("heads",)


def test_a_match_has_counts_and_a_miss_names_the_nearest() -> None:
    found = editing.match("*.query.weight", MINILM)
    assert (len(found.names), found.parameters) == (6, 6 * 384 * 384)
    assert found.names[0] == "bert.encoder.layer.0.attention.self.query.weight"
    with pytest.raises(SelectorMatchesNothing, match="Nearest: embeddings"):
        editing.match("embedings", MINILM)
    with pytest.raises(InvalidPlan, match="N goes from 1 to 6"):
        editing.match("top:7", MINILM)


def test_a_rule_is_added_once_unchanged_and_removed() -> None:
    plan = editing.add_selector(plan_of("heads"), 1, "layer:5", MINILM)
    assert editing.add_selector(plan, 1, "layer:5", MINILM) == plan
    assert plan.phases[0].train == ("heads", "layer:5")
    assert editing.remove_selector(plan, 1, "heads").phases[0].train == ("layer:5",)
    frozen = editing.add_freeze(plan, "pooler", MINILM)
    assert frozen.freeze == ("pooler",)
    assert editing.remove_freeze(frozen, "pooler") == plan


def test_each_phase_added_thaws_one_layer_more_then_the_embeddings() -> None:
    plan = plan_of("heads")
    for _ in range(8):
        plan = editing.add_phase(plan, MINILM)
    assert [phase.name for phase in plan.phases][:3] == ["only", "+ layer 5", "+ layer 4"]
    assert [phase.train for phase in plan.phases][1:3] == [("heads", "top:1"), ("heads", "top:2")]
    assert plan.phases[7].train == ("heads", "top:6", "embeddings")
    assert plan.phases[8].name == "+ embeddings again"


def test_an_added_phase_has_the_rates_of_the_plan_and_a_new_name() -> None:
    phases = (Phase(name="+ layer 1", train=("heads",), epochs=2.0, learning_rate=1e-2),)
    added = editing.add_phase(Plan(name="mine", phases=phases), two_layers()).phases[1]
    assert added == Phase(name="+ layer 1 2", train=("heads", "top:1"), epochs=2.0)


def names(plan: Plan) -> list[str]:
    return [phase.name for phase in plan.phases]


def test_phases_are_moved_renamed_and_removed() -> None:
    plan = editing.add_phase(editing.add_phase(plan_of("heads"), MINILM), MINILM)
    assert names(editing.move_phase(plan, 3, 1)) == ["+ layer 4", "only", "+ layer 5"]
    assert names(editing.set_phase(plan, 2, name="top")) == ["only", "top", "+ layer 4"]
    assert names(editing.remove_phase(plan, 2)) == ["only", "+ layer 4"]
    assert editing.move_phase(plan, 2, 2) == plan


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda plan: editing.remove_phase(plan, 1), "its only one"),
        (lambda plan: editing.remove_phase(plan, 2), "There is no phase 2: 'mine' has 1"),
        (lambda plan: editing.move_phase(plan, 1, 2), "There is no phase 2"),
        (lambda plan: editing.set_phase(plan, 1, epochs=0.0), "'epochs' of phase 1: .*greater"),
        (lambda plan: editing.set_phase(plan, 1, name=""), "'name' of phase 1"),
        (lambda plan: editing.set_plan(plan, learning_rate=11.0), "'learning_rate': .*10"),
        (lambda plan: editing.set_plan(plan, schedule="steep"), "'schedule'"),
        (lambda plan: editing.toggle_block(plan, 1, "layer 9", MINILM), "no block 'layer 9'"),
    ],
)
def test_a_change_that_makes_the_plan_invalid_is_refused(
    change: Callable[[Plan], Plan], reason: str
) -> None:
    with pytest.raises(InvalidPlan, match=reason):
        change(plan_of("heads"))


def test_a_plan_has_a_maximum_number_of_phases() -> None:
    phases = tuple(Phase(name=str(n), train=("heads",)) for n in range(MAX_PHASES))
    with pytest.raises(InvalidPlan, match="at most 100 phases"):
        editing.add_phase(Plan(name="long", phases=phases), MINILM)


def test_a_task_weight_of_one_is_left_out() -> None:
    plan = editing.set_task_weight(plan_of("heads"), "ner", 0.5)
    assert plan.task_weights == {"ner": 0.5}
    assert editing.set_task_weight(plan, "ner", 1.0).task_weights == {}


def test_a_single_tensor_outside_the_layers_is_selected_by_its_full_name() -> None:
    table = tensor("tiny.table", 4, 8, role=Role.BESIDE)
    model = model_of(table, tensor("tiny.layer.0.dense.weight", 8, 8, layer=0), depth=1)
    assert clicked(plan_of("heads"), "tiny.table", model=model) == ("heads", "tiny.table")


def test_undo_and_redo_move_between_the_steps() -> None:
    history = History(("a",)).push("b").push("c")
    assert (history.current, history.can_undo, history.can_redo) == ("c", True, False)
    back = history.undo().undo()
    assert (back.current, back.can_undo, back.can_redo) == ("a", False, True)
    assert back.undo() == back
    assert back.redo().current == "b"
    assert history.redo() == history


def test_a_new_step_drops_undone_steps_and_an_equal_step_adds_none() -> None:
    history = History(("a",)).push("b").undo().push("c")
    assert history == History(("a", "c"), 1)
    assert history.push("c") is history


def test_the_history_keeps_a_limited_number_of_steps() -> None:
    history = History((0,))
    for step in range(1, MOST_STEPS + 10):
        history = history.push(step)
    assert len(history.steps) == MOST_STEPS
    assert (history.steps[0], history.current) == (10, MOST_STEPS + 9)
