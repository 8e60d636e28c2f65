from collections.abc import Iterable

import pytest
from pandas import DataFrame
from streamlit.testing.v1 import AppTest

from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunState
from mtl_core.training.events import RunEvent
from tests.run_story import Story, both, scores, spec_of
from tests.visiting import heading, visited


def compare_page(**query: str) -> AppTest:
    return visited("compare", **query)


def story(scenario: str, sentiment: float, ner: float, **changes: object) -> Story:
    spec = spec_of(scenario, **changes)
    return (
        Story(spec, [4] * len(spec.plan.phases))
        .start()
        .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(0.5)] * 4)
        .evaluate(scores(sentiment, ner, (0.5, 0.2)))
        .finish(scores(sentiment, ner, (0.5, 0.2)))
    )


def stored(lab: Lab, events: Iterable[RunEvent]) -> str:
    told = list(events)
    record = lab.store.add(told[0].spec, RunState.RUNNING)
    lab.store.append(record.id, told)
    return record.id


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def with_column(app: AppTest, name: str) -> DataFrame:
    return next(each.value for each in app.dataframe if name in each.value.columns)


@pytest.fixture
def three(lab: Lab) -> list[str]:
    return [
        stored(lab, story("heads-only", 0.70, 0.30)),
        stored(lab, story("top-1", 0.85, 0.50)),
        stored(lab, story("full", 0.90, 0.51)),
    ]


def test_a_value_of_the_address_that_is_too_long_is_named(lab: Lab) -> None:
    app = compare_page(data="x" * 501)
    assert [each.value for each in app.warning if "Data xxx" in each.value and "500" in each.value]


def test_an_empty_store_says_what_is_needed_and_leads_to_train(lab: Lab) -> None:
    app = compare_page()
    assert heading(app) == "Nothing to compare yet"
    assert "Two finished runs are enough. Three seeds for each plan" in texts(app)
    app.button(key="to_train").click().run()
    assert heading(app) == "No run yet"


def test_one_run_is_not_enough(lab: Lab) -> None:
    stored(lab, story("full", 0.9, 0.5))
    assert "There is one run; one more is needed" in texts(compare_page())


def test_the_newest_finished_runs_are_compared_and_the_address_holds_them(
    three: list[str],
) -> None:
    app = compare_page()
    assert (
        heading(app) == "Sentiment: full is highest (not tested). NER: full is highest (not tested)"
    )
    assert app.pills(key="runs").value == three
    assert app.query_params["runs"] == ",".join(three)
    assert "3 runs · minilm-l6 · data: sample (80 + 80 sentences) · 1 epoch" in texts(app)


def test_single_runs_have_differences_and_no_verdict(three: list[str]) -> None:
    table = with_column(compare_page(), "Plan")
    assert list(table["Plan"]) == ["full", "top layer", "heads only"]
    assert list(table["A accuracy"]) == [0.90, 0.85, 0.70]
    assert list(table["A against best"]) == [
        *("not tested", "−0.050 (not tested)", "−0.200 (not tested)"),
    ]
    assert list(table["B entity F1"]) == [0.51, 0.50, 0.30]
    assert list(table["B against best"]) == [
        *("not tested", "−0.010 (not tested)", "−0.210 (not tested)"),
    ]
    assert list(table["Trainable"]) == ["22,567,686", "1,776,774", "2,310"]
    assert list(table["Frozen tensors"]) == ["none frozen", "unchanged", "unchanged"]
    assert list(table["Peak MB"]) == ["745"] * 3


def test_runs_of_the_address_are_compared_in_its_order_and_unknown_ones_named(
    three: list[str],
) -> None:
    app = compare_page(runs=f"{three[2]},261124-0000-nothing-0000,{three[0]}")
    assert "261124-0000-nothing-0000 was ignored" in texts(app)
    assert app.pills(key="runs").value == [three[2], three[0]]
    assert app.query_params["runs"] == f"{three[2]},{three[0]}"


