import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.analysis.training_losses import training_loss_note
from mtl_core.engine.lab import Lab
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.report.repeat import train_command
from mtl_core.store.record import RunRecord, RunState
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind
from mtl_core.training.events import RunEvent, RunFailed, RunStopped
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Starting
from mtl_core.ui.train import run_form
from tests.run_story import Story, both, finished_heads_only, minilm, scores, spec_of
from tests.visiting import heading, visited


def train_page(**query: str) -> AppTest:
    return visited("train", **query)


def stored(lab: Lab, events: Iterable[RunEvent], state: RunState = RunState.RUNNING) -> RunRecord:
    told = list(events)
    record = lab.store.add(told[0].spec, state)
    lab.store.append(record.id, told)
    return lab.store.run(record.id)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error, app.warning, app.info)
    values = [each.value for elements in shown for each in elements]
    values += [each.proto.text for each in app.get("progress")]
    return "\n".join(values).replace("\\", "")


def test_an_empty_store_says_what_a_run_costs_and_offers_heads_only(lab: Lab) -> None:
    app = train_page()
    assert heading(app) == "No run yet"
    assert "about a minute on two cores" in texts(app)
    assert app.button(key="start").label == "Train heads only on the sample data"
    assert not app.button(key="start").disabled
    assert "150 steps of 16 sentences" in texts(app)


def test_an_address_alone_starts_nothing(lab: Lab) -> None:
    train_page(scenario="full", seed="3", epochs="1", start="true")
    assert lab.store.runs() == []


def test_the_form_has_the_command_of_the_run_that_its_button_starts(lab: Lab) -> None:
    app = train_page(scenario="top-1", epochs="2", label_noise="sentiment=0.2")
    (command,) = [code.value for code in app.code]
    app.button(key="start").click().run()
    (record,) = lab.store.runs()
    assert command == train_command(record.spec, minilm())
    assert "--epochs 2" in command


def test_the_start_button_starts_the_chosen_run_and_shows_it(lab: Lab) -> None:
    app = train_page()
    app.number_input(key="seed").set_value(7).run()
    app.number_input(key="head_learning_rate").set_value(0.02).run()
    app.button(key="start").click().run()
    (record,) = lab.store.runs()
    assert (record.spec.scenario, record.spec.seed, record.spec.data) == ("heads-only", 7, "sample")
    assert record.spec.plan.head_learning_rate == 0.02
    assert app.query_params["run"] == record.id
    assert heading(app) == "Next in the queue"
    assert app.button(key="stop").label == "Remove from the queue"


def test_a_double_click_starts_one_run(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_form, "monotonic", lambda: 100.0)
    app = train_page()
    app.button(key="start").click().run()
    app.button(key="start").click().run()
    assert len(lab.store.runs()) == 1


