"""What the picture of the rates over a run says of a plan."""

import itertools

import pytest

from mtl_core.charts.rates import STEPS_DRAWN, schedule_figure
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from tests.run_story import minilm


def drawn(plan: Plan) -> dict[str, list[float | None]]:
    figure = schedule_figure(parameter_tables(plan, minilm()), 3.0, LIGHT)
    return {line.name: list(line.y) for line in figure.data}


def test_equal_rates_share_a_line_and_frozen_groups_have_none() -> None:
    assert list(drawn(scenario_plan("top-2", minilm()))) == ["heads", "layers 5-4"]
    assert list(drawn(scenario_plan("full", minilm()))) == ["heads", "layers 5-0, emb."]
    assert drawn(scenario_plan("frozen", minilm())) == {}


def test_discriminative_rates_are_a_line_for_each_layer_2_6_times_apart() -> None:
    lines = drawn(scenario_plan("discriminative", minilm()))
    layers = [f"layer {number}" for number in range(5, -1, -1)]
    assert list(lines) == ["heads", *layers, "emb."]
    for above, below in itertools.pairwise(layers):
        assert lines[above][100] == pytest.approx(2.6 * (lines[below][100] or 0))


def test_a_part_has_no_rate_in_a_phase_that_freezes_it_and_phases_share_the_run() -> None:
    phases = (
        Phase(name="heads", train=("heads",), epochs=1, learning_rate=1e-2),
        Phase(name="top", train=("heads", "top:1"), epochs=2),
    )
    plan = Plan(
        name="two",
        phases=phases,
        learning_rate=3e-4,
        head_learning_rate=1e-3,
        schedule=Schedule.CONSTANT,
    )
    lines = drawn(plan)
    third = STEPS_DRAWN // 3
    assert lines["heads"] == [1e-2] * third + [1e-3] * (2 * third)
    assert lines["layer 5"] == [None] * third + [3e-4] * (2 * third)
