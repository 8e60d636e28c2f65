import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan_file import parse_plan
from mtl_core.ui.plan.fields import rate_from
from tests.visiting import heading, visited

FROZEN_EMBEDDINGS = "name: mine\nphases:\n- {name: all, train: [all]}\nfreeze: [embeddings]\n"
TWO_PHASES = """name: mine
phases:
- {name: heads, train: [heads], learning_rate: 0.01}
- {name: top, train: [heads, 'top:1'], epochs: 2.0}
"""


def press(app: AppTest, key: str) -> AppTest:
    app.get_by_key(key).click().run()
    assert not app.exception
    return app


def enter(app: AppTest, key: str, value: object) -> AppTest:
    app.get_by_key(key).set_value(value).run()
    assert not app.exception
    return app


def toggle(app: AppTest, block: str) -> AppTest:
    """Press the button of a block, as a click on the picture does."""
    pressed = set(app.get_by_key("plan_blocks").value)
    return enter(app, "plan_blocks", sorted(pressed ^ {block}))


def text(app: AppTest) -> str:
    return str(app.get_by_key("plan_text").value)


def train(app: AppTest, phase: int = 1) -> tuple[str, ...]:
    return parse_plan(text(app)).phases[phase - 1].train


def words(app: AppTest, kind: str) -> str:
    return "\n".join(each.value for each in getattr(app, kind)).replace("\\", "")


def test_a_click_changes_the_text_and_the_address(lab: Lab) -> None:
    app = toggle(visited("plan"), "layer 5")
    assert heading(app) == ":orange[1,776,774] of 22,715,526 parameters are trainable: 7.8 %"
    assert train(app) == ("heads", "top:1")
    assert parse_plan(text(app)).name == "heads-only, edited"
    again = visited("plan", plan="".join(app.query_params["plan"]))
    assert text(again) == text(app)
    assert train(toggle(app, "layer 5")) == ("heads",)


def test_freeze_and_train_have_the_plan_that_was_made(lab: Lab) -> None:
    app = toggle(visited("plan"), "layer 5")
    app.switch_page("pages/freeze.py").run()
    assert heading(app).startswith(":orange[1,776,774]")
    app.switch_page("pages/train.py").run()
    assert not app.exception
    assert "heads-only, edited" in app.get_by_key("start").label


def test_undo_and_redo_go_back_to_the_scenario_and_forth(lab: Lab) -> None:
    app = visited("plan", scenario="top-1")
    assert app.get_by_key("undo_edit").disabled
    toggle(toggle(app, "layer 4"), "embeddings")
    assert train(press(app, "undo_edit")) == ("heads", "top:2")
    press(app, "undo_edit")
    assert "plan" not in app.query_params
    assert heading(app).startswith(":orange[1,776,774]")
    press(press(app, "redo_edit"), "redo_edit")
    assert train(app) == ("heads", "top:2", "embeddings")
    assert app.get_by_key("redo_edit").disabled


def test_changes_made_on_another_page_can_be_undone(lab: Lab) -> None:
    app = toggle(visited("plan"), "layer 5")
    enter(app, "begin_from", "full")
    assert heading(app).startswith(":orange[22,567,686]")
    assert train(press(app, "undo_edit")) == ("heads", "top:1")


def test_a_block_frozen_by_a_rule_can_be_unfrozen(lab: Lab) -> None:
    app = toggle(visited("plan", plan=FROZEN_EMBEDDINGS), "embeddings")
    assert "embeddings stays frozen" in words(app, "warning")
    assert "embeddings" not in app.get_by_key("plan_blocks").value
    press(app, "lift_rule")
    assert words(app, "warning") == ""
    assert parse_plan(text(app)).freeze == ()
    assert heading(app).startswith(":orange[22,567,686]")


def test_a_click_changes_only_the_selected_phase(lab: Lab) -> None:
    app = toggle(visited("plan", plan=TWO_PHASES, phase="2"), "layer 4")
    assert train(app, 1) == ("heads",)
    assert train(app, 2) == ("heads", "top:2")
    assert heading(app) == ":orange[2,310, then 3,551,238] of 22,715,526 parameters are trainable"


def test_a_phase_is_added_with_one_layer_more_moved_and_removed(lab: Lab) -> None:
    app = press(visited("plan", plan=TWO_PHASES), "add_phase")
    assert train(app, 3) == ("heads", "top:2")
    assert app.get_by_key("phase").value == 3
    assert app.get_by_key("phase_epochs").value == 2.0
    press(app, "move_earlier")
    assert [phase.name for phase in parse_plan(text(app)).phases] == ["heads", "+ layer 4", "top"]
    press(app, "remove_phase")
    assert [phase.name for phase in parse_plan(text(app)).phases] == ["heads", "top"]
    assert app.get_by_key("phase").value == 1


def test_rates_epochs_and_names_are_written_into_the_plan(lab: Lab) -> None:
    app = visited("plan", plan=TWO_PHASES, phase="2")
    for key, value in (
        ("phase_rate", "2e-5"),
        ("phase_epochs", 1.5),
        ("phase_name", "last"),
        ("plan_head_rate", "0.002"),
        ("plan_schedule", "cosine"),
        ("plan_decay", 2.6),
        ("weight_ner", 0.5),
    ):
        enter(app, key, value)
    plan = parse_plan(text(app))
    last = plan.phases[1]
    assert (last.name, last.epochs, last.learning_rate) == ("last", 1.5, 2e-5)
    assert (plan.head_learning_rate, plan.schedule, plan.layer_decay) == (0.002, "cosine", 2.6)
    assert plan.task_weights == {"ner": 0.5}
    enter(app, "phase_rate", "")
    assert parse_plan(text(app)).phases[1].learning_rate is None


