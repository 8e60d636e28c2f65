"""The Compare page on tasks that were left out, and on data that no plan learned from."""

from pandas import DataFrame
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.store.record import RunState
from mtl_core.training.events import Evaluation
from tests.run_story import Story, both, minilm, scores, spec_of
from tests.visiting import heading, visited


def stored(lab: Lab, seed: int, scenario: str, ner: float, posts: float | None = None) -> None:
    """A finished run whose NER began at 0.6 and has no weight unless all is trained."""
    plan = scenario_plan(scenario, minilm())
    if scenario != "full":
        plan = plan.model_copy(update={"task_weights": {"ner": 0.0}})
    story = Story(spec_of(scenario, seed=seed, plan=plan), [1]).start()
    story.evaluate(scores(0.5, 0.6, (0.7, 0.2)))
    elsewhere(story, 0.5 if posts else None)
    story.phase().learn([both(0.5)]).evaluate(scores(0.9, ner, (0.3, 0.7)))
    elsewhere(story, posts)
    told = list(story.finish(scores(0.9, ner, (0.3, 0.7))))
    record = lab.store.add(story.spec, RunState.RUNNING)
    lab.store.append(record.id, told)


def elsewhere(story: Story, sentiment: float | None) -> None:
    if sentiment is not None:
        story.evaluate(scores(sentiment, 0.1))
        last = story.events[-1]
        assert isinstance(last, Evaluation)
        story.events[-1] = last.model_copy(update={"split": "sample-posts"})


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def with_column(app: AppTest, name: str) -> DataFrame:
    return next(each.value for each in app.dataframe if name in each.value.columns)


def test_an_untrained_task_is_described_in_words_and_numbers(lab: Lab) -> None:
    for seed, ner in ((1, 0.29), (2, 0.31)):
        stored(lab, seed, "freeze-head:ner", ner)
        stored(lab, seed, "full", 0.7)
    app = visited("compare")
    assert "NER untrained: 0.300 below its start with NER head frozen" in texts(app)
    assert (
        "NER is below its start, −0.300 of entity F1 (95 %: −0.462 to −0.138), although its head "
        "was frozen: the encoder changed."
    ) in texts(app)
    table = with_column(app, "Reason")
    assert table.to_dict("records") == [
        {
            "Plan": "NER head frozen",
            "Task": "NER entity F1",
            "Before": "0.600",
            "After": "0.300",
            "Change": "−0.300",
            "By seed": "−0.310 to −0.290",
            "95 %": "−0.462 to −0.138",
            "Verdict": "below",
            "Loss before": "0.200",
            "Loss after": "0.700",
            "Loss change": "+0.500",
            "Loss by seed": "+0.500 to +0.500",
            "Reason": "its head was frozen",
        }
    ]


def test_an_untrained_task_has_no_statement_about_convergence(lab: Lab) -> None:
    stored(lab, 1, "freeze-head:ner", 0.2)
    stored(lab, 1, "full", 0.7)
    names = ["Plan", "Sentiment", "NER"]
    app = visited("compare")
    table = next(each.value for each in app.dataframe if list(each.value.columns) == names)
    assert dict(zip(table["Plan"], table["NER"], strict=True)) == {
        "NER head frozen": "not trained",
        "full": "open",
    }


def test_a_plan_by_itself_is_answered_by_what_it_forgot_or_else_scored(lab: Lab) -> None:
    for seed, ner in ((1, 0.19), (2, 0.21)):
        stored(lab, seed, "freeze-head:ner", ner)
    assert (
        heading(visited("compare")) == "NER untrained: 0.400 below its start with NER head frozen"
    )
    for seed in (1, 2):
        stored(lab, seed, "full", 0.7)
    runs = ",".join(run.id for run in lab.store.runs() if run.spec.scenario == "full")
    page = visited("compare", runs=runs)
    assert heading(page) == "Full over 2 seeds: Sentiment 0.90 accuracy, NER 0.70 entity F1"


def test_a_page_whose_plans_train_every_task_speaks_of_no_forgetting(lab: Lab) -> None:
    stored(lab, 1, "full", 0.7)
    stored(lab, 2, "full", 0.7)
    app = visited("compare")
    assert "left out" not in texts(app)
    assert "Tasks that were not trained" not in texts(app)
    assert "On own data" not in texts(app)


def test_scores_on_other_data_stand_beside_those_at_home(lab: Lab) -> None:
    stored(lab, 1, "full", 0.7, posts=0.8)
    stored(lab, 2, "full", 0.7, posts=0.7)
    app = visited("compare")
    assert (
        "On sample-posts: highest sentiment 0.75, with full (0.90 on its training data set)"
        in texts(app)
    )
    first = with_column(app, "On own data").iloc[0]
    assert (first["Before training"], first["Here"], first["By seed"]) == (
        "0.500",
        "0.750",
        "+0.200 to +0.300",
    )
    assert (first["On own data"], first["Difference"]) == ("0.900", "−0.150")
    assert first["95 %"] == "−0.785 to +0.485"
