"""Pages with an entity F1 that is undefined, because the sentences contain no entities."""

from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunState
from tests.export.finished_run import finished
from tests.visiting import heading, visited


def stored(lab: Lab, scenario: str, accuracy: float, seed: int) -> str:
    events = list(finished(scenario, accuracy, None, seed=seed))
    record = lab.store.add(events[0].spec, RunState.RUNNING)  # type: ignore[union-attr]
    lab.store.append(record.id, events)
    return record.id


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_a_finished_run_shows_an_undefined_score_and_why(lab: Lab) -> None:
    app = visited("train", run=stored(lab, "heads-only", 0.75, 0))

    assert heading(app) == (
        "Finished: sentiment 0.75 accuracy, NER entity F1 undefined (no entities in this split)"
    )
    card = next(each for each in app.metric if each.label == "NER entity F1")
    assert (card.value, card.delta) == ("undefined", "no entities in this split")
    (row,) = next(each.value for each in app.dataframe if "Phase" in each.value).to_dict("records")
    assert row["B entity F1"] == "undefined (no entities in this split)"
    assert not visited("train").exception  # the list of runs


def test_plans_are_compared_on_the_other_task_alone(lab: Lab) -> None:
    accuracies = {"heads-only": 0.7, "full": 0.85}
    runs = [stored(lab, name, a + n / 50, n) for name, a in accuracies.items() for n in (0, 1)]

    app = visited("compare", runs=",".join(runs))

    assert heading(app).endswith("NER: undefined: no entities")
    table = next(each.value for each in app.dataframe if "Frozen tensors" in each.value.columns)
    assert list(table["B against best"]) == ["undefined: no entities"] * 2
    assert "NER: entity F1 is undefined, because the validation sentences" in texts(app)
