"""Baselines of the data on the Compare page: drawn once they are known, waited for by no page."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.baselines import DataBaselines
from mtl_core.engine.lab import Lab
from mtl_core.errors import ChildDied
from mtl_core.file_access import ANY_FILE
from mtl_core.store.record import RunState
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.ui.shared.export_popover import note_of_runs
from tests.run_story import Story, both, scores, spec_of
from tests.visiting import heading, imported_by, visited

WORKING = "Computing two baselines for this data, majority class and bag of words"


def stored(lab: Lab, scenario: str, sentiment: float, seed: int = 1) -> str:
    """A finished run on the sample as it ships."""
    spec = spec_of(scenario, seed=seed, data_digests=dict(load_dataset("sample", ANY_FILE).digests))
    record = lab.store.add(spec, RunState.RUNNING)
    story = Story(spec, [1], record.id).start().evaluate(scores(0.45, 0.02)).phase()
    lab.store.append(
        record.id, list(story.learn([both(0.5)]).finish(scores(sentiment, sentiment / 2)))
    )
    return record.id


@pytest.fixture
def two(lab: Lab) -> list[str]:
    return [stored(lab, "heads-only", 0.7), stored(lab, "full", 0.9)]


def named(app: AppTest) -> str:
    """What the first figure of quality against cost writes beside points and lines."""
    data = json.loads(app.get("bidi_component")[0].proto.json)
    return "\n".join(each["text"] for each in data["figure"]["layout"]["annotations"])


def captions(app: AppTest) -> str:
    return "\n".join(each.value for each in app.caption)


def bag_of_words() -> str:
    words = baselines_of_data(load_dataset("sample", ANY_FILE))[1]
    return f"{words.label} {words.values['sentiment']:.2f}"


def test_the_page_says_that_they_are_worked_out_and_then_draws_them(
    lab: Lab, two: list[str]
) -> None:
    app = visited("compare")
    assert WORKING in captions(app)
    assert "bag of words" not in named(app)
    assert "untrained heads 0.45" in named(app)
    lab.baselines.wait_for(load_dataset("sample", ANY_FILE))
    app.run()
    assert WORKING not in captions(app)
    assert bag_of_words() in named(app)
    assert "majority class 0.50" in named(app)


def test_a_page_on_which_no_plan_beats_a_baseline_has_that_as_its_title(lab: Lab) -> None:
    stored(lab, "heads-only", 0.3)
    stored(lab, "full", 0.4)
    words = lab.baselines.wait_for(load_dataset("sample", ANY_FILE))[1]
    title = heading(visited("compare"))
    assert title.startswith(
        f"Sentiment: no plan is above a bag of words, {words.values['sentiment']:.2f} (not tested)."
    )


def test_plans_are_compared_with_the_bag_of_words_by_an_interval(lab: Lab) -> None:
    for seed, heads, full in ((1, 0.3, 0.9), (2, 0.301, 0.903)):
        stored(lab, "heads-only", heads, seed)
        stored(lab, "full", full, seed)
    words = lab.baselines.wait_for(load_dataset("sample", ANY_FILE))[1]
    app = visited("compare")
    assert heading(app).startswith("Sentiment: full beats heads only")
    line = f"Sentiment, against a bag of words, {words.values['sentiment']:.3f}: full above, +0."
    shown = captions(app).replace("\\", "")
    assert line in shown
    assert "; heads only below, " in shown


def test_a_page_without_them_says_why_and_asks_again_on_its_next_run(
    lab: Lab, two: list[str], tmp_path: Path
) -> None:
    problems = [ChildDied("It ended with exit status 3.")] * 2  # for the title and the figures

    def score(dataset: Dataset) -> tuple[Baseline, ...]:
        if problems:
            raise problems.pop()
        return baselines_of_data(dataset)

    lab.baselines = DataBaselines(tmp_path, score)
    app = visited("compare", shot="1")
    assert (
        "The baselines (majority class and bag of words) are not shown. "
        "It ended with exit status 3." in captions(app)
    )
    app.run()
    assert "are not shown" not in captions(app)
    assert bag_of_words() in named(app)


def test_a_picture_of_the_page_waits_for_them(two: list[str]) -> None:
    app = visited("compare", shot="1")
    assert WORKING not in captions(app)
    assert bag_of_words() in named(app)


def test_the_note_holds_them_too(lab: Lab, two: list[str]) -> None:
    assert bag_of_words() in note_of_runs(lab, two)


def test_the_server_never_imports_scikit_learn(lab: Lab, two: list[str]) -> None:
    script = (
        "from mtl_core.engine.lab import the_lab\n"
        "from mtl_core.ui.shared.export_popover import note_of_runs\n"
        "from tests.visiting import visited\n"
        "app = visited('compare')\n"
        f"assert 'bag of words' in note_of_runs(the_lab(), {two!r})\n"
        "app.run()\n"
        "assert not app.exception\n"
    )
    assert imported_by(script, "sklearn", "seqeval", "torch") == []
