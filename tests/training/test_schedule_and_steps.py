"""Epochs as steps, and rates as they move."""

import pytest

from mtl_core.errors import InvalidRun
from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.training.phases import learning_steps, phase_steps, steps_per_epoch
from mtl_core.training.schedule import rate_factor
from mtl_core.training.spec import RunSpec


def spec(*shares, epochs=3.0):
    phases = [Phase(name=f"phase {n}", train=("heads",), epochs=e) for n, e in enumerate(shares)]
    return RunSpec(
        checkpoint="x", plan=Plan(name="p", phases=tuple(phases)), tasks=(), epochs=epochs
    )


@pytest.mark.parametrize(
    ("examples", "batch_size", "steps"), [(12, 4, 3), (13, 4, 4), (3, 16, 1), (1, 1, 1)]
)
def test_an_epoch_has_a_step_for_each_batch_the_last_one_smaller(examples, batch_size, steps):
    assert steps_per_epoch(examples, batch_size) == steps


@pytest.mark.parametrize(
    ("shares", "epochs", "per_epoch", "steps"),
    [
        ((1.0,), 3.0, 10, (30,)),
        ((1.0, 1.0, 1.0), 3.0, 10, (10, 10, 10)),
        ((2.0, 1.0), 3.0, 10, (20, 10)),
        ((1.0, 1.0, 1.0), 1.0, 10, (3, 4, 3)),
        ((0.5, 1.5), 2.0, 10, (5, 15)),
        ((0.25, 0.25), 0.5, 7, (2, 2)),
        ((1.0,), 0.1, 10, (1,)),
        ((10.0, 30.0), 1.0, 4, (1, 3)),
    ],
)
def test_the_runs_steps_are_shared_in_proportion(shares, epochs, per_epoch, steps):
    assert phase_steps(spec(*shares, epochs=epochs), per_epoch) == steps


@pytest.mark.parametrize("phases", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("epochs", [1.0, 1.3, 2.5, 7.0])
def test_the_phases_steps_add_up_to_the_runs(phases, epochs):
    shares = [1.0 + n / 3 for n in range(phases)]

    assert sum(phase_steps(spec(*shares, epochs=epochs), 11)) == round(epochs * 11)


def test_a_phase_under_one_step_is_refused_by_name():
    with pytest.raises(InvalidRun, match=r"Phase 'phase 0' would last under one step: 1 epochs"):
        phase_steps(spec(0.01, 1.0, epochs=1.0), 10)


def test_a_run_under_one_step_is_refused_with_what_to_do():
    with pytest.raises(InvalidRun, match=r"Raise --epochs, lower --batch-size, or give"):
        phase_steps(spec(1.0, epochs=0.1), 3)


def test_a_run_with_a_phase_under_one_step_says_so_before_its_first_event(bench):
    with pytest.raises(InvalidRun, match=r"Phase 'heads' would last under one step"):
        bench.run(bench.spec("gradual", epochs=0.3))


def test_a_phase_in_which_nothing_learns_keeps_its_share_and_takes_no_step(bench):
    tables = bench.tables(bench.plan(["heads"], [], ["all"]))

    assert learning_steps(tables, (4, 3, 5)) == (4, 0, 5)


def test_fractional_epochs_are_taken_to_the_step(bench, of):
    events = bench.run(bench.spec("heads-only", epochs=1.5, batch_size=2))

    steps = of(events, "step")
    assert len(steps) == 9
    assert steps[-1].epoch == 1.5
    assert of(events, "phase_started")[0].epochs == 1.5
    assert [event.step for event in of(events, "evaluation")] == [0, 6, 9]


def test_a_linear_schedule_warms_up_over_a_tenth_and_ends_a_step_before_zero():
    factors = [rate_factor(Schedule.LINEAR, step, 20) for step in range(1, 21)]

    assert factors[:3] == [0.5, 1.0, 18 / 19]
    assert factors == [0.5, 1.0, *(each / 19 for each in range(18, 0, -1))]


@pytest.mark.parametrize(
    ("steps", "factors"),
    [
        (1, [1.0]),
        (2, [1.0, 1 / 2]),
        (3, [1.0, 2 / 3, 1 / 3]),
        (10, [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]),
    ],
)
def test_a_short_phase_still_has_a_step_at_its_full_rate(steps, factors):
    assert [rate_factor(Schedule.LINEAR, s, steps) for s in range(1, steps + 1)] == factors


@pytest.mark.parametrize("steps", [30, 60, 70, 120, 140, 1000])
def test_a_tenth_of_a_multiple_of_ten_is_exact(steps):
    assert rate_factor(Schedule.LINEAR, steps // 10, steps) == 1.0


@pytest.mark.parametrize("schedule", list(Schedule))
@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 19, 70, 99, 101])
def test_no_step_has_a_rate_of_zero_or_more_than_the_full_one(schedule, steps):
    factors = [rate_factor(schedule, step, steps) for step in range(1, steps + 1)]

    assert max(factors) == 1.0
    assert min(factors) > 0.0


