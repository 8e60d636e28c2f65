"""What a run says: every event as a line of JSON that holds it whole."""

import json
import math

import pytest

from mtl_core.training.events import (
    FINAL_EVENTS,
    Evaluation,
    RunFailed,
    RunStopped,
    SentenceScore,
    Step,
    TokenScore,
    event_from_json,
    event_to_json,
)


@pytest.fixture(scope="module")
def events(bench):
    return bench.run(bench.spec("gradual", epochs=3, batch_size=1))


def lines(events):
    return [json.loads(event_to_json(event)) for event in events]


def numbers(value):
    if isinstance(value, dict):
        return [each for inner in value.values() for each in numbers(inner)]
    if isinstance(value, list):
        return [each for inner in value for each in numbers(inner)]
    return [value] if isinstance(value, float) else []


def test_the_events_come_in_the_order_of_the_contract(events):
    kinds = [event.event for event in events]

    assert kinds[:5] == ["run_started", "evaluation", "answers", "phase_started", "step"]
    assert kinds[-5:] == ["evaluation", "phase_finished", "answers", "measured", "run_finished"]
    assert kinds.count("phase_started") == kinds.count("phase_finished") == 3
    assert kinds.count("step") == 36
    assert kinds.count("evaluation") == 1 + 3


def test_every_event_says_what_it_is_and_when(events):
    said = lines(events)

    assert all({"event", "elapsed_seconds"} <= set(each) for each in said)
    seconds = [each["elapsed_seconds"] for each in said]
    assert seconds == sorted(seconds)
    assert seconds[0] >= 0


def test_no_number_in_an_event_is_nan_or_infinite(events):
    found = numbers(lines(events))

    assert len(found) > 200
    assert all(math.isfinite(each) for each in found)


def test_an_event_comes_back_from_its_line_as_it_was(events):
    assert [event_from_json(event_to_json(event)) for event in events] == events


@pytest.mark.parametrize("end", [RunFailed, RunStopped])
def test_an_early_end_comes_back_from_its_line(end):
    event = end(elapsed_seconds=0.1, reason="Größe: 3 < 4")

    assert event_from_json(event_to_json(event)) == event
    assert isinstance(event, FINAL_EVENTS)


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        (
            "run_started",
            {"event", "elapsed_seconds", "run", "spec", "totals"}
            | {"total_steps", "examples", "notes"},
        ),
        (
            "phase_started",
            {"event", "elapsed_seconds", "phase", "trainable", "frozen", "unreached", "epochs"}
            | {"number", "steps", "prefix"},
        ),
        ("step", {"event", "elapsed_seconds", "phase", "step", "epoch", "loss", "learning_rates"}),
        ("evaluation", {"event", "elapsed_seconds", "phase", "epoch", "step", "split", "tasks"}),
        ("answers", {"event", "elapsed_seconds", "step", "split", "places", "answers"}),
        (
            "measured",
            {"event", "elapsed_seconds", "groups", "gradient_cosine", "probes"}
            | {"gradient_cosine_range", "layer_probes", "unchanged"},
        ),
        (
            "phase_finished",
            {"event", "elapsed_seconds", "phase", "frozen_identical", "frozen_tensors"},
        ),
        (
            "run_finished",
            {"event", "elapsed_seconds", "run", "metrics", "frozen_identical", "frozen_tensors"}
            | {"peak_memory_bytes", "training_seconds", "evaluation_seconds", "total_seconds"}
            | {"judged_on", "validation"}
            | {"output", "prefix_seconds", "trained_beside", "frozen_in_checkpoint"},
        ),
    ],
)
def test_an_events_line_has_the_keys_of_the_contract(events, kind, keys):
    found = [set(each) for each in lines(events) if each["event"] == kind]

    assert found
    assert all(each == keys for each in found)


def test_an_evaluation_has_each_tasks_own_scores_on_the_validation_split(events):
    first = next(each for each in lines(events) if each["event"] == "evaluation")

    assert (first["epoch"], first["step"], first["split"]) == (0.0, 0, "validation")
    assert set(first["tasks"]) == {"sentiment", "ner"}
    assert set(first["tasks"]["sentiment"]) == {"loss", "accuracy", "macro_f1"}
    assert set(first["tasks"]["ner"]) == {"loss", "entity_f1", "precision", "recall"}


def test_a_batch_without_a_task_has_null_for_its_loss(events):
    steps = [each["loss"] for each in lines(events) if each["event"] == "step"]

    assert all(set(loss) == {"sentiment", "ner"} for loss in steps)
    assert sum(loss["ner"] is None for loss in steps) == 3 * 8
    assert sum(loss["sentiment"] is None for loss in steps) == 3 * 4


def test_a_batch_in_which_no_token_is_labelled_has_null_and_not_nan(bench, write_data, of):
    """A word of a lone zero-width joiner leaves the tokenizer with nothing to label."""
    reviews = [("good food", "positive"), ("bad food", "negative")]
    data = write_data(reviews, ["\u200d/O", "oslo/B-LOC"])
    spec = bench.spec(bench.plan(["all"]), data=str(data), batch_size=1)

    steps = of(bench.run(spec), "step")

    pairs = [(step.loss["sentiment"] is None, step.loss["ner"] is None) for step in steps]
    assert sorted(pairs) == [(False, True), (False, True), (True, False), (True, True)]


def test_a_loss_of_exactly_zero_is_kept(bench, of):
    """Heads that learn at a rate of 10 are soon so sure that float32 holds no doubt."""
    spec = bench.spec(
        bench.plan(["heads"], head_learning_rate=10.0), epochs=4, batch_size=1, seed=1
    )

    events = bench.run(spec)

    losses = [each["loss"]["sentiment"] for each in lines(of(events, "step"))]
    assert 0.0 in losses
    assert losses.count(None) == 4 * 4


def test_a_loss_keeps_all_its_digits():
    step = Step(
        elapsed_seconds=0.1 + 0.2,
        phase="p",
        step=1,
        epoch=1 / 3,
        loss={"a": 0.0, "b": None, "c": 2 / 3},
        learning_rates={"ner": 1e-5 / 3},
    )

    line = event_to_json(step)

    assert json.loads(line)["loss"] == {"a": 0.0, "b": None, "c": 2 / 3}
    assert event_from_json(line) == step


def test_scores_keep_their_kind_on_the_way():
    tasks = {
        "a": SentenceScore(loss=None, accuracy=0.25, macro_f1=0.0),
        "b": TokenScore(loss=0.0, entity_f1=0.5, precision=1.0, recall=1 / 3),
    }
    event = Evaluation(elapsed_seconds=1, phase="p", epoch=0, step=0, split="s", tasks=tasks)

    found = event_from_json(event_to_json(event))

    assert found.tasks == tasks
    assert [score.headline for score in found.tasks.values()] == [0.25, 0.5]


def test_the_start_counts_parameters_and_examples(events, bench):
    start = events[0]

    assert (start.totals.all, start.totals.trainable) == (bench.description.total, 66 + 132)
    assert start.totals.frozen + start.totals.trainable == start.totals.all
    assert start.examples == {
        "sentiment": {"train": 8, "validation": 4},
        "ner": {"train": 4, "validation": 4},
    }


def test_the_times_of_a_run_are_parts_of_the_whole(events):
    end = events[-1]

    assert end.training_seconds > 0
    assert end.evaluation_seconds > 0
    assert end.training_seconds + end.evaluation_seconds <= end.total_seconds
    assert end.peak_memory_bytes > 2**20


def test_the_last_evaluation_is_what_the_run_ends_with(events, of):
    assert events[-1].metrics == of(events, "evaluation")[-1].tasks
