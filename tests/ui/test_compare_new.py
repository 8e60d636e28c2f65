"""Starting, watching and choosing comparisons on the Compare page."""

from collections.abc import Mapping

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.report.repeat import compare_command
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord
from mtl_core.tasks.task import TaskKind
from mtl_core.tasks.uploads import UploadedFile, UploadedTask
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFailed
from tests.run_story import Story, both, scores
from tests.stored_runs import claim
from tests.visiting import heading, visited

TWO = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only", "full"), seeds=(1, 2))
SCORES = {"heads-only": (0.70, 0.30), "full": (0.90, 0.50)}


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def finish(
    lab: Lab,
    record: ComparisonRecord,
    count: int,
    scores_of: Mapping[str, tuple[float, float]] = SCORES,
) -> None:
    """The first `count` runs run to their end."""
    for run in record.runs[:count]:
        sentiment, ner = scores_of[run.spec.scenario or ""]
        seed = run.spec.seed
        by_seed = seed / 100 if scores_of is SCORES else sentiment * seed / 10
        end = scores(sentiment + by_seed, ner + 2 * by_seed, (0.5, 0.2))
        story = (
            Story(run.spec, [4] * len(run.spec.plan.phases), run.id)
            .start()
            .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
            .phase()
            .learn([both(0.5)] * 4)
            .evaluate(end)
            .finish(end)
        )
        assert claim(lab.store, Owner.this_process()) is not None
        lab.store.append(run.id, list(story))


@pytest.fixture
def two(lab: Lab) -> ComparisonRecord:
    return lab.start_comparison(TWO)


def test_an_empty_page_names_a_comparison_with_its_price_and_starts_it(lab: Lab) -> None:
    app = visited("compare")
    button = app.button(key="first_comparison")
    assert button.label == ("Compare heads only, top layer and full on the sample: about 3 min")
    button.click().run()
    assert not app.exception
    started = lab.store.comparisons()[0]
    assert started.spec.arm_names == ("heads-only", "top-1", "full")
    assert started.spec.seeds == (0, 1, 2)
    assert app.query_params["comparison"] == started.id
    assert heading(app).startswith("Waiting for results: no plan has finished yet")


@pytest.mark.parametrize(("name", "shown"), [("Our mail", "Our mail"), ("", "your upload: mood")])
def test_the_form_calls_an_upload_by_its_name(lab: Lab, name: str, shown: str) -> None:
    files = (
        UploadedFile(file, b"text,label\nGood.,up\nBad.,down\n") for file in ("a.csv", "b.csv")
    )
    task = UploadedTask("mood", TaskKind.SENTENCE, "mood", *files, text="text", label="label")
    app = visited("compare", data=lab.save_upload((task,), name=name))
    assert f"On **minilm-l6** and data **{shown}**, batches of 16" in texts(app)


def test_the_form_asks_for_exactly_what_was_chosen(lab: Lab) -> None:
    app = visited("compare")
    app.pills(key="scenarios").set_value(["heads-only", "gradual"]).run()
    app.segmented_control(key="seeds").set_value(2).run()
    app.segmented_control(key="examples").set_value([100]).run()
    app.number_input(key="length_epochs").set_value(1.0).run()
    app.select_slider(key="label_noise_ner").set_value(0.2).run()
    assert app.button(key="start_comparison").label == "Start: under a minute"
    (command,) = [code.value for code in app.code]
    app.button(key="start_comparison").click().run()
    assert not app.exception
    spec = lab.store.comparisons()[0].spec
    assert command == compare_command(spec)
    assert spec.arm_names == ("heads-only", "gradual")
    assert (len(spec.seeds), spec.epochs, spec.seconds) == (2, 1.0, None)
    assert spec.examples == {"sentiment": 100, "ner": 100}
    assert spec.label_noise == {"ner": 0.2}


def test_several_numbers_of_sentences_are_one_comparison_with_its_price(lab: Lab) -> None:
    app = visited("compare")
    app.pills(key="scenarios").set_value(["heads-only", "full"]).run()
    app.segmented_control(key="examples").set_value([0, 200, 50]).run()
    assert "2 plans × 3 sizes × 3 seeds = 18 runs, one after another" in texts(app)
    assert app.button(key="start_comparison").label == "Start: about 4 min"
    app.button(key="start_comparison").click().run()
    assert not app.exception
    made = lab.store.comparisons()[0]
    assert (made.spec.train_sizes, made.spec.examples) == ((50, 200, None), {})
    assert len(made.runs) == 18
    app.segmented_control(key="examples").set_value([]).run()
    assert app.button(key="start_comparison").disabled
    assert "Choose a number of training sentences" in texts(app)


def test_the_fold_of_rarer_fields_asks_for_what_the_command_can(lab: Lab) -> None:
    app = visited("compare")
    app.pills(key="scenarios").set_value(["heads-only", "full"]).run()
    app.pills(key="sweep").set_value([3.0, 0.3, 1.0]).run()
    app.pills(key="other_data").set_value(["sample-posts"]).run()
    app.toggle(key="random_encoder").set_value(True).run()
    app.toggle(key="separate_runs").set_value(True).run()
    app.number_input(key="margin").set_value(0.02).run()
    app.segmented_control(key="budget").set_value("seconds").run()
    app.number_input(key="length_seconds").set_value(5.0).run()
    app.text_input(key="comparison_name").set_value("From nothing").run()
    assert "6 runs, one after another, and 4 for the learning rate sweep" in texts(app)
    assert "follows from the measured duration of one epoch" in texts(app)
    assert app.button(key="start_comparison").label == "Start: about 2 min"
    app.button(key="start_comparison").click().run()
    assert not app.exception
    started = lab.store.comparisons()[0]
    assert started.name == "From nothing"
    assert started.spec.sweep == (0.3, 1.0, 3.0)
    assert started.spec.also_evaluate == ("sample-posts",)
    assert started.spec.random_backbone
    assert started.spec.separate_runs
    assert started.spec.margin == 0.02
    assert started.spec.seconds == 5.0


