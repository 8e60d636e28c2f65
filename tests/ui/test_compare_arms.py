"""Plans that are collected on several pages and compared with settings of their own."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.store.record import RunState
from mtl_core.training.arm import ComparisonArm, named_arm
from mtl_core.training.options import RunOptions
from mtl_core.ui.compare.arms import own_values
from mtl_core.ui.shared.arms import arm_of
from tests.run_story import Story, both, minilm, scores, spec_of
from tests.visiting import heading, visited

OWN_PLAN = "name: mine\nphases:\n  - {name: all, train: [heads, biases]}"


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def add(app: AppTest) -> AppTest:
    app.button(key="add_arm").click().run()
    assert not app.exception
    return app


def to(app: AppTest, page: str) -> AppTest:
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def rows(app: AppTest) -> list[str]:
    """The titles of the collected plans, without their bold names' stars."""
    labels = [each.label.replace("*", "").replace("\\", "") for each in app.expander]
    return [label for label in labels if " · " in label and "claim" not in label]


def started(lab: Lab, app: AppTest) -> tuple[ComparisonArm, ...]:
    app.button(key="start_comparison").click().run()
    assert not app.exception
    return lab.store.comparisons()[0].spec.arms


@pytest.fixture
def two(lab: Lab) -> AppTest:
    """The Compare page after a scenario with its own rate and an own plan were collected."""
    app = add(visited("freeze", scenario="top-1", learning_rate="0.001"))
    app = add(to_plan(app))
    return to(app, "compare")


def to_plan(app: AppTest) -> AppTest:
    """The visitor's own plan, without the rate of the scenario before."""
    app.query_params.clear()
    del app.session_state["_choice"]
    app.query_params["plan"] = OWN_PLAN
    return to(app, "plan")


def test_plans_of_two_pages_are_listed_with_what_differs(two: AppTest) -> None:
    assert rows(two) == [
        "top-1 (learning-rate 0.001) · top layer · learning rate 0.001",
        "mine · mine · all settings shared",
    ]
    assert "New comparison with 2 collected plans" in texts(two)
    assert "6 runs, one after another" in texts(two)
    assert two.button(key="start_comparison").label.startswith("Start: ")


def test_collected_plans_are_trained_as_they_were_collected(lab: Lab, two: AppTest) -> None:
    top, mine = started(lab, two)
    assert top == named_arm("top-1", learning_rate=0.001)
    assert (mine.name, mine.scenario) == ("mine", None)
    assert mine.plan is not None
    assert mine.plan.phases[0].train == ("heads", "biases")
    assert heading(two).startswith("Waiting for results")
    assert rows(two) == []
    assert "arms" not in two.query_params


def test_scenarios_of_the_form_are_compared_beside_them(lab: Lab, two: AppTest) -> None:
    two.pills(key="scenarios").set_value(["full"]).run()
    assert "9 runs, one after another" in texts(two)
    names = [arm.name for arm in started(lab, two)]
    assert names == ["full", "top-1 (learning-rate 0.001)", "mine"]


def test_they_survive_a_visit_to_another_page_and_a_new_session(two: AppTest) -> None:
    listed, address = rows(two), two.query_params["arms"]
    assert rows(to(to(two, "data"), "compare")) == listed
    (text,) = address if isinstance(address, list) else [address]
    assert rows(visited("compare", arms=text)) == listed


def test_the_fields_give_a_plan_its_own_settings(lab: Lab, two: AppTest) -> None:
    two.number_input(key="arm_1_epochs").set_value(1.0).run()
    two.number_input(key="arm_1_weight_ner").set_value(0.0).run()
    two.selectbox(key="arm_1_vector").set_value("first-token").run()
    two.number_input(key="arm_1_head_learning_rate").set_value(0.02).run()
    two.text_input(key="arm_2_name").set_value("  biases  ").run()
    assert not two.exception
    assert rows(two)[1] == "biases · mine · all settings shared"
    top, mine = started(lab, two)
    assert (top.learning_rate, top.head_learning_rate) == (0.001, 0.02)
    assert top.task_weights == {"ner": 0.0}
    assert top.options == {"epochs": 1.0, "sentence_vector": SentenceVector.FIRST_TOKEN}
    assert mine.name == "biases"


