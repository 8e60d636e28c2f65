from mtl_core.analysis.price import price_of, with_trials
from tests.run_story import spec_of

TWO_BY_TWO = [
    spec_of(scenario, seed=seed, epochs=3.0)
    for seed in (1, 2)
    for scenario in ("heads-only", "full")
]


def test_without_past_runs_the_price_is_that_of_two_cores() -> None:
    price = price_of(TWO_BY_TWO, [])
    assert (price.seconds, price.measured_here) == (2 * 6 + 2 * 35, False)


def test_an_equal_time_costs_the_same_whatever_learns() -> None:
    assert price_of(TWO_BY_TWO, [], seconds_each=20.0).seconds == 4 * 24.0


def test_trying_rates_costs_a_run_of_the_first_seed_for_each_factor_but_one() -> None:
    tried = with_trials(TWO_BY_TWO, (0.3, 1.0, 3.0))
    assert [spec.seed for spec in tried] == [1, 1, 2, 2, 1, 1, 1, 1]
    assert price_of(tried, []).seconds == 82 + 2 * 41


def test_one_factor_or_none_is_tried_by_no_run_of_its_own() -> None:
    assert with_trials(TWO_BY_TWO, (3.0,)) == with_trials(TWO_BY_TWO, ()) == TWO_BY_TWO
