"""Runs trained together have the events of the same runs alone, within 1e-6."""

import json
import shutil

import pytest

OWN = {"run", "spec", "notes", "peak_memory_bytes", "output"}


def comparable(event):
    """An event without its times, its run, its spec and its notes."""
    values = json.loads(event.model_dump_json())
    return {
        key: value
        for key, value in values.items()
        if key not in OWN and not key.endswith("_seconds")
    }


def assert_close(one, other, where=""):
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_close(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for n, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{where}[{n}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-6), where
    else:
        assert one == other, where


def assert_same_events(together, alone):
    assert [event.event for event in together] == [event.event for event in alone]
    for one, other in zip(together, alone, strict=True):
        assert_close(comparable(one), comparable(other), one.event)


def assert_like_alone(bench, together, specs):
    for spec, events in zip(specs, together(specs), strict=True):
        assert events[0].spec.trained_together == len(specs)
        assert_same_events(events, bench.run(spec))


def test_each_seed_has_the_events_of_its_run_alone(bench, together):
    specs = [bench.spec("heads-only", seed=seed, epochs=5) for seed in range(4)]

    assert_like_alone(bench, together, specs)


def test_each_run_has_its_own_rates_noise_decay_and_clipping(bench, together):
    plan = bench.scenario("heads-only")
    specs = [
        bench.spec(plan, epochs=4),
        bench.spec(plan.with_rates(None, 0.05), epochs=4),
        bench.spec(plan, epochs=4, label_noise={"sentiment": 0.5, "ner": 1.0}),
        bench.spec(plan, epochs=4, weight_decay=0.5, max_grad_norm=0.01, seed=3),
    ]

    assert_like_alone(bench, together, specs)


def test_a_batch_without_a_label_of_a_task_updates_the_other_task_alone(bench, together):
    specs = [bench.spec("heads-only", seed=seed, batch_size=1, epochs=2) for seed in range(3)]

    assert_like_alone(bench, together, specs)


def test_heads_that_a_phase_freezes_do_not_learn_in_it(bench, together):
    plan = bench.plan(["head:ner"], ["heads"], ["head:sentiment"], schedule="linear")
    specs = [bench.spec(plan, seed=seed, epochs=6) for seed in range(3)]

    assert_like_alone(bench, together, specs)


def test_other_options_have_the_same_effect(bench, together, tmp_path):
    other = shutil.copytree(bench.data.parent, tmp_path / "other") / bench.data.name
    plan = bench.scenario("heads-only").model_copy(update={"task_weights": {"ner": 0.25}})
    specs = [
        bench.spec(
            plan,
            seed=seed,
            epochs=2,
            head_dropout=0.0,
            measure=False,
            examples={"sentiment": 5},
            also_evaluate=(str(other),),
        )
        for seed in range(2)
    ]

    assert_like_alone(bench, together, specs)


def test_a_task_without_weight_is_evaluated_and_does_not_learn(bench, together):
    plan = bench.scenario("heads-only").model_copy(update={"task_weights": {"ner": 0.0}})
    specs = [bench.spec(plan, seed=seed, epochs=2) for seed in range(2)]

    assert_like_alone(bench, together, specs)
