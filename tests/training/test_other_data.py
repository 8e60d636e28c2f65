"""Scores on data that a run does not learn from, at both ends of it."""

import pytest

from mtl_core.analysis.differences import beyond_the_plan, same_sentences
from mtl_core.analysis.forgetting import scores_on_other_data
from mtl_core.analysis.judge import compare_plans
from mtl_core.analysis.marks import final_answers, gold_labels, mark
from mtl_core.analysis.reading import summarise
from mtl_core.errors import DataError, InvalidRun
from mtl_core.file_access import ANY_FILE
from mtl_core.report.run_words import other_data_lines
from mtl_core.tasks.dataset import load_dataset
from mtl_core.training.loaded_run import load_run

REVIEWS = [("good food", "positive"), ("bad food", "negative"), ("a great film", "positive")]
TAGGED = ["anna/B-PER was/O in/O oslo/B-LOC", "acme/B-ORG is/O bad/O"]


@pytest.fixture
def other(write_data):
    return str(write_data(REVIEWS, TAGGED, "other"))


def on(events, split, of, kind="evaluation"):
    return [each for each in of(events, kind) if each.split == split]


def test_each_task_is_scored_there_before_training_and_at_the_end(bench, other, of):
    events = bench.run(bench.spec("full", also_evaluate=(other,), epochs=2))

    there = on(events, other, of)
    assert [(each.step, each.epoch) for each in there] == [(0, 0.0), (6, 2.0)]
    assert all(set(each.tasks) == {"sentiment", "ner"} for each in there)
    assert of(events, "run_started")[0].examples["sentiment"] == {
        "train": 8,
        "validation": 4,
        other: 3,
    }


def test_on_request_each_task_is_scored_there_after_each_epoch_too(bench, other, of):
    spec = bench.spec("full", also_evaluate=(other,), epochs=2)
    between = bench.run(spec.model_copy(update={"others_each_epoch": True}))

    assert [each.step for each in on(between, other, of)] == [0, 3, 6]
    assert [each.step for each in on(between, other, of, "answers")] == [0, 3, 6]
    ends = on(bench.run(spec), other, of)
    assert [each.tasks for each in on(between, other, of)][::2] == [each.tasks for each in ends]


def test_an_epoch_may_have_several_evaluations_that_change_nothing_else(bench, other, of):
    spec = bench.spec("full", also_evaluate=(other,), epochs=4, others_each_epoch=True)
    plain = bench.run(spec)
    often = bench.run(spec.model_copy(update={"evaluations_per_epoch": 2}))  # 3 steps an epoch

    scored = [each.step for each in on(often, "validation", of)]
    assert scored == [0, 2, 3, 5, 6, 8, 9, 11, 12]
    assert [each.step for each in on(often, other, of)] == scored
    assert [each.loss for each in of(often, "step")] == [each.loss for each in of(plain, "step")]


def test_the_scores_are_those_of_a_run_whose_own_validation_it_is(bench, other, of):
    there = on(bench.run(bench.spec("full", also_evaluate=(other,))), other, of)[0]
    own = on(bench.run(bench.spec("frozen", data=other)), "validation", of)[0]

    assert there.tasks == own.tasks


@pytest.mark.parametrize("scenario", ["heads-only", "full", "gradual"])
def test_all_else_that_the_run_says_stays_what_it_was(bench, other, of, without_times, scenario):
    with_other = bench.run(bench.spec(scenario, also_evaluate=(other,), epochs=3))
    without = bench.run(bench.spec(scenario, epochs=3))

    rest = [each for each in with_other if getattr(each, "split", "validation") == "validation"]
    assert len(with_other) == len(rest) + 4
    assert [without_times(each) for each in rest[1:]] == [without_times(e) for e in without[1:]]


def test_a_run_that_takes_no_step_is_scored_there_once(bench, other, of):
    events = bench.run(bench.spec("frozen", also_evaluate=(other,)))
    assert len(on(events, other, of)) == len(on(events, other, of, "answers")) == 1


def test_the_predictions_there_are_stored_and_give_its_scores(bench, other, of):
    spec = bench.spec("full", also_evaluate=(other,), epochs=2)
    events = bench.run(spec)
    gold = gold_labels(load_dataset(spec.data, ANY_FILE), [load_dataset(other, ANY_FILE)])

    assert [each.step for each in on(events, other, of, "answers")] == [0, 6]
    for stored, scored in zip(on(events, other, of, "answers"), on(events, other, of), strict=True):
        for task in spec.tasks:
            marks = mark(stored, task, gold)
            assert marks.score == pytest.approx(scored.tasks[task.name].headline)
    summary = summarise("a run", spec, events)
    assert final_answers(summary, "ner", other) == on(events, other, of, "answers")[-1]
    assert final_answers(summary, "ner").split == "validation"


