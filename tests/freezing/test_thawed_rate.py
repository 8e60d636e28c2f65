"""The rate of newly thawed layers alone: layers thawed earlier keep theirs."""

from typing import Any

import pytest

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Plan
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.snippet import torch_snippet
from mtl_core.training.optimizer import group_rates
from mtl_core.training.prepare_comparison import at_factor
from tests.run_story import minilm, spec_of

MODEL = minilm()
HEADS = ("classifier", "ner")


def plan(*phases: str, more: str = "") -> Plan:
    listed = "".join(f"  - {{name: {number}, {each}}}\n" for number, each in enumerate(phases, 1))
    return parse_plan(
        f"name: x\nlearning_rate: 3.0e-4\nhead_learning_rate: 1.0e-3\n{more}phases:\n"
        + listed.replace("name: ", "name: phase ")
    )


def rates(found: Plan) -> list[dict[str, float]]:
    """The rate of each group that learns, by phase."""
    tables = parameter_tables(found, MODEL)
    return [{g.name: g.learning_rate for g in t.groups if g.learning_rate} for t in tables]


THAWING = plan(
    "train: [heads], head_learning_rate: 1.0e-2",
    "train: [heads, 'top:1']",
    "train: [heads, 'top:2'], thawed_learning_rate: 1.0e-5",
    "train: [heads, 'top:3'], thawed_learning_rate: 2.0e-6",
    "train: [heads, 'top:3']",
)


def test_newly_thawed_layers_have_the_rate_and_those_before_keep_theirs() -> None:
    heads = dict.fromkeys(HEADS, 1e-3)
    assert rates(THAWING) == [
        dict.fromkeys(HEADS, 1e-2),
        {**heads, "layer 5": 3e-4},
        {**heads, "layer 5": 3e-4, "layer 4": 1e-5},
        {**heads, "layer 5": 3e-4, "layer 4": 1e-5, "layer 3": 2e-6},
        {**heads, "layer 5": 3e-4, "layer 4": 3e-4, "layer 3": 3e-4},  # a phase without the key
    ]


def test_heads_keep_the_rate_of_the_phase_before_unless_the_phase_has_one() -> None:
    own = plan(
        "train: [heads], learning_rate: 2.0e-2",
        "train: [heads, 'top:1'], thawed_learning_rate: 1.0e-5",
        "train: [heads, 'top:2'], thawed_learning_rate: 1.0e-6, head_learning_rate: 5.0e-3",
    )
    assert rates(own) == [
        dict.fromkeys(HEADS, 2e-2),
        {**dict.fromkeys(HEADS, 2e-2), "layer 5": 1e-5},
        {**dict.fromkeys(HEADS, 5e-3), "layer 5": 1e-5, "layer 4": 1e-6},
    ]


def test_a_new_head_has_the_rate_of_heads() -> None:
    one = plan(
        "train: ['head:ner'], head_learning_rate: 2.0e-2",
        "train: [heads, 'top:1'], thawed_learning_rate: 1.0e-5",
    )
    assert rates(one)[1] == {"classifier": 1e-3, "ner": 2e-2, "layer 5": 1e-5}


def test_a_layer_that_was_frozen_in_between_keeps_its_last_rate() -> None:
    chain = plan(
        "train: ['layer:0'], learning_rate: 7.0e-4",
        "train: ['layer:1']",
        "train: ['layers:0-2'], thawed_learning_rate: 1.0e-5",
    )
    assert rates(chain)[2] == {"layer 0": 7e-4, "layer 1": 3e-4, "layer 2": 1e-5}


def test_layer_decay_divides_the_rate_as_it_divides_others() -> None:
    decayed = plan(
        "train: ['top:1']",
        "train: ['top:3'], thawed_learning_rate: 4.0e-5",
        more="layer_decay: 2.0\n",
    )
    assert rates(decayed)[1] == {"layer 5": 3e-4, "layer 4": 4e-5 / 2, "layer 3": 4e-5 / 4}


def test_biases_thawed_first_keep_their_rate_beside_the_weights_of_their_layer() -> None:
    both = plan("train: ['*.bias']", "train: ['top:1'], thawed_learning_rate: 1.0e-5")
    _, table = parameter_tables(both, MODEL)
    found = {row.name: row.learning_rate for row in table.rows if row.learning_rate}
    dense = "bert.encoder.layer.5.output.dense"
    assert (found[f"{dense}.bias"], found[f"{dense}.weight"]) == (3e-4, 1e-5)
    # a group's rate is its highest in the table, and in the events of a step
    assert group_rates(table, 1, 1) == {"layer 5": 3e-4}
    assert f'"{dense}.weight": 1e-05' in torch_snippet((table,), MODEL, "x")


def test_the_key_is_written_and_read() -> None:
    assert parse_plan(plan_to_yaml(THAWING)) == THAWING
    assert plan_to_yaml(THAWING).count("thawed_learning_rate: ") == 2


def test_rates_of_the_command_line_replace_it_and_a_factor_scales_it() -> None:
    assert rates(THAWING.with_rates(1e-4, 4e-3))[3] == {
        **dict.fromkeys(HEADS, 4e-3),
        **dict.fromkeys(("layer 5", "layer 4", "layer 3"), 1e-4),
    }
    assert rates(THAWING.with_rates(None, 4e-3))[3]["layer 3"] == 2e-6
    doubled = at_factor(spec_of("full", plan=THAWING), 2.0).plan
    assert rates(doubled)[3] == {name: 2 * rate for name, rate in rates(THAWING)[3].items()}


@pytest.mark.parametrize(
    ("phases", "problem"),
    [
        (
            ("train: [all], learning_rate: 1.0e-3, thawed_learning_rate: 1.0e-4",),
            r"phase 1: 'learning_rate' is the rate of every tensor of the phase, "
            r"'thawed_learning_rate' only that of newly thawed layers; remove one of the two\.",
        ),
        (("train: [all], thawed_learning_rate: 0",), r"'thawed_learning_rate' of phase 1: .*got 0"),
        (
            ("train: [all], thawed_learning_rat: 1",),
            r"Did you mean 'thawed_learning_rate'\?",
        ),
        (
            ("train: [heads], thawed_learning_rate: 1.0e-4",),
            r"Phase 'phase 1' has 'thawed_learning_rate' 0\.0001, the rate of newly thawed layers, "
            r"but thaws none: it trains no layer\. Remove the rate, or add layers to 'train'\.",
        ),
        (
            ("train: ['top:2']", "train: [heads, 'top:1'], thawed_learning_rate: 1.0e-4"),
            r"Phase 'phase 2' has .* thaws none: earlier phases train all of its layers\.",
        ),
    ],
    ids=["two rates", "zero", "misspelt", "no layer", "none new"],
)
def test_a_rate_that_cannot_apply_is_refused_with_its_place(
    phases: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(InvalidPlan, match=problem):
        parameter_tables(plan(*phases), MODEL)


def test_a_stored_plan_without_the_key_is_read() -> None:
    stored: dict[str, Any] = THAWING.model_dump(mode="json")
    for phase in stored["phases"]:
        del phase["thawed_learning_rate"]
    assert all(each.thawed_learning_rate is None for each in Plan.model_validate(stored).phases)