def test_choosing_other_runs_changes_the_table_and_the_address(three: list[str]) -> None:
    app = compare_page()
    app.pills(key="runs").set_value(three[:2]).run()
    assert not app.exception
    assert app.query_params["runs"] == ",".join(three[:2])
    assert heading(app).startswith("Sentiment: top layer is highest (not tested)")
    app.pills(key="runs").set_value([]).run()
    assert not app.exception
    assert heading(app) == "Choose two runs or more"
    assert "runs" not in app.query_params


def test_at_most_forty_runs_are_compared_and_the_others_named(lab: Lab) -> None:
    waiting = [lab.store.add(spec_of("top-1", seed=seed), RunState.RUNNING) for seed in range(41)]
    ids = [record.id for record in waiting]
    app = compare_page(runs=",".join(ids))
    assert app.pills(key="runs").value == ids[:40]
    assert f"At most 40 runs are compared: {ids[40]} left out" in texts(app)


@pytest.fixture
def seeds(lab: Lab) -> list[str]:
    return [
        stored(lab, story(scenario, accuracy + (seed - 2) * apart, f1 + (seed - 2) / 50, seed=seed))
        for scenario, accuracy, f1, apart in (
            ("heads-only", 0.72, 0.34, 0.01),
            ("full", 0.92, 0.54, 0.012),
        )
        for seed in (1, 2, 3)
    ]


def test_runs_of_one_plan_with_several_seeds_are_one_row(seeds: list[str]) -> None:
    app = compare_page()
    table = with_column(app, "Frozen tensors")
    assert list(table["Plan"]) == ["full", "heads only"]
    assert list(table["A accuracy"]) == pytest.approx([0.92, 0.72])
    assert list(table["B entity F1"]) == pytest.approx([0.54, 0.34])
    assert list(table["Trainable"]) == ["22,567,686", "2,310"]
    assert list(table["Frozen tensors"]) == ["none frozen", "unchanged"]
    assert "2 plans, 6 runs · minilm-l6" in texts(app)
    assert "seeds 1, 2, 3" in texts(app)
    assert app.selectbox(key="first_plan").value != app.selectbox(key="second_plan").value


def test_the_error_rate_of_the_test_is_next_to_the_explanation_of_the_verdicts(
    seeds: list[str],
) -> None:
    captions = [each.value for each in compare_page().caption]
    (rule,) = [
        number for number, each in enumerate(captions) if each.startswith("Means over seeds")
    ]
    errors = captions[rule + 1]
    assert "How often the test calls one of several equal plans worse, in 2,000 simulated" in errors
    assert errors.endswith("Repeat the trials: `python benchmarks/a_a_trials.py`.")


def test_the_verdicts_lead_to_the_page_that_explains_them(seeds: list[str]) -> None:
    links = [each.proto for each in compare_page().get("page_link")]
    (link,) = [each for each in links if each.label == "How Freeze Lab decides"]
    assert (link.page, link.query_string) == ("guide", "guide_part=Decisions")


def test_a_plan_that_is_chosen_is_compared_with_the_others(seeds: list[str]) -> None:
    app = compare_page()
    app.selectbox(key="reference").set_value("heads only").run()
    assert not app.exception
    table = with_column(app, "Frozen tensors")
    full, heads = table["A against heads only"]
    assert full.startswith("above, +0.200 (+0.19")
    assert heads == ""
    # Equal differences of all seeds have no interval.
    assert table["B against heads only"][0] == "+0.200 (not tested)"


def test_plans_that_have_not_run_every_seed_say_how_many(lab: Lab, seeds: list[str]) -> None:
    running = stored(lab, story("top-1", 0.8, 0.4, seed=1).events[:-1])
    table = with_column(compare_page(runs=",".join([*seeds, running])), "Frozen tensors")
    assert dict(zip(table["Plan"], table["Seeds"], strict=True)) == {
        "full": "3 of 3",
        "heads only": "3 of 3",
        "top layer": "0 of 3",
    }