def test_the_difference_from_the_own_data_covers_the_sentences_of_both(bench, other):
    runs = []
    for seed in (0, 1):
        spec = load_run(bench.spec("full", also_evaluate=(other,), seed=seed)).spec
        runs.append(summarise(f"{seed}", spec, bench.run(spec)))
    gold = gold_labels(load_dataset(runs[0].spec.data, ANY_FILE), [load_dataset(other, ANY_FILE)])
    (plan,) = compare_plans(runs, gold).plans

    found, _ = scores_on_other_data(plan, gold)
    assert found.difference.effect == pytest.approx(found.metric.after - found.on_own_data)
    assert (found.difference.seeds, found.difference.sentences) == (2, 3)
    assert found.difference.low < found.difference.effect < found.difference.high
    seeds_alone, _ = scores_on_other_data(plan)
    assert seeds_alone.difference is None or seeds_alone.difference.sentences == 0


def test_the_summary_keeps_them_apart_from_the_validation_scores(bench, other, of):
    spec = bench.spec("full", also_evaluate=(other,))
    events = bench.run(spec)
    summary = summarise("a run", spec, events)
    own = on(events, "validation", of)

    assert summary.other_data == tuple(on(events, other, of))
    for task in summary.tasks:
        points = [each.score for each in task.evaluations]
        assert points == [each.tasks[task.task.name] for each in own]
    first, last = (each.tasks["sentiment"].accuracy for each in summary.other_data)
    assert other_data_lines(summary)[0].startswith(
        f"On other: sentiment accuracy {first:.3f} → {last:.3f}, NER entity F1 "
    )


def test_the_files_are_in_the_spec_and_must_stay_as_they_were(bench, other):
    spec = load_run(bench.spec("full", also_evaluate=(other,))).spec

    assert set(spec.other_data_digests) == {f"{other}: reviews.csv", f"{other}: entities.conll"}
    assert load_run(spec).spec == spec
    changed = spec.model_copy(update={"other_data_digests": {f"{other}: reviews.csv": "0" * 64}})
    with pytest.raises(InvalidRun, match=r"The files of '.*' have changed since this run was"):
        load_run(changed)


def test_runs_that_are_only_measured_otherwise_do_not_differ(bench, other):
    specs = [load_run(bench.spec("full", also_evaluate=also)).spec for also in ((), (other,))]

    assert beyond_the_plan(specs) == ()
    assert same_sentences(specs)


def test_labels_in_another_order_are_scored_by_their_names(bench, write_data, of):
    turned = str(write_data(REVIEWS[::-1], TAGGED[::-1], "turned"))
    plain = str(write_data(REVIEWS, TAGGED, "plain"))
    first = [
        on(bench.run(bench.spec("frozen", also_evaluate=(each,))), each, of)[0].tasks["sentiment"]
        for each in (turned, plain)
    ]

    assert first[0].accuracy == first[1].accuracy


def test_entities_cut_off_there_are_noted(bench, write_data, notes_of):
    far = "the/O food/O was/O very/O good/O in/O oslo/B-LOC"
    other = str(write_data(REVIEWS, [far, "acme/B-ORG anna/B-PER"], "other"))

    notes = notes_of(load_run(bench.spec("full", also_evaluate=(other,), max_length=8)))

    assert notes == (f"1 entity is cut off in the data of ner in {other}.",)


def test_other_labels_are_refused(bench, write_data):
    rows = [("good", "positive"), ("bad", "negative"), ("a film", "neutral")]
    other = str(write_data(rows, TAGGED, "other"))

    with pytest.raises(
        InvalidRun,
        match=r"'negative', 'neutral', 'positive'\) differ from those of this run "
        r"\('negative', 'positive'\), so it cannot be scored there\. Give them",
    ):
        load_run(bench.spec("full", also_evaluate=(other,)))


def test_data_that_share_no_task_are_refused(bench, write_data):
    manifest = write_data(REVIEWS, TAGGED, "other")
    manifest.write_text(
        manifest.read_text().replace('"sentiment"', '"a"').replace('"ner":', '"b":')
    )

    with pytest.raises(
        InvalidRun, match=r"has none of the run's tasks \('sentiment', 'ner'\): it "
    ):
        load_run(bench.spec("full", also_evaluate=(str(manifest),)))


def test_a_task_that_only_the_run_has_is_left_out(bench, write_data, of):
    manifest = write_data(REVIEWS, TAGGED, "other")
    manifest.write_text(manifest.read_text().replace('"ner":', '"b":'))

    events = bench.run(bench.spec("full", also_evaluate=(str(manifest),)))

    assert [set(each.tasks) for each in on(events, str(manifest), of)] == [{"sentiment"}] * 2


def test_the_runs_own_data_and_data_that_are_not_there_are_refused(bench):
    with pytest.raises(
        InvalidRun, match=r"is the training data of this run, which is evaluated anyway\."
    ):
        load_run(bench.spec("full", also_evaluate=(str(bench.data),)))
    with pytest.raises(DataError, match=r"There are no data called 'none'"):
        load_run(bench.spec("full", also_evaluate=("none",)))


def test_the_shipped_reviews_and_posts_can_be_scored_by_one_run():
    from mtl_core.tasks.shared_tasks import shared_tasks

    sample = load_dataset("sample", ANY_FILE)
    assert shared_tasks(sample.tasks, load_dataset("sample-posts", ANY_FILE)) == sample.tasks
