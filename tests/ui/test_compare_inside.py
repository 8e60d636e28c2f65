"""The fold of the Compare page on changes inside the model."""

from pandas import DataFrame
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunState
from mtl_core.training.events import Measured, Movement
from tests.run_story import Story, both, scores, spec_of
from tests.visiting import visited

NAMES = ["Sentiment", "NER"]


def stored(lab: Lab, scenario: str, cosine: float | None, measured: bool = True) -> None:
    for seed in (1, 2):
        spec = spec_of(scenario, seed=seed)
        story = Story(spec, [2]).start().evaluate(scores(0.5, 0.1, (0.7, 1.4))).phase()
        story.learn([both(0.5)]).evaluate(scores(0.8, 0.3, (0.5, 0.9)))
        story.learn([both(0.5)]).evaluate(scores(0.9, 0.4, (0.3, 0.8995)))
        cka = 1.0 if cosine is None else 0.5
        told = Measured(
            elapsed_seconds=story.seconds,
            groups={
                "layer 4": Movement(moved=0.0, cka=1.0),
                "layer 5": Movement(moved=0.1, cka=cka),
            },
            gradient_cosine={"sentiment,ner": cosine},
            gradient_cosine_range={} if cosine is None else {"sentiment,ner": (-0.5, 0.125)},
            probes={"sentiment": (0.5, 0.5 if cosine is None else 0.75), "ner": (0.25, 0.25)},
        )
        if measured:
            story.events.append(told)
        record = lab.store.add(spec, RunState.RUNNING)
        lab.store.append(record.id, list(story.finish(scores(0.9, 0.4, (0.3, 0.8995)))))


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def with_column(app: AppTest, name: str) -> DataFrame:
    return next(each.value for each in app.dataframe if name in each.value.columns)


def test_each_measure_is_shown_with_its_finding(lab: Lab) -> None:
    stored(lab, "heads-only", None)
    stored(lab, "full", -0.25)
    app = visited("compare")
    said = texts(app)
    assert "full changed the top layer most: similarity 0.50" in said
    assert "Kornblith et al. 2019" in said
    assert "The tasks' gradients conflict, most with full" in said
    assert "Sentiment: highest probe score after full, 0.50 → 0.75" in said
    assert "NER: no plan raised the probe score" in said
    assert with_column(app, "Cosine").to_dict("list") == {
        "Plan": ["heads only", "full"],
        "Gradients": ["no shared tensors", "conflicting"],
        "Cosine": ["", "−0.250"],
        "By seed": ["", "−0.250 to −0.250"],
        "By batch": ["", "−0.500 to +0.125"],
    }
    told = next(each.value for each in app.dataframe if list(each.value.columns)[1:] == NAMES)
    assert list(told["Sentiment"]) == ["still falling"] * 2
    assert list(told["NER"]) == ["flat"] * 2


def test_runs_without_measures_draw_nothing_and_say_why(lab: Lab) -> None:
    stored(lab, "heads-only", None, measured=False)
    stored(lab, "full", -0.25, measured=False)
    app = visited("compare")
    said = texts(app)
    assert "`--no-measures`" in said
    assert "similarity" not in said
    assert "conflict" not in said
    assert "No plan converged on every task" in said