def test_a_field_that_is_emptied_takes_the_shared_value_again(two: AppTest) -> None:
    two.number_input(key="arm_2_epochs").set_value(7.0).run()
    assert rows(two)[1] == "mine (epochs 7) · mine · epochs 7"
    two.number_input(key="arm_2_epochs").set_value(None).run()
    assert rows(two)[1] == "mine · mine · all settings shared"


def test_a_plan_is_removed_alone_or_with_all_others(two: AppTest) -> None:
    two.button(key="arm_1_remove").click().run()
    assert rows(two) == ["mine · mine · all settings shared"]
    two.button(key="clear_arms").click().run()
    assert not two.exception
    assert rows(two) == []
    assert "collected plan" not in texts(two)


def test_the_same_plan_is_collected_once(lab: Lab) -> None:
    app = add(add(visited("freeze", scenario="top-1")))
    assert len(rows(to(app, "compare"))) == 1


def test_scenarios_of_the_form_become_plans_that_can_be_edited(lab: Lab) -> None:
    app = visited("compare")
    app.pills(key="scenarios").set_value(["heads-only", "full"]).run()
    app.button(key="edit_arms").click().run()
    assert rows(app) == [
        "heads-only · heads only · all settings shared",
        "full · full · all settings shared",
    ]
    app.number_input(key="arm_2_epochs").set_value(1.0).run()
    assert started(lab, app)[1] == named_arm("full", options={"epochs": 1.0})


def test_a_run_is_added_with_the_settings_in_which_it_differs(lab: Lab) -> None:
    plan = scenario_plan("full", minilm()).model_copy(update={"task_weights": {"ner": 0.5}})
    vector = SentenceVector.MEAN
    spec = spec_of("full", plan=plan, epochs=2.0, batch_size=8, sentence_vector=vector)
    record = lab.store.add(spec, RunState.RUNNING)
    story = Story(spec, [1], record.id).start().evaluate(scores(0.5, 0.1)).phase()
    lab.store.append(record.id, list(story.learn([both(0.5)]).finish(scores(0.8, 0.5))))
    app = to(add(visited("train", run=record.id)), "compare")
    (title,) = rows(app)
    assert title.startswith(f"{plan.name} (epochs 2, batch-size 8) · {plan.name} · ")
    (arm,) = started(lab, app)
    assert arm.plan == plan
    assert arm.options == {"epochs": 2.0, "batch_size": 8}


def test_arms_that_cannot_be_trained_are_named_and_nothing_starts(lab: Lab) -> None:
    arms = [{"name": "full", "scenario": "full", "checkpoint": "/etc"}]
    app = visited("compare", arms=json.dumps(arms))
    assert app.button(key="start_comparison").disabled
    assert "Arm 'full (etc)'" in texts(app)
    app = visited("compare", arms="[{}]")
    assert "The plans to compare in the address were ignored" in texts(app)
    assert rows(app) == []


def test_only_values_that_differ_from_the_comparison_are_its_own() -> None:
    values = {"checkpoint": "a", "options": {"epochs": 3.0, "starts_from": None}}
    arm = arm_of(None, {"scenario": "full", **values})
    assert own_values(arm, "a", RunOptions()) == named_arm("full")
    other = own_values(arm, "b", RunOptions(epochs=2.0, starts_from="run"))
    assert other == named_arm("full", checkpoint="a", options={"epochs": 3.0, "starts_from": None})
    assert other.name == "full (a, epochs 3, starts-from none)"
    assert own_values(arm_of("mine", {"scenario": "full", **values}), "a", RunOptions()).name == (
        "mine"
    )


def test_the_name_of_a_plan_file_has_single_spaces_in_the_form() -> None:
    plan = scenario_plan("full", minilm()).model_copy(update={"name": "my  plan "})
    arm = arm_of(None, {"plan": plan, "options": {"epochs": 2}})
    assert arm.name == "my plan"
    assert own_values(arm, "minilm-l6", RunOptions()).name == "my plan (epochs 2)"
