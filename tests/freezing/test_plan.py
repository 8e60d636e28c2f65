import pytest
from pydantic import ValidationError

from mtl_core.freezing.plan import GENTLE_LAYER_DECAY, Phase, Plan, with_gentle_decay
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml

RATE, HEADS = 3e-5, 2e-3  # the plan's
OWN, OWN_HEADS = 7e-4, 8e-3  # the phase's
ASKED, ASKED_HEADS = 4e-6, 5e-4  # the caller's


def plan_with(own: float | None, own_heads: float | None) -> Plan:
    phase = Phase(name="p", train=("all",), learning_rate=own, head_learning_rate=own_heads)
    return Plan(name="plan", phases=(phase,), learning_rate=RATE, head_learning_rate=HEADS)


@pytest.mark.parametrize(
    ("own", "own_heads", "found"),
    [
        (None, None, (RATE, HEADS)),
        (OWN, None, (OWN, OWN)),  # one rate for all that learns in the phase
        (None, OWN_HEADS, (RATE, OWN_HEADS)),
        (OWN, OWN_HEADS, (OWN, OWN_HEADS)),
    ],
)
def test_rates_of_a_phase_take_precedence_over_those_of_the_plan(
    own: float | None, own_heads: float | None, found: tuple[float, float]
) -> None:
    plan = plan_with(own, own_heads)

    assert plan.rates_in(plan.phases[0]) == found


@pytest.mark.parametrize("own", [None, OWN])
@pytest.mark.parametrize("own_heads", [None, OWN_HEADS])
@pytest.mark.parametrize("asked", [None, ASKED])
@pytest.mark.parametrize("asked_heads", [None, ASKED_HEADS])
def test_a_new_rate_replaces_all_rates_of_its_kind_and_no_others(
    own: float | None, own_heads: float | None, asked: float | None, asked_heads: float | None
) -> None:
    plan = plan_with(own, own_heads)
    before, before_heads = plan.rates_in(plan.phases[0])

    changed = plan.with_rates(asked, asked_heads)

    assert changed.rates_in(changed.phases[0]) == (asked or before, asked_heads or before_heads)
    assert changed.learning_rate == (asked or RATE)
    assert changed.head_learning_rate == (asked_heads or HEADS)
    assert changed.with_rates(asked, asked_heads) == changed


def test_no_new_rates_give_the_same_plan() -> None:
    plan = plan_with(OWN, None)

    assert plan.with_rates() == plan


def test_a_rate_out_of_range_is_refused_wherever_it_comes_from() -> None:
    for rate in (0.0, -1.0, 11.0, float("nan"), float("inf"), True):
        with pytest.raises(ValidationError, match="learning_rate"):
            plan_with(None, None).with_rates(learning_rate=rate)
        with pytest.raises(ValidationError, match="learning_rate"):
            plan_with(rate, None)


def test_two_phases_of_one_name_are_refused() -> None:
    phase = Phase(name="twice", train=())
    with pytest.raises(ValidationError, match="two phases are called 'twice'"):
        Plan(name="plan", phases=(phase, phase))


def test_a_plan_never_changes() -> None:
    plan = plan_with(None, None)
    with pytest.raises(ValidationError, match="frozen"):
        plan.learning_rate = 1.0  # type: ignore[misc]


def test_a_gentler_plan_differs_in_its_decay_and_its_name_alone() -> None:
    steep = plan_with(OWN, None).model_copy(update={"layer_decay": 2.6})

    gentle = with_gentle_decay(steep)

    assert (gentle.name, gentle.layer_decay) == ("plan, 0.95 per layer", GENTLE_LAYER_DECAY)
    assert GENTLE_LAYER_DECAY == 1 / 0.95
    assert gentle.model_copy(update={"name": "plan", "layer_decay": 2.6}) == steep
    assert parse_plan(plan_to_yaml(gentle)) == gentle


@pytest.mark.parametrize("decay", [1.0, 1.05, 1 / 0.95])
def test_a_plan_with_gentle_decay_is_returned_unchanged(decay: float) -> None:
    plan = plan_with(None, None).model_copy(update={"layer_decay": decay})

    assert with_gentle_decay(plan) is plan


def test_the_longest_name_still_has_room_for_what_a_gentler_plan_adds() -> None:
    plan = Plan(name="n" * 120, phases=(Phase(name="p", train=()),), layer_decay=2.6)

    assert parse_plan(plan_to_yaml(with_gentle_decay(plan))).name == "n" * 100 + ", 0.95 per layer"
