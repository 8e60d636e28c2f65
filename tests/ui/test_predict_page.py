"""The Predict page, on real models of a tiny encoder asked through a real child."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunEvent
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec
from tests.stored_runs import claim
from tests.visiting import heading, visited

EXAMPLES = {"sentiment": 8, "ner": 8}


@pytest.fixture(scope="module")
def trained(
    tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[RunSpec, list[RunEvent], Path]]:
    """Two short runs on a few sentences of the sample, with their models, by plan."""
    found = {}
    for name, selectors in (("heads", ("heads",)), ("everything", ("all",))):
        spec = RunSpec(
            checkpoint=str(tiny_checkpoint),
            plan=Plan(name=name, phases=(Phase(name="one", train=selectors),), learning_rate=0.01),
            data="sample",
            tasks=load_tasks("sample", ANY_FILE),
            epochs=2,
            batch_size=4,
            max_length=16,
            examples=EXAMPLES,
        )
        folder = tmp_path_factory.mktemp("models") / name
        found[name] = spec, list(fine_tune(spec, name, folder)), folder
    return found


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path) -> Iterator[Lab]:
    """The process's lab, which may read the tiny checkpoint."""
    settings = Settings.from_environment()
    opened = Lab(settings.model_copy(update={"checkpoint_roots": (tiny_checkpoint.parent,)}))
    monkeypatch.setattr(lab_module, "_lab", opened)
    yield opened
    opened.store.close()


@pytest.fixture
def runs(lab: Lab, trained: dict[str, tuple[RunSpec, list[RunEvent], Path]]) -> list[str]:
    ids = []
    for spec, events, _ in trained.values():
        record = lab.store.add(spec, RunState.RUNNING)
        lab.store.append(record.id, events)
        ids.append(record.id)
    return ids


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.warning, app.error)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_without_a_model_the_page_says_what_to_do_and_why_runs_are_not_offered(
    lab: Lab, trained: dict[str, tuple[RunSpec, list[RunEvent], Path]]
) -> None:
    spec, events, _ = trained["heads"]
    record = lab.store.add(spec, RunState.RUNNING)
    last = events[-1].model_copy(update={"output": None})
    lab.store.append(record.id, [*events[:-1], last])
    app = visited("predict")
    assert heading(app) == "No trained model yet"
    assert f"Not available: Run '{record.id}' has no saved model" in texts(app)
    app.button(key="to_train").click().run()
    assert not app.exception
    assert heading(app) != "No trained model yet"


def test_a_first_visitor_sees_what_the_chosen_model_says_before_training(
    lab: Lab, tiny_checkpoint: Path
) -> None:
    chosen = {"checkpoint": str(tiny_checkpoint), "max_length": "32"}
    app = visited("predict", text="anna was in oslo", **chosen)
    assert heading(app) == "No trained model yet"
    assert "labels and entities are at chance level" in texts(app)
    assert "**before training**" in texts(app)
    assert "untrained heads, seed 0" in texts(app)
    assert "asked_models" not in [each.key for each in app.pills]
    assert app.query_params["text"] == "anna was in oslo"
    assert "runs" not in app.query_params


def test_an_ended_run_leads_to_what_its_model_answers(runs: list[str]) -> None:
    app = visited("train", run=runs[0])
    app.button(key="to_predict").click().run()
    assert not app.exception
    assert app.pills(key="asked_models").value == ["before-training", runs[0]]
    assert heading(app).startswith("Sentiment: ")


def test_runs_without_a_saved_model_hide_no_other_and_are_counted_in_one_sentence(
    lab: Lab, runs: list[str], trained: dict[str, tuple[RunSpec, list[RunEvent], Path]]
) -> None:
    spec, events, _ = trained["heads"]
    last = events[-1].model_copy(update={"output": None})
    whole = ComparisonSpec(checkpoint=spec.checkpoint, scenarios=("heads-only",))
    planned = [PlannedRun(spec, keeps_model=False) for _ in range(31)]
    for run in lab.store.add_comparison(whole, planned).runs:
        assert claim(lab.store, Owner.this_process()) is not None
        lab.store.append(run.id, [*events[:-1], last])
    app = visited("predict", text="good")
    assert app.pills(key="asked_models").value == ["before-training", *runs]
    assert "Not available: 31 runs of comparisons have no saved model" in texts(app)


