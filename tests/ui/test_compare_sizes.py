"""A comparison over several numbers of training sentences, on its page."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine.lab import Lab
from mtl_core.file_access import ANY_FILE
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.comparison import ComparisonSpec, train_size
from tests.run_story import Story, both, scores
from tests.sized_story import SIZED_SCORES, SIZES, SPREAD
from tests.stored_runs import claim
from tests.visiting import heading, visited

ASKED = ComparisonSpec(
    checkpoint="minilm-l6", scenarios=("heads-only", "full"), seeds=(0, 1, 2), train_sizes=SIZES
)


def finish(lab: Lab, record: ComparisonRecord, count: int) -> None:
    """The first `count` runs come to their end, on the sample as it ships."""
    digests = dict(load_dataset("sample", ANY_FILE).digests)
    for run in record.runs[:count]:
        place = SIZES.index(train_size(run.spec))
        sentiment, ner = SIZED_SCORES[run.spec.scenario or ""][place]
        apart = SPREAD[run.spec.seed] * (1.2 if run.spec.scenario == "full" else 1)
        end = scores(sentiment + apart, ner + apart / 2)
        spec = run.spec.model_copy(update={"data_digests": digests})
        story = Story(spec, [1], run.id).start().evaluate(scores(0.45, 0.02)).phase()
        assert claim(lab.store, Owner.this_process()) is not None
        lab.store.append(run.id, list(story.learn([both(0.5)]).evaluate(end).finish(end)))


@pytest.fixture
def made(lab: Lab) -> ComparisonRecord:
    return lab.start_comparison(ASKED)


def texts(app: AppTest) -> str:
    shown = [*app.markdown, *app.caption]
    return "\n".join(each.value for each in shown).replace("\\", "")


def figures(app: AppTest) -> list[dict[str, object]]:
    sent = [json.loads(each.proto.json) for each in app.get("bidi_component") if each.proto.json]
    return [each["figure"] for each in sent if "figure" in each]


def test_the_page_answers_from_which_number_on_and_tables_each(
    lab: Lab, made: ComparisonRecord
) -> None:
    finish(lab, made, 18)
    app = visited("compare", comparison=made.id)
    assert heading(app).startswith("Sentiment: full beats heads only from 50 sentences on")
    sized = [each.value for each in app.dataframe if "all" in each.value.columns]
    assert [list(table["Plan"]) for table in sized] == [["full", "heads only"]] * 2
    assert list(sized[0]["all"].str.strip()) == ["0.900 ✓", "0.700"]
    plans = next(each.value for each in app.dataframe if "Frozen tensors" in each.value.columns)
    assert list(plans["Plan"]) == ["full", "heads only"]
    assert list(plans["A accuracy"]) == pytest.approx([0.9, 0.7])
    assert "20, 50 and all sentences per task" in texts(app)
    assert "the runs with all sentences, the largest number" in texts(app)


def test_the_curves_get_their_baselines_once_these_are_worked_out(
    lab: Lab, made: ComparisonRecord
) -> None:
    finish(lab, made, 18)
    app = visited("compare", comparison=made.id)
    first = figures(app)[0]
    assert {each["name"] for each in first["data"] if each["mode"] == "lines+markers"} == {
        "heads only",
        "full",
    }
    limited = [
        load_dataset("sample", ANY_FILE, {"sentiment": size, "ner": size}) for size in (20, 50)
    ]
    for data in (load_dataset("sample", ANY_FILE), *limited):
        lab.baselines.wait_for(data)
    app.run()
    words = next(each for each in figures(app)[0]["data"] if each["name"] == "bag of words")
    assert words["y"] == [
        next(b.values["sentiment"] for b in lab.baselines.wait_for(data) if b.name == "words")
        for data in (*limited, load_dataset("sample", ANY_FILE))
    ]


def test_before_any_run_has_begun_the_data_are_named_once(lab: Lab, made: ComparisonRecord) -> None:
    told = texts(visited("compare", comparison=made.id))
    assert "minilm-l6 · data: sample · 20, 50 and all sentences per task · 3 epochs" in told
    assert told.count("data: sample") == 1


def test_during_training_the_progress_names_the_number(lab: Lab, made: ComparisonRecord) -> None:
    finish(lab, made, 2)
    assert claim(lab.store, Owner.this_process()) is not None
    app = visited("compare", comparison=made.id)
    assert heading(app).startswith("So far: Sentiment: full is highest (not tested)")
    (bar,) = app.get("progress")
    assert bar.proto.text.startswith(
        "**2** of 18 runs finished · now heads only, 50 sentences per task"
    )
    app.button(key="stop_comparison").click().run()
    assert not app.exception
    stopped = lab.store.comparison(made.id)
    assert sum(run.state is RunState.STOPPED for run in stopped.runs) == 15
    assert stopped.runs[2].stop_requested