@pytest.mark.parametrize("cost", ["seconds", "peak memory", "trained share"])
def test_quality_is_drawn_against_each_cost(seeds: list[str], cost: str) -> None:
    app = compare_page()
    app.segmented_control(key="cost_axis").set_value(cost).run()
    assert not app.exception
    assert "Filled: on the Pareto front. Bars: lowest to highest seed." in texts(app)


def test_a_single_seed_per_plan_is_named(three: list[str]) -> None:
    assert (
        "Filled: on the Pareto front. With one seed per plan, differences may be due to chance."
        in texts(compare_page())
    )


def test_single_runs_are_not_judged_by_the_test_and_say_nothing_of_it(three: list[str]) -> None:
    assert "How often the test calls" not in texts(compare_page())


def test_the_newest_runs_of_one_checkpoint_and_data_are_preselected(lab: Lab) -> None:
    pair = [stored(lab, story(name, 0.8, 0.4)) for name in ("top-1", "full")]
    stored(lab, story("full", 0.9, 0.5, data="mine/manifest.yaml"))
    assert compare_page().pills(key="runs").value == pair


def test_runs_that_differ_in_more_than_the_plan_are_called_so(lab: Lab) -> None:
    stored(lab, story("top-1", 0.8, 0.4))
    stored(lab, story("full", 0.9, 0.5, seed=2))
    assert heading(compare_page()) == (
        "These 2 plans share no seed: run them with the same seeds to compare them"
    )


def test_a_running_run_is_shown_with_what_it_has_and_not_judged(lab: Lab, three: list[str]) -> None:
    running = stored(lab, story("top-2", 0.95, 0.6).events[:-1])
    app = compare_page(runs=",".join([*three, running]))
    table = with_column(app, "Plan")
    assert list(table["Plan"])[-1] == "top 2 layers"
    assert list(table["A against best"])[-1] == ""
    assert list(table["Seconds"])[-1] == ""
    assert app.button(key="update").label == "Update"


def test_only_what_differs_between_the_specs_is_shown(three: list[str]) -> None:
    app = compare_page(runs=",".join(three[:2]))
    keys = with_column(app, "Key")
    assert "plan.phases.1.train" in set(keys["Key"])
    assert "checkpoint" not in set(keys["Key"])


def test_two_plans_stand_side_by_side_with_only_what_differs(three: list[str]) -> None:
    app = compare_page()
    assert app.selectbox(key="first_plan").value == "heads only"
    assert "20 of 107 tensors differ, 1,776,774 parameters" in texts(app)
    app.selectbox(key="second_plan").set_value("heads only").run()
    assert not app.exception
    assert "give all 107 tensors the same state and rate" in texts(app)
    app.toggle(key="only_different").set_value(False).run()
    assert not app.exception
    table = with_column(app, "Parameter")
    assert len(table) == 107


@pytest.mark.parametrize("axis", ["step", "epoch", "seconds"])
def test_the_losses_follow_their_controls(three: list[str], axis: str) -> None:
    app = compare_page()
    app.segmented_control(key="x_axis").set_value(axis).run()
    assert str(training_loss_note()) in texts(app)
    app.pills(key="losses").set_value([]).run()
    assert str(training_loss_note()) not in texts(app)
    app.selectbox(key="in_color").set_value("top layer").run()
    assert not app.exception
    assert texts(app).count("In colour: top layer") == 2


def test_a_section_without_an_interactive_view_is_drawn_from_its_blocks(lab: Lab) -> None:
    first = stored(lab, story("heads-only", 0.70, 0.30))
    second = stored(lab, story("full", 0.90, 0.50, starts_from=first))
    app = compare_page(runs=f"{first},{second}")
    assert "## Staged training" in texts(app)
    assert list(with_column(app, "Stage")["Run"]) == [first, f"{second} (this run)"]