def test_models_answer_side_by_side_and_the_address_holds_the_question(runs: list[str]) -> None:
    app = visited("predict", runs=",".join(["before-training", *runs]), text="anna was in oslo.")
    assert app.text_area(key="text").value == "anna was in oslo."
    assert app.pills(key="asked_models").value == ["before-training", *runs]
    assert heading(app).startswith("Sentiment: ")
    assert "trained models predict" in heading(app) or "1 predicts" in heading(app)
    assert "3 models" in texts(app)
    for name in ("before training", "heads", "everything"):
        assert f"**{name}**" in texts(app)
    app.text_area(key="text").set_value("the film was great").run()
    assert app.query_params["text"] == "the film was great"
    app.pills(key="asked_models").set_value(runs[:1]).run()
    assert app.query_params["runs"] == runs[0]
    assert "1 model" in texts(app)


def test_a_picture_holds_the_sentence_its_answers_and_no_control(runs: list[str]) -> None:
    app = visited("predict", shot="1", runs=",".join(runs), text="anna was in oslo.")
    kinds = ("button", "pills", "text_area", "selectbox", "dataframe")
    assert [each.type for kind in kinds for each in app.get(kind)] == []
    told = texts(app)
    assert "“anna was in oslo.”" in told
    assert "data: sample" in told
    assert "screenshot taken" in told


def test_a_long_sentence_is_reported_as_truncated_and_typed_markup_stays_text(
    runs: list[str],
) -> None:
    app = visited("predict", runs=runs[0], text="food " * 20 + "[x](http://y) <b>")
    assert (
        "Truncated: 14 of 24 words fit into this model's maximum length of 16 sub-words"
        in texts(app)
    )
    marked = next(each.value for each in app.markdown if "food food" in each.value)
    assert r"\[x\]\(http" in marked
    assert r"\<b\>" in marked


def test_an_unknown_run_is_named_and_left_out(runs: list[str]) -> None:
    app = visited("predict", runs=f"{runs[0]},nonsense", text="good")
    assert "nonsense was ignored: no finished run with a saved model" in texts(app)
    assert app.query_params["runs"] == runs[0]


def test_a_model_deleted_meanwhile_is_not_offered_and_the_others_answer(
    lab: Lab,
    runs: list[str],
    trained: dict[str, tuple[RunSpec, list[RunEvent], Path]],
    tmp_path: Path,
) -> None:
    folder = trained["heads"][2]
    kept = tmp_path / "kept"
    shutil.move(folder, kept)
    try:
        app = visited("predict", runs=",".join(runs), text="good food")
    finally:
        shutil.move(kept, folder)
    assert f"The model of run '{runs[0]}' is no longer at" in texts(app)
    assert app.pills(key="asked_models").value == [runs[1]]
    assert "1 model" in texts(app)


def test_a_text_that_is_too_long_is_cut_with_a_note(runs: list[str]) -> None:
    app = visited("predict", runs=runs[0], text="good " * 500)
    assert app.text_area(key="text").value == ("good " * 500)[:2000]
    assert "The text was cut after 2,000 of its 2,500 characters." in app.warning[0].value


def test_a_missing_checkpoint_is_reported_in_its_row(
    lab: Lab, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = lab.access.model_copy(update={"checkpoint_roots": ()})
    monkeypatch.setattr(lab, "access", closed)
    app = visited("predict", runs=f"before-training,{runs[0]}", text="is it good")
    error = app.error[0].value.replace("\\", "")
    assert "is a local path, and this dashboard may not read local paths" in error
    assert heading(app).startswith(("Sentiment: positive", "Sentiment: negative"))


def test_sentences_on_which_models_disagree_are_listed_on_request(runs: list[str]) -> None:
    app = visited("predict", runs=",".join(["before-training", *runs]), text="good")
    assert not app.dataframe
    app.button(key="find_disagreements").click().run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table.columns) == [
        *("Task", "Sentence", "Label", "before training", "heads", "everything")
    ]
    said = table[["heads", "everything"]]
    assert (said.nunique(axis=1) > 1).all()
    assert set(table["Task"]) <= {"Sentiment", "NER"}
    assert f"The 2 trained models disagree on **{len(table)}**" in texts(app)


def test_words_that_move_the_label_are_marked_on_request(runs: list[str]) -> None:
    app = visited("predict", runs=",".join(runs), text="the food was very good")
    assert "Words that affect the label" in texts(app)
    app.button(key="word_effects").click().run()
    assert not app.exception
    rows = [each.value for each in app.markdown if each.value.startswith(":small[Sentiment:]")]
    assert len(rows) == len(runs)
    assert all("food" in row and "very" in row for row in rows)
    assert "word_effects" not in [each.key for each in app.button]
