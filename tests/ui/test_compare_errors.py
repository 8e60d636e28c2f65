"""Prediction errors, and quality by examples, on the Compare page."""

import csv
import io
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.store.record import RunState
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.events import Answers
from mtl_core.ui.shared.export_popover import note_of_runs, zip_of_runs
from tests.run_story import Story, both, scores, spec_of
from tests.visiting import visited

NER_OUTPUTS = 5


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def stored(lab: Lab, scenario: str, positive: int, **changes: object) -> str:
    """A run that answers the first three reviews of the sample as given, and no entity at all."""
    spec = spec_of(scenario, **changes)
    story = (
        Story(spec, [4])
        .start()
        .evaluate(scores(0.45, 0.02, (0.7, 1.4)))
        .phase()
        .learn([both(0.5)] * 4)
        .evaluate(scores(0.8, 0.4, (0.5, 0.2)))
    )
    reviews = [
        place
        for place, each in enumerate(load_dataset("sample", ANY_FILE).validation)
        if "sentiment" in each.labels
    ][:3]
    story.events.append(
        Answers(
            elapsed_seconds=story.seconds,
            step=4,
            split="validation",
            places={"sentiment": tuple(reviews)},
            answers={"sentiment": (positive, positive, positive)},
        )
    )
    story.finish(scores(0.8, 0.4, (0.5, 0.2)))
    record = lab.store.add(spec, RunState.RUNNING)
    lab.store.append(record.id, list(story))
    return record.id


def test_sentences_that_two_plans_answer_differently_are_listed(lab: Lab) -> None:
    stored(lab, "heads-only", 0)
    stored(lab, "full", 1)
    app = visited("compare")
    table = next(each.value for each in app.dataframe if "Sentence" in each.value.columns)
    assert list(table.columns) == ["Change", "Sentence", "Correct label", "heads only", "full"]
    assert len(table) == 3
    assert set(table["heads only"]) == {"negative"}
    assert set(table["full"]) == {"positive"}
    right = [
        each.labels["sentiment"]
        for each in load_dataset("sample", ANY_FILE).validation
        if "sentiment" in each.labels
    ][:3]
    assert sorted(table["Correct label"]) == sorted(right)
    lost = right.count("negative")
    assert f"{3 - lost} gained, {lost} lost" in texts(app)
    assert "full labels 3 sentences differently" in texts(app)


def test_the_export_button_gives_the_same_sentences(lab: Lab) -> None:
    ids = [stored(lab, "heads-only", 0), stored(lab, "full", 1)]
    app = visited("compare")
    shown = next(each.value for each in app.dataframe if "Sentence" in each.value.columns)
    with zipfile.ZipFile(io.BytesIO(zip_of_runs(lab, ids, "stem"))) as archive:
        table = archive.read("stem/tables/changed-answers.csv").decode()
        note = archive.read("stem/note.md").decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert sorted(row["sentence"] for row in rows) == sorted(shown["Sentence"])
    assert {row["full"] for row in rows} == {"positive"}
    assert "full labels 3 sentences differently" in note
    assert all(str(sentence) in note_of_runs(lab, ids) for sentence in shown["Sentence"])


def test_one_plan_against_itself_asks_for_another(lab: Lab) -> None:
    stored(lab, "heads-only", 0)
    stored(lab, "full", 1)
    app = visited("compare")
    app.selectbox(key="second_read").set_value("heads only").run()
    assert not app.exception
    assert "Choose two different plans" in texts(app)
    app.segmented_control(key="task_read").set_value("ner").run()
    assert not app.exception


def test_a_plan_alone_is_offered_no_other_to_stand_against(lab: Lab) -> None:
    for seed in (1, 2):
        stored(lab, "full", 1, seed=seed)
    app = visited("compare")
    assert [each.key for each in app.selectbox if str(each.key).endswith("_read")] == ["first_read"]
    assert "Choose two different plans" not in texts(app)
    scored = next(each.value for each in app.dataframe if "A accuracy" in each.value.columns)
    assert [name for name in scored.columns if "against best" in name] == []


def test_a_run_alone_has_no_best_to_stand_against(lab: Lab) -> None:
    first, _ = stored(lab, "heads-only", 0), stored(lab, "full", 1)
    app = visited("compare", runs=first)
    table = next(each.value for each in app.dataframe if "Peak MB" in each.value.columns)
    assert [name for name in table.columns if "best" in name] == []
    assert table["Plan"].tolist() == ["heads only"]


def test_runs_without_answers_have_no_errors_to_read(lab: Lab) -> None:
    stored(lab, "heads-only", 0, data="gone/manifest.yaml")
    stored(lab, "full", 1, data="gone/manifest.yaml")
    assert "Prediction errors" not in texts(visited("compare"))


@pytest.mark.parametrize("counts", [(50, 100)])
def test_several_numbers_of_examples_make_a_curve(lab: Lab, counts: tuple[int, int]) -> None:
    ids = [
        stored(lab, scenario, 0, examples={"sentiment": count, "ner": count})
        for count in counts
        for scenario in ("heads-only", "full")
    ]
    app = visited("compare", runs=",".join(ids))
    assert "Accuracy by training sentences" in texts(app)
    assert "highest (not tested) at every number of sentences" in texts(app)


def test_one_number_of_examples_makes_no_curve(lab: Lab) -> None:
    stored(lab, "heads-only", 0)
    stored(lab, "full", 1)
    assert "by training sentences" not in texts(visited("compare"))
