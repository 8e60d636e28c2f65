"""Each scenario, trained: what a phase freezes is still, what it thaws moves."""

import pytest

from mtl_core.freezing.table import State

ONE_PHASE = ("layernorm", "bitfit", "bottom-1", "bottom-2", "embeddings-frozen")


def learning(table):
    return {row.name for row in table.rows if row.state is State.TRAINABLE}


def expected(names):
    """Attention does not depend on its key's bias: its gradient is rounding noise, or nothing."""
    return {name for name in names if not name.endswith("key.bias")}


@pytest.mark.parametrize("scenario", ONE_PHASE)
def test_a_scenario_of_one_phase_moves_what_learns_and_nothing_else(
    bench, of, moved, written, tmp_path, scenario
):
    start = bench.start()

    events = bench.run(bench.spec(scenario), tmp_path / "output")

    (table,) = bench.tables(bench.scenario(scenario))
    changed = moved(start, written(tmp_path / "output"))
    assert expected(changed) == expected(learning(table))
    assert changed <= learning(table)
    assert of(events, "run_finished")[0].frozen_identical is True


@pytest.mark.parametrize(
    ("scenario", "epochs"),
    [
        ("lp-ft", (1, 2)),
        ("chain-thaw", (1, 2, 3, 4, 5)),
        ("ulmfit", (1, 2, 3, 6)),
    ],
)
def test_each_phase_moves_what_it_thaws_and_nothing_else(
    bench, of, moved, tmp_path, scenario, epochs
):
    """A run broken off after each phase: the same steps, so the same weights up to there."""
    plan = bench.scenario(scenario)
    assert len(plan.phases) == len(epochs)
    before = bench.start()
    for number, (total, table) in enumerate(zip(epochs, bench.tables(plan), strict=True), 1):
        begun = plan.model_copy(update={"phases": plan.phases[:number]})
        after = bench.end(bench.spec(begun, epochs=total), tmp_path / str(number))
        changed = moved(before, after)
        assert expected(changed) == expected(learning(table)), table.phase.name
        assert changed <= learning(table), table.phase.name
        before = after


@pytest.mark.parametrize("scenario", ["lp-ft", "chain-thaw", "ulmfit"])
def test_every_phase_is_proved_frozen_and_evaluated(bench, of, scenario):
    plan = bench.scenario(scenario)

    events = bench.run(bench.spec(plan, epochs=6))

    finished = of(events, "phase_finished")
    assert [each.phase for each in finished] == [phase.name for phase in plan.phases]
    assert all(each.frozen_identical for each in finished)
    assert {each.phase for each in of(events, "evaluation")} == {p.name for p in plan.phases}