def test_the_data_that_runs_learn_from_are_not_offered_to_score_on_too(lab: Lab) -> None:
    app = visited("compare", data="sample-posts")
    assert list(app.pills(key="other_data").options) == ["sample"]  # the small one is a part of it
    app = visited("compare", data="sample-small")
    assert list(app.pills(key="other_data").options) == ["sample-posts"]


def test_a_form_without_a_plan_starts_nothing(lab: Lab) -> None:
    app = visited("compare")
    app.pills(key="scenarios").set_value([]).run()
    assert app.button(key="start_comparison").disabled
    assert "Choose a plan, preferably two or more" in texts(app)


def test_results_appear_while_the_rest_is_on_its_way(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 2)
    app = visited("compare", comparison=two.id)
    table = next(each.value for each in app.dataframe if "Frozen tensors" in each.value.columns)
    assert list(table["Plan"]) == ["full", "heads only"]
    assert list(table["Seeds"]) == ["1 of 2", "1 of 2"]
    assert heading(app).startswith("So far: Sentiment: ")
    assert app.button(key="stop_comparison").label == "Stop"


def test_a_comparison_is_stopped_and_resumed(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 1)
    app = visited("compare", comparison=two.id)
    app.button(key="stop_comparison").click().run()
    assert not app.exception
    assert lab.store.comparison(two.id).ended
    app.run()
    assert "1 of 4 runs finished, 3 stopped." in texts(app)
    app.button(key="resume_comparison").click().run()
    assert not app.exception
    assert not lab.store.comparison(two.id).ended


def test_seeds_are_added_where_a_plan_is_undecided(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 4, {"heads-only": (0.60, 0.30), "full": (0.64, 0.31)})
    app = visited("compare", comparison=two.id)
    assert "undecided between full and heads only" in heading(app)
    button = app.button(key="more_seeds")
    assert button.label == "Add 5 seeds"
    button.click().run()
    assert not app.exception
    more = lab.store.comparison(two.id)
    last = max(two.spec.seeds)
    assert more.spec.seeds == (*two.spec.seeds, *range(last + 1, last + 6))
    assert more.spec.looks == (2,)
    assert len(more.runs) == 14
    shown = texts(visited("compare", comparison=two.id))
    assert "Seeds were added: looks with 2 and 7 seeds" in shown


def test_no_seeds_are_offered_without_an_undecided_plan(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 4)
    app = visited("compare", comparison=two.id)
    assert not [each for each in app.button if each.key == "more_seeds"]


def test_the_progress_names_two_of_the_running_runs(lab: Lab, two: ComparisonRecord) -> None:
    for _ in range(3):
        assert claim(lab.store, Owner.this_process()) is not None
    (bar,) = visited("compare").get("progress")
    assert bar.proto.text == (
        "**0** of 4 runs finished · now heads only, seed 1; full, seed 1 and 1 more"
    )


def test_the_form_says_how_many_runs_are_trained_at_a_time(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lab, "runs_at_once", lambda _lab, *_: 4)
    assert "9 runs, 4 at a time" in texts(visited("compare"))


def test_a_failed_run_is_reported(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 3)
    assert claim(lab.store, Owner.this_process()) is not None
    failed = RunFailed(elapsed_seconds=1.0, reason="too little memory")
    lab.store.append(two.runs[3].id, [failed])
    assert "3 of 4 runs finished, 1 failed." in texts(visited("compare"))


def test_the_newest_comparison_is_shown_and_its_address_brings_it_back(
    lab: Lab, two: ComparisonRecord
) -> None:
    finish(lab, two, 4)
    app = visited("compare")
    assert heading(app).startswith("Sentiment: ")
    assert app.query_params["comparison"] == two.id
    assert "runs" not in app.query_params
    assert app.selectbox(key="comparison").value == two.id


def test_the_page_opens_on_the_newest_comparison_with_two_scored_plans_and_no_stopped_run(
    lab: Lab, two: ComparisonRecord
) -> None:
    finish(lab, two, 4)
    stopped = lab.start_comparison(TWO)
    finish(lab, stopped, 2)
    lab.stop_comparison(stopped.id)
    lab.start_comparison(TWO)  # waits
    assert visited("compare").query_params["comparison"] == two.id


def test_without_results_the_page_opens_on_the_newest_comparison(
    lab: Lab, two: ComparisonRecord
) -> None:
    newer = lab.start_comparison(TWO)
    assert visited("compare").query_params["comparison"] == newer.id


def test_stopped_and_failed_runs_do_not_count_as_finished(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 1)
    assert claim(lab.store, Owner.this_process()) is not None
    lab.store.append(two.runs[1].id, [RunFailed(elapsed_seconds=1.0, reason="no memory")])
    (bar,) = visited("compare", comparison=two.id).get("progress")
    assert bar.proto.text.startswith("**1** of 4 runs finished · 1 failed")


def test_single_runs_are_chosen_instead_of_a_comparison(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 4)
    app = visited("compare")
    app.selectbox(key="comparison").set_value("").run()
    assert not app.exception
    assert "comparison" not in app.query_params
    assert app.pills(key="runs").value == [run.id for run in two.runs]


def test_an_unknown_comparison_is_named(lab: Lab, two: ComparisonRecord) -> None:
    finish(lab, two, 4)
    app = visited("compare", comparison="261124-0000-nothing-0000")
    assert "261124-0000-nothing-0000 was ignored" in texts(app)
