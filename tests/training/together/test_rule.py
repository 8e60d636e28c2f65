"""Which runs are trained together."""

import subprocess
import sys

import pytest

from mtl_core.training.together.rule import trains_together


def test_runs_with_other_seeds_rates_and_noise_are_trained_together(bench):
    plan = bench.scenario("heads-only")
    one = bench.spec(plan)

    for other in (
        bench.spec(plan, seed=7),
        bench.spec(plan.with_rates(1e-4, 1e-1)),
        bench.spec(plan, label_noise={"ner": 0.2}),
        bench.spec(plan, weight_decay=0.5, max_grad_norm=0.1),
    ):
        assert trains_together(one, other)


def test_heads_are_float32_in_any_precision_so_their_runs_are_trained_together(bench):
    one, other = (bench.spec("heads-only", precision="bfloat16", seed=seed) for seed in (0, 1))
    assert trains_together(one, other)
    assert not trains_together(one, bench.spec("heads-only"))


def test_phases_of_heads_are_trained_together_whatever_their_rates(bench):
    plan = bench.plan(["head:ner"], ["heads"])
    faster = plan.phases[1].model_copy(update={"learning_rate": 0.1})
    other = plan.model_copy(update={"phases": (plan.phases[0], faster)})

    assert trains_together(bench.spec(plan), bench.spec(other))


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 2.0},
        {"batch_size": 8},
        {"examples": {"ner": 2}},
        {"head_dropout": 0.5},
        {"starts_from": "another run"},
        {"measure": False},
        {"threads": 2},
    ],
    ids=lambda values: next(iter(values)),
)
def test_runs_that_differ_in_anything_else_are_not(bench, values):
    assert not trains_together(bench.spec("heads-only"), bench.spec("heads-only", **values))


@pytest.mark.parametrize(
    "values",
    [
        {"prefix_reuse": False},
        {"frozen_dropout": True},
        {"random_backbone": True},
        {"resample": True},
        {"others_each_epoch": True},
        {"probe_layers": True},
        {"device": "cuda"},
    ],
    ids=lambda values: next(iter(values)),
)
def test_runs_without_stored_outputs_on_the_cpu_are_not(bench, values):
    one, other = (bench.spec("heads-only", seed=seed, **values) for seed in (0, 1))

    assert not trains_together(one, other)


@pytest.mark.parametrize("trains", [["heads", "top:1"], ["classifier.*"], []])
def test_a_phase_that_may_train_more_or_less_than_heads_is_not(bench, trains):
    one, other = (bench.spec(bench.plan(["heads"], trains), seed=seed) for seed in (0, 1))

    assert not trains_together(one, other)


def test_the_rule_does_not_import_torch():
    program = "import sys, mtl_core.training.together.rule; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