def test_a_run_is_found_again_by_its_address(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    app = train_page(run=record.id)
    assert heading(app) == "Finished: sentiment 0.77 accuracy, NER 0.42 entity F1"
    assert (
        "minilm-l6 · heads only · heads 7.1e-3 · data: sample (80 + 80 sentences) · "
        "sentence vector: first token · seed 1 · 1 epoch" in (texts(app))
    )
    assert [metric.label for metric in app.metric] == [
        "Sentiment accuracy",
        "NER entity F1",
        "Frozen, bit-identical",
        "Trainable parameters",
    ]
    assert [metric.value for metric in app.metric] == ["0.770", "0.420", "103 of 103", "2,310"]
    assert app.metric[0].delta == "validation, was 0.450"
    assert "**103 of 103** tensors bit-identical, by SHA-256" in texts(app)
    assert "peak memory of the process **745 MB**" in texts(app)
    assert any("## :violet[A · Sentiment] loss fell" in each.value for each in app.markdown)
    assert str(training_loss_note()) in texts(app)


def test_a_finished_run_shows_the_command_that_repeats_it(lab: Lab) -> None:
    app = train_page(run=stored(lab, finished_heads_only()).id)
    command = app.code[0].value
    assert "--checkpoint minilm-l6" in command
    assert "--scenario heads-only" in command
    assert "--seed 1" in command
    assert "--learning-rate" not in command


def test_an_unknown_run_is_named_and_the_others_are_listed(lab: Lab) -> None:
    stored(lab, finished_heads_only())
    app = train_page(run="261124-0000-nothing-0000")
    assert heading(app) == "There is no run “261124-0000-nothing-0000”"
    (table,) = [frame.value for frame in app.dataframe]
    assert list(table["State"]) == ["✓ finished"]
    assert list(table["Sentiment accuracy"]) == [0.77]
    assert len(app.selectbox(key="run").options) == 1


def test_the_table_of_runs_marks_seconds_that_were_shared(lab: Lab) -> None:
    stored(lab, finished_heads_only())
    assert "Shared" not in train_page(run="none").dataframe[0].value
    story = Story(spec_of("heads-only"), [1]).start().evaluate(scores(0.45, 0.02)).phase()
    story.learn([both(0.5)]).finish(scores(0.7, 0.4), beside=2)
    stored(lab, story)
    (table,) = [frame.value for frame in train_page(run="none").dataframe]
    assert list(table["Shared"]) == ["alongside 2 others", ""]


def test_a_failed_run_shows_its_reason_and_what_to_do(lab: Lab) -> None:
    story = Story(spec_of("heads-only"), [10]).start().phase().learn([both(0.5)] * 4)
    failed = [*story, RunFailed(elapsed_seconds=9.0, reason="Memory ran out: try a smaller batch.")]
    app = train_page(run=stored(lab, failed).id)
    assert heading(app) == "Failed at step 4 of 10"
    assert "Memory ran out: try a smaller batch" in app.error[0].value.replace("\\", "")
    assert "start the run again" in app.error[0].value


def test_a_stopped_run_keeps_what_it_measured(lab: Lab) -> None:
    story = Story(spec_of("gradual"), [10, 10, 10, 10]).start().evaluate(scores(0.45, 0.02))
    story.phase()
    stopped = [*story.learn([both(0.5)] * 4), RunStopped(elapsed_seconds=9.0, reason="stopped")]
    app = train_page(run=stored(lab, stopped).id)
    assert heading(app) == "Stopped at step 4 of 40"
    assert app.metric[0].value == "0.450"
    assert list(app.dataframe[0].value["State"]) == ["■ interrupted", *["○ not started"] * 3]


def test_an_interrupted_run_says_that_its_process_is_gone(lab: Lab) -> None:
    story = Story(spec_of("heads-only"), [10]).start().phase().learn([both(0.5)] * 4)
    record = stored(lab, story)
    lab.store.interrupt(record.id, "Freeze Lab was closed while it ran.")
    app = train_page(run=record.id)
    assert heading(app) == "Interrupted at step 4 of 10"
    assert list(app.dataframe[0].value["State"]) == ["■ interrupted"]
    assert "closed while it ran" in app.warning[0].value


def test_a_running_run_shows_its_phase_its_progress_and_a_stop_button(lab: Lab) -> None:
    story = Story(spec_of("gradual", epochs=4.0), [10, 10, 10, 10]).start()
    story.evaluate(scores(0.45, 0.02)).phase(1).learn([both(0.9)] * 10, 1).end_phase(1)
    story.phase(2).learn([both(0.5)] * 4, 2)
    record = stored(lab, story)
    app = train_page(run=record.id)
    assert heading(app) == "Training phase 2 of 4: heads and layer 5"
    assert app.get("progress")[0].proto.text.startswith("Step **14** of 40 · 14 s done")
    phases = app.dataframe[0].value
    assert list(phases["State"]) == ["✓ done", "● running", "○ waiting", "○ waiting"]
    assert list(phases["Steps"]) == ["10 of 10", "4 of 10", "0 of 10", "0 of 10"]
    assert list(phases["Frozen, identical"]) == ["103 of 103", "checked at the end", "", ""]
    app.button(key="stop").click().run()
    assert lab.store.run(record.id).stop_requested
    assert heading(app) == "Stopping after the current step"
    assert app.button(key="stop").disabled


@pytest.mark.parametrize(
    ("starting", "line"),
    [
        (
            Starting(stage=Stage.IMPORTS),
            "Importing torch and transformers",
        ),
        (
            Starting(stage=Stage.FROZEN_OUTPUTS, done=320, total=1800),
            "Computing the outputs of the frozen layers for all splits: 320 of 1,800 sentences",
        ),
    ],
)
def test_a_run_that_starts_shows_its_stage(lab: Lab, starting: Starting, line: str) -> None:
    record = lab.store.add(spec_of("heads-only"), RunState.RUNNING)
    lab.store.add_stage(record.id, starting.model_copy(update={"elapsed_seconds": 60.0}))
    app = train_page(run=record.id)
    assert heading(app) == "Starting the run"
    assert app.get("progress")[0].proto.text == line


def test_a_stage_between_two_phases_is_shown_until_the_next_event(lab: Lab) -> None:
    story = Story(spec_of("gradual", epochs=4.0), [10, 10, 10, 10]).start()
    story.evaluate(scores(0.45, 0.02)).phase(1).learn([both(0.9)] * 10, 1).end_phase(1)
    record = stored(lab, story)
    computing = Starting(stage=Stage.FROZEN_OUTPUTS, done=5, total=9, elapsed_seconds=60.0)
    lab.store.add_stage(record.id, computing)
    progress = train_page(run=record.id).get("progress")[0].proto
    assert (
        progress.text
        == "Computing the outputs of the frozen layers for all splits: 5 of 9 sentences"
    )
    lab.store.append(record.id, list(story.phase(2))[-1:])
    progress = train_page(run=record.id).get("progress")[0].proto
    assert progress.text.startswith("Step **10** of 40")


def test_a_waiting_run_shows_what_comes_before_it(lab: Lab) -> None:
    stored(lab, Story(spec_of("gradual"), [10, 10, 10, 10]).start())
    lab.store.add(spec_of("full"))
    record = lab.store.add(spec_of("top-1"))
    app = train_page(run=record.id)
    assert heading(app) == "Waiting: 2 runs before this one"
    before = [each.value for each in app.markdown if "· seed 1 ·" in each.value]
    assert ["running" in each for each in before] == [True, False]
    app.button(key="stop").click().run()
    assert lab.store.run(record.id).state is RunState.STOPPED


def test_missing_weights_disable_start_and_name_what_gets_them(lab: Lab) -> None:
    app = train_page(checkpoint="bert-base-uncased")
    assert app.button(key="start").disabled
    assert "The weights of 'bert-base-uncased' are not on this machine" in texts(app)
    assert sum("hf download" in each.value for each in app.code) == 1
    assert "hf download" not in texts(app)
    assert "with FREEZE_LAB_CHECKPOINTS set to the folder" in texts(app)
    app.button(key="use_embedded").click().run()
    assert not app.button(key="start").disabled
    assert app.query_params == {}


def test_a_phase_shorter_than_a_step_disables_start_and_says_why(lab: Lab) -> None:
    app = train_page(scenario="gradual", epochs="0.1", batch_size="512")
    assert app.button(key="start").disabled
    assert "would last under one step" in texts(app)


def test_data_outside_the_configured_folders_are_refused(lab: Lab, tiny_data: Path) -> None:
    app = train_page(data=str(tiny_data))
    assert "FREEZE_LAB_DATA" in texts(app)
    assert app.selectbox(key="data").value == "sample"


def test_an_ended_run_can_be_deleted(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    app = train_page(run=record.id)
    app.button(key="delete").click().run()
    assert lab.store.runs() == []
    assert "run" not in app.query_params
    assert heading(app) == "No run yet"
    assert "Deleted: **heads only, minilm-l6" in texts(app)


def test_a_deleted_run_is_brought_back_by_undo(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    app = train_page(run=record.id)
    app.button(key="delete").click().run()
    app.button(key="undo").click().run()
    assert lab.store.run(record.id) == record
    assert app.query_params["run"] == record.id
    assert "deleted" not in app.query_params
    assert heading(app).startswith("Finished")
    assert [each.key for each in app.button if each.key == "undo"] == []


def test_the_offer_to_undo_ends_when_the_run_is_forgotten(lab: Lab) -> None:
    app = train_page(run=stored(lab, finished_heads_only()).id)
    app.button(key="delete").click().run()
    lab.store.forget_hidden(before=datetime.now(UTC))
    app.button(key="undo").click().run()
    assert "There is no run" in app.toast[0].value
    assert "undo" not in [each.key for each in app.button]


def test_the_address_of_a_deleted_run_says_so_and_offers_undo(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    lab.delete(record.id)
    app = train_page(run=record.id)
    assert heading(app) == "This run was deleted"
    assert "can be restored until" in texts(app)
    assert "run" not in [each.key for each in app.selectbox]
    app.button(key="undo").click().run()
    assert heading(app).startswith("Finished")


def test_a_run_is_named_and_tagged_on_its_page(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    app = train_page(run=record.id)
    app.text_input(key=f"run_title_{record.id}").set_value(" The *first* ")
    app.text_input(key=f"run_tags_{record.id}").set_value("thesis, draft,")
    app.button(key="save_name").click().run()
    named = lab.store.run(record.id)
    assert (named.title, named.tags) == ("The *first*", ("thesis", "draft"))
    assert "**The \\*first\\***" in [each.value for each in app.markdown]
    badges = [each.value for each in app.markdown if each.value.startswith(":gray-badge")]
    assert badges == [":gray-badge[thesis]", ":gray-badge[draft]"]
    table = app.dataframe[-1].value
    assert list(table["Name"]) == ["The *first*"]
    assert [list(tags) for tags in table["Tags"]] == [["thesis", "draft"]]


def test_the_list_tells_a_random_encoder_from_a_pretrained_one(lab: Lab) -> None:
    lab.store.add(spec_of("heads-only"))
    lab.store.add(spec_of("heads-only", random_backbone=True))
    table = train_page(run="none").dataframe[-1].value
    assert list(table["Checkpoint"]) == ["minilm-l6, random encoder", "minilm-l6"]


def test_a_tag_that_is_too_long_is_refused_with_its_reason(lab: Lab) -> None:
    record = stored(lab, finished_heads_only())
    app = train_page(run=record.id)
    app.text_input(key=f"run_title_{record.id}").set_value("first")
    app.text_input(key=f"run_tags_{record.id}").set_value("y" * 31)
    app.button(key="save_name").click().run()
    assert "at most 30 are allowed" in app.toast[0].value
    assert (lab.store.run(record.id).title, lab.store.run(record.id).tags) == (None, ())


def test_a_waiting_run_can_be_named_too(lab: Lab) -> None:
    record = lab.store.add(spec_of("full"))
    app = train_page(run=record.id)
    app.text_input(key=f"run_title_{record.id}").set_value("later")
    app.button(key="save_name").click().run()
    assert lab.store.run(record.id).title == "later"


def test_the_table_is_filtered_by_words_and_by_tags(lab: Lab) -> None:
    first = lab.store.add(spec_of("full", seed=1)).id
    second = lab.store.add(spec_of("top-1", seed=2)).id
    lab.store.add(spec_of("heads-only", seed=3))
    lab.name_run(first, "Baseline", ["thesis"])
    lab.name_run(second, None, ["thesis", "fast"])
    app = train_page()
    assert len(app.dataframe[-1].value) == 3
    app.text_input(key="runs_filter").set_value("BASE seed 1").run()
    assert list(app.dataframe[-1].value["Name"]) == ["Baseline"]
    app.text_input(key="runs_filter").set_value("").run()
    app.button_group(key="tags_filter").set_value(["fast", "thesis"]).run()
    assert list(app.dataframe[-1].value["Seed"]) == [2]
    assert list(app.dataframe[-1].value["Epochs"]) == [1.0]
    app.text_input(key="runs_filter").set_value("nothing").run()
    assert "No run matches the filter" in texts(app)
    assert not app.dataframe
    lab.store.tag(second, [])
    lab.store.tag(first, [])
    app.text_input(key="runs_filter").set_value("").run()
    assert list(app.dataframe[-1].value["Seed"]) == [3, 2, 1]


def test_run_again_starts_the_same_spec_with_its_digests(lab: Lab) -> None:
    ran_on = {"weights_digest": "a" * 64, "data_digests": {"train.csv": "b" * 64}}
    story = Story(spec_of("heads-only", **ran_on), [10]).start().phase()
    done = stored(lab, [*story, RunStopped(elapsed_seconds=9.0, reason="stopped")])
    app = train_page(run=done.id)
    app.button(key="run_again").click().run()
    again, _ = lab.store.runs()
    assert again.spec == done.spec
    assert (again.spec.seed, again.spec.weights_digest) == (1, "a" * 64)
    assert app.query_params["run"] == again.id
    assert heading(app) == "Next in the queue"


def test_run_again_on_data_that_cannot_be_used_from_here_says_why(lab: Lab) -> None:
    story = Story(spec_of("heads-only", data="gone.yaml"), [10]).start().phase()
    done = stored(lab, [*story, RunStopped(elapsed_seconds=9.0, reason="stopped")])
    app = train_page(run=done.id)
    app.button(key="run_again").click().run()
    assert "'gone.yaml' is not allowed here" in texts(app)
    assert len(lab.store.runs()) == 1


def test_change_and_run_puts_the_choices_into_the_form_and_starts_nothing(lab: Lab) -> None:
    plan = scenario_plan("top-2", minilm()).with_rates(None, 0.02)
    spec = spec_of("top-2", seed=5, batch_size=8, epochs=2.0).model_copy(update={"plan": plan})
    record = stored(lab, [*Story(spec, [10]).start(), RunFailed(elapsed_seconds=1.0, reason="x")])
    app = train_page(run=record.id, seed="9", scenario="full")
    app.button(key="change_and_run").click().run()
    assert heading(app) == "Next run: heads and layers 4 and 5 are trainable"
    assert "run" not in app.query_params
    assert [app.number_input(key=key).value for key in ("seed", "batch_size", "epochs")] == [
        5,
        8,
        2,
    ]
    assert app.number_input(key="head_learning_rate").value == 0.02
    assert app.number_input(key="learning_rate").value is None
    assert (app.query_params["scenario"], app.query_params["seed"]) == ("top-2", "5")
    assert len(lab.store.runs()) == 1
    app.button(key="start").click().run()
    assert lab.store.runs()[0].spec == spec


def test_change_and_run_carries_a_plan_of_ones_own_and_says_what_it_cannot(lab: Lab) -> None:
    plan = scenario_plan("top-2", minilm()).model_copy(update={"name": "mine", "layer_decay": 2.6})
    own = {"scenario": None, "plan": plan, "examples": {"ner": 50}}
    story = Story(spec_of("top-2").model_copy(update=own), [10]).start()
    record = stored(lab, [*story, RunFailed(elapsed_seconds=1.0, reason="x")])
    app = train_page(run=record.id)
    app.button(key="change_and_run").click().run()
    assert "limited number of sentences (ner=50)" in app.toast[0].value.replace("\\", "")
    app.button(key="start").click().run()
    started = lab.store.runs()[0].spec
    assert (started.plan, started.scenario, started.examples) == (plan, None, {})


def test_a_waiting_run_says_its_place_and_when_it_begins(lab: Lab) -> None:
    stored(lab, Story(spec_of("gradual"), [10, 10, 10, 10]).start().phase().learn([both(1)] * 10))
    earlier = lab.store.add(spec_of("top-1"))
    record = lab.store.add(spec_of("full"))
    app = train_page(run=record.id)
    assert "Position **2** in the queue: start time unknown: no run similar to" in texts(app)
    assert "waiting · duration unknown" in texts(app)
    _finish(lab, spec_of("top-1"), seconds=170)
    app.run()
    assert "Position **2** in the queue: it starts in **about 3 min**." in texts(app)
    assert "running · under a minute left" in texts(app)
    assert "seed 1 · waiting · about 3 min" in texts(app)
    assert "Position **1** in the queue" in texts(train_page(run=earlier.id))


def test_an_unknown_start_time_is_explained_by_the_run_without_timed_steps(lab: Lab) -> None:
    stored(lab, Story(spec_of("gradual"), [10, 10, 10, 10]).start())
    app = train_page(run=lab.store.add(spec_of("full")).id)
    assert "start time unknown: too few steps of" in texts(app)


def _finish(lab: Lab, spec: RunSpec, seconds: float) -> None:
    """A finished run that began so long before it ended."""
    story = Story(spec, [10]).start().finish(scores(0.5, 0.5))
    run = stored(lab, story).id
    with closing(sqlite3.connect(lab.settings.database)) as connection, connection:
        ended = lab.store.run(run).finished_at
        assert ended is not None
        began = (ended - timedelta(seconds=seconds)).isoformat(timespec="microseconds")
        connection.execute("UPDATE runs SET started_at = ? WHERE id = ?", (began, run))


def test_the_picker_opens_another_run(lab: Lab) -> None:
    first = stored(lab, finished_heads_only())
    second = stored(lab, Story(spec_of("gradual"), [10, 10, 10, 10]).start())
    app = train_page(run=second.id)
    app.selectbox(key="run").set_value(first.id).run()
    assert app.query_params["run"] == first.id
    assert heading(app).startswith("Finished")


def test_the_new_run_button_leads_back_to_the_form(lab: Lab) -> None:
    app = train_page(run=stored(lab, finished_heads_only()).id)
    app.button(key="new_run").click().run()
    assert heading(app) == "Next run: heads are trainable"
    assert "run" not in app.query_params


@pytest.mark.parametrize("count", [1, 3])
def test_a_run_of_any_number_of_tasks_has_a_card_and_a_panel_for_each(lab: Lab, count: int) -> None:
    extra = Task(name="topic", kind=TaskKind.SENTENCE, head="topic", outputs=("a", "b", "c"))
    tasks = (*DEFAULT_TASKS, extra)[:count]
    spec = spec_of("heads-only").model_copy(update={"tasks": tasks})
    story = Story(spec, [10]).start().phase()
    story.learn([{task.name: 0.5 for task in tasks}] * 4)
    app = train_page(run=stored(lab, story).id)
    titles = ["Sentiment accuracy", "NER entity F1", "Topic accuracy"]
    assert [metric.label for metric in app.metric][:count] == titles[:count]
    assert len(app.metric) == count + 2
    assert len([each for each in app.markdown if each.value.startswith("## :")]) == count