def test_rates_chosen_on_another_page_are_in_the_plan_once_it_is_edited(lab: Lab) -> None:
    app = toggle(visited("plan", scenario="top-1", learning_rate="0.0007"), "layer 4")
    assert parse_plan(text(app)).learning_rate == 7e-4
    assert "learning_rate" not in app.query_params


@pytest.mark.parametrize(
    ("key", "typed", "reason"),
    [
        ("plan_rate", "quick", "'quick' is not a learning rate. Enter a number such as 3e-4"),
        ("plan_rate", "", "'learning_rate'"),
        ("plan_head_rate", "11", "less than or equal to 10"),
        ("plan_name", "", "'name'"),
        ("plan_decay", 0.5, "greater than or equal to 1"),
    ],
)
def test_an_invalid_entry_shows_an_error_and_stays_in_its_field(
    lab: Lab, key: str, typed: object, reason: str
) -> None:
    app = toggle(visited("plan"), "layer 5")
    before = text(app)
    enter(app, key, typed)
    assert reason in words(app, "error")
    assert app.get_by_key(key).value == typed
    assert text(app) == before
    assert words(toggle(app, "layer 4"), "error") == ""


def test_a_rule_shows_its_matches_and_is_added(lab: Lab) -> None:
    app = enter(visited("plan"), "try_rule", "top:2")
    assert "Matches **32 tensors, 3,548,928 parameters**" in words(app, "markdown")
    press(app, "add_rule")
    assert train(app) == ("heads", "top:2")
    assert app.get_by_key("try_rule").value == ""
    press(app, "remove_train_0")
    assert train(app) == ("top:2",)


def test_a_rule_that_matches_nothing_names_the_nearest(lab: Lab) -> None:
    app = enter(visited("plan"), "try_rule", "embedings")
    assert "Nearest: embeddings" in words(app, "warning")
    assert train(app) == ("heads",)


def test_a_rule_can_freeze_in_every_phase_and_be_removed(lab: Lab) -> None:
    app = enter(visited("plan", scenario="full"), "try_rule", "embeddings")
    press(app, "freeze_rule")
    assert parse_plan(text(app)).freeze == ("embeddings",)
    assert heading(app).startswith(":orange[10,649,094]")
    press(app, "remove_freeze_0")
    assert heading(app).startswith(":orange[22,567,686]")


def test_a_plan_file_is_used_and_can_be_undone(lab: Lab) -> None:
    app = visited("plan")
    app.get_by_key("plan_file_0").upload("two.yaml", TWO_PHASES.encode(), "text/yaml").run()
    assert heading(app) == ":orange[2,310, then 1,776,774] of 22,715,526 parameters are trainable"
    assert parse_plan(text(app)) == parse_plan(TWO_PHASES)
    press(app, "undo_edit")
    assert heading(app).startswith(":orange[2,310] of")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name: mine\nphasen: []\n", "phasen"),
        (b"name: mine\nphases:\n- {name: a, train: ['top:9']}\n", "N goes from 1 to 6"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"{", "is not a plan"),
    ],
)
def test_an_invalid_plan_file_shows_an_error_and_the_plan_stays(
    lab: Lab, content: bytes, reason: str
) -> None:
    app = toggle(visited("plan"), "layer 5")
    before = text(app)
    app.get_by_key("plan_file_0").upload("bad.yaml", content, "text/yaml").run()
    assert reason in words(app, "error")
    assert "The plan was not changed" in words(app, "error")
    assert text(app) == before


def test_invalid_text_stays_in_the_field_and_the_plan_stays(lab: Lab) -> None:
    app = toggle(visited("plan"), "layer 5")
    enter(app, "plan_text", "name: mine")
    assert "'phases' is missing" in words(app, "error")
    assert text(app) == "name: mine"
    assert heading(app).startswith(":orange[1,776,774]")
    enter(app, "plan_text", TWO_PHASES)
    assert words(app, "error") == ""
    assert parse_plan(text(app)) == parse_plan(TWO_PHASES)


def test_invalid_text_in_the_address_is_shown_for_correction(lab: Lab) -> None:
    app = visited("plan", plan="name: mine")
    assert "'phases' is missing" in words(app, "warning")
    assert text(app) == "name: mine"
    assert train(toggle(app, "layer 5")) == ("heads", "top:1")


def test_a_single_phase_shows_its_fields_if_it_has_its_own_rates(lab: Lab) -> None:
    assert "phase_rate" not in [each.key for each in visited("plan").text_input]
    only = "name: mine\nphases:\n- {name: all, train: [all], learning_rate: 0.001}\n"
    assert visited("plan", plan=only).get_by_key("phase_rate").value == "1e-3"


def test_the_freeze_page_leads_here(lab: Lab) -> None:
    app = visited("freeze")
    app.session_state["more"] = True
    app.run()
    assert "Edit the plan on its own page" in [each.proto.label for each in app.get("page_link")]


def test_the_headline_shows_the_most_parameters_of_many_phases(lab: Lab) -> None:
    answer = ":orange[2,310, then up to 22,567,686] of 22,715,526 parameters are trainable"
    assert heading(visited("plan", scenario="ulmfit")) == answer


@pytest.mark.parametrize(
    ("typed", "rate"), [("3e-4", 3e-4), (" 0.001 ", 1e-3), ("", None), (None, None)]
)
def test_a_rate_is_parsed(typed: str | None, rate: float | None) -> None:
    assert rate_from(typed) == rate


def test_an_invalid_rate_is_refused() -> None:
    with pytest.raises(
        InvalidPlan, match=r"'1,5' is not a learning rate\. Enter a number such as 3e-4 or"
    ):
        rate_from("1,5")
