"""A test split is scored at both ends of a run, and its scores compare plans."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import final_answers, gold_labels, mark
from mtl_core.analysis.reading import summarise
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.baselines import baselines_of_data
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.loaded_run import load_run

TESTED = [("an awful film", "negative"), ("great food", "positive"), ("not very good", "negative")]
TAGGED = "anna\tB-PER\nsaw\tO\nrome\tB-LOC\n\noslo\tB-LOC\nis\tO\ngreat\tO\n"


@pytest.fixture
def tested(bench, tmp_path):
    """The tiny data with a test split for both tasks."""
    folder = tmp_path / "tested"
    shutil.copytree(Path(bench.data).parent, folder)
    rows = "".join(f"{text},{label}\n" for text, label in TESTED)
    (folder / "reviews.test.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (folder / "entities.test.conll").write_text(TAGGED, encoding="utf-8")
    return folder / "manifest.yaml"


def with_test(manifest, *tasks):
    """Name the test files of these tasks in the manifest."""
    files = {"sentiment": "reviews.test.csv", "ner": "entities.test.conll"}
    content = yaml.safe_load(manifest.read_text(encoding="utf-8"))
    for task in tasks:
        content["tasks"][task]["test"] = files[task]
    manifest.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return str(manifest)


@pytest.fixture
def data(tested):
    return with_test(tested, "sentiment", "ner")


def on(events, split, of, kind="evaluation"):
    return [each for each in of(events, kind) if each.split == split]


@pytest.mark.parametrize("scenario", ["heads-only", "full", "gradual"])
def test_it_is_scored_before_and_after_training_and_its_scores_are_those_of_the_run(
    bench, data, of, scenario
):
    events = bench.run(bench.spec(scenario, data=data, epochs=3))

    tests, validations = on(events, "test", of), on(events, "validation", of)
    assert [each.step for each in tests] == [0, validations[-1].step]
    assert len(validations) == 4
    end = of(events, "run_finished")[0]
    assert end.judged_on == {"sentiment": "test", "ner": "test"}
    assert end.metrics == tests[-1].tasks
    assert end.validation == validations[-1].tasks
    assert of(events, "run_started")[0].examples["sentiment"] == {
        "train": 8,
        "validation": 4,
        "test": 3,
    }


def test_the_stored_predictions_give_its_scores(bench, data, of):
    spec = bench.spec("full", data=data, epochs=2)
    summary = summarise("a run", spec, bench.run(spec))
    gold = gold_labels(load_dataset(data, ANY_FILE))

    for task in spec.tasks:
        answers = final_answers(summary, task.name)
        marks = mark(answers, task, gold)
        assert answers.split == "test"
        assert marks.score == pytest.approx(summary.finished.metrics[task.name].headline)
        assert summary.judged_split(task.name) == "test"


def test_all_other_events_are_those_of_a_run_without_it(bench, data, of, without_times):
    def rest(events):
        kinds = ("run_started", "run_finished")
        found = [each for each in events if getattr(each, "split", "") != "test"]
        return [without_times(each) for each in found if each.event not in kinds]

    tested = bench.run(bench.spec("full", data=data, epochs=2))
    assert rest(tested) == rest(bench.run(bench.spec("full", epochs=2)))


def test_a_task_without_a_test_file_is_judged_on_validation(bench, tested, of):
    data = with_test(tested, "sentiment")
    spec = bench.spec("full", data=data)
    events = bench.run(spec)
    end, summary = of(events, "run_finished")[0], summarise("a run", spec, events)

    assert end.judged_on == {"sentiment": "test", "ner": "validation"}
    assert end.metrics["ner"] == on(events, "validation", of)[-1].tasks["ner"]
    assert end.metrics["sentiment"] == on(events, "test", of)[-1].tasks["sentiment"]
    assert summary.score_before("ner") == on(events, "validation", of)[0].tasks["ner"]
    assert summary.score_before("sentiment") == on(events, "test", of)[0].tasks["sentiment"]


def test_a_run_without_a_step_predicts_again_at_its_end_and_equally(bench, data, of):
    events = bench.run(bench.spec("frozen", data=data))
    first, last = on(events, "test", of, "answers")

    assert len(on(events, "test", of)) == 2
    assert first.answers == last.answers


def test_runs_trained_together_have_the_same_scores_on_it(bench, data, together, of):
    specs = [bench.spec("heads-only", data=data, epochs=2, seed=seed) for seed in (0, 1)]

    for spec, events in zip(specs, together(specs), strict=True):
        alone = bench.run(spec)
        for kind in ("validation", "test"):
            scores = [each.tasks for each in on(events, kind, of)]
            expected = [each.tasks for each in on(alone, kind, of)]
            for found, own in zip(scores, expected, strict=True):
                for task, score in found.items():
                    assert score.headline == own[task].headline
                    assert score.loss == pytest.approx(own[task].loss, abs=1e-6)
        assert of(events, "run_finished")[0].judged_on == {"sentiment": "test", "ner": "test"}


def test_plans_are_compared_on_it(bench, data):
    runs = []
    for scenario in ("heads-only", "full"):
        for seed in (0, 1):
            spec = load_run(bench.spec(scenario, data=data, seed=seed)).spec
            runs.append((scenario, summarise(f"{scenario} {seed}", spec, bench.run(spec))))
    comparison = compare_plans(runs, gold_labels(load_dataset(data, ANY_FILE)))

    assert comparison.judged_on("sentiment") == ("test", 3)
    for plan in comparison.plans:
        ends = [run.tests[-1].tasks["sentiment"].accuracy for run in plan.runs.values()]
        assert plan.tasks["sentiment"].mean == pytest.approx(sum(ends) / 2)


def test_baselines_are_scored_on_it(data):
    majority = baselines_of_data(load_dataset(data, ANY_FILE))[0]
    assert majority.values["sentiment"] in (1 / 3, 2 / 3)


def test_a_run_from_before_the_split_reads_the_data_without_it(bench, data):
    now = load_dataset(data, ANY_FILE)
    before = {name: value for name, value in now.digests.items() if "test" not in name}

    assert now.as_recorded(dict(now.digests)) == now
    readings = {task: each.without("test") for task, each in now.readings.items()}
    expected = replace(now, test=(), digests=before, readings=readings)
    assert now.as_recorded(before) == expected
    assert readings["ner"].sentences == {"train": 4, "validation": 4}
    assert now.as_recorded({**before, "reviews.train.csv": "0" * 64}) is None
    assert now.as_recorded({}) == now


def test_sentences_in_two_splits_are_counted_and_noted(bench, data):
    dataset = load_dataset(data, ANY_FILE)
    assert dataset.repeated_sentences() == {"sentiment": 5, "ner": 4}
    assert dataset.repeated_over_all_tasks() == 9
    assert any(
        "sentiment: 5 evaluated sentences also occur in another split" in note
        for note in load_run(bench.spec("full", data=data)).notes
    )


def test_no_sentence_of_the_sample_stands_in_two_splits():
    for name in ("sample", "sample-posts"):
        assert load_dataset(name, ANY_FILE).repeated_sentences() == {}


def test_an_unfinished_run_shows_its_scores_on_validation_only(bench, data):
    spec = bench.spec("full", data=data)
    unfinished = summarise("a run", spec, bench.run(spec)[:-1])

    assert unfinished.compared_split("sentiment") == "test"
    assert unfinished.judged_split("sentiment") == "validation"
    points = unfinished.task("sentiment").evaluations
    assert unfinished.score_before("sentiment") == points[0].score
    assert unfinished.value("sentiment") == points[-1].score.headline


def test_a_run_defined_before_the_test_split_trains_and_is_scored_without_it(bench, data):
    digests = load_dataset(data, ANY_FILE).digests
    before = {name: value for name, value in digests.items() if "test" not in name}
    loaded = load_run(bench.spec("full", data=data, data_digests=before))

    assert loaded.dataset.test == ()
    assert loaded.spec.data_digests == before
    assert set(loaded.judged_on.values()) == {"validation"}