def test_a_constant_schedule_never_moves():
    assert {rate_factor(Schedule.CONSTANT, step, 7) for step in range(1, 8)} == {1.0}


@pytest.mark.parametrize(
    ("steps", "factors"),
    [
        (1, [1.0]),
        (2, [1.0, 1 / 2]),
        (3, [1.0, 3 / 4, 1 / 4]),  # cosines of 60 and 120 degrees
        (12, {1: 1 / 2, 2: 1.0, 3: 0.9797464868072487, 12: 0.020253513192751316}),  # of pi / 11
        (20, {1: 1 / 2, 2: 1.0, 20: 0.006819348298638839}),  # of 18 / 19 pi
    ],
)
def test_a_cosine_warms_up_like_linear_and_ends_a_step_before_zero(steps, factors):
    wanted = factors if isinstance(factors, dict) else dict(enumerate(factors, 1))

    assert {step: rate_factor(Schedule.COSINE, step, steps) for step in wanted} == pytest.approx(
        wanted, abs=1e-12
    )


@pytest.mark.parametrize(
    ("steps", "factors"),
    [
        # cut 1: p = 1 - (t - 1) / 9, a rate of (9 + 31 (10 - t)) / 288
        (10, [n / 288 for n in (288, 257, 226, 195, 164, 133, 102, 71, 40, 9)]),
        # cut 2: p = 1/2, 1, then 1 - (t - 2) / 18, a rate of (18 + 31 (20 - t)) / 576
        (20, [16.5 / 32, 1.0, *((18 + 31 * (20 - t)) / 576 for t in range(3, 21))]),
        # cut 10, at four steps: p = 0.1, 1, 0.5, 0
        (100, {1: 0.128125, 10: 1.0, 55: 0.515625, 100: 0.03125}),
    ],
)
def test_a_slanted_triangle_is_equation_3_of_howard_and_ruder(steps, factors):
    wanted = factors if isinstance(factors, dict) else dict(enumerate(factors, 1))

    got = {step: rate_factor(Schedule.SLANTED_TRIANGULAR, step, steps) for step in wanted}
    assert got == pytest.approx(wanted, abs=1e-12)


def test_where_ten_does_not_divide_the_steps_the_cut_is_floored_and_the_rate_stays_at_its_lowest():
    """Equation 3 alone would give -0.943 at step 19: p is -1 there."""
    factors = [rate_factor(Schedule.SLANTED_TRIANGULAR, step, 19) for step in range(1, 20)]

    falling = [n / 288 for n in (288, 257, 226, 195, 164, 133, 102, 71, 40)]
    assert factors == pytest.approx([*falling, *[1 / 32] * 10], abs=1e-12)


def test_a_slanted_triangle_under_ten_steps_has_its_peak_at_the_first():
    factors = [rate_factor(Schedule.SLANTED_TRIANGULAR, step, 4) for step in range(1, 5)]

    assert factors == pytest.approx([1.0, 257 / 288, 226 / 288, 195 / 288], abs=1e-12)
