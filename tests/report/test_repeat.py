import shlex

import pytest

from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.report.repeat import (
    compare_command,
    needs_plan_file,
    parent_comment,
    train_command,
    with_threads,
)
from mtl_core.training.arm import named_arm
from mtl_core.training.comparison import ComparisonSpec
from tests.run_story import minilm, spec_of


def test_the_command_names_every_choice_of_the_run() -> None:
    spec = spec_of("heads-only", epochs=3.0, seed=7, examples={"ner": 50})
    assert train_command(spec, minilm()) == (
        "python -m mtl_core train \\\n"
        "  --checkpoint minilm-l6 \\\n"
        "  --scenario heads-only \\\n"
        "  --data sample \\\n"
        "  --epochs 3 \\\n"
        "  --batch-size 16 \\\n"
        "  --max-length 128 \\\n"
        "  --sentence-vector first-token \\\n"
        "  --seed 7 \\\n"
        "  --examples ner=50"
    )


def test_rates_are_listed_only_where_they_differ_from_the_scenarios() -> None:
    plan = scenario_plan("gradual", minilm()).with_rates(head_learning_rate=0.005)
    spec = spec_of("gradual").model_copy(update={"plan": plan})
    command = train_command(spec, minilm())
    assert "--head-learning-rate 0.005" in command
    assert "--learning-rate" not in command.replace("--head-learning-rate", "")


def test_a_custom_plan_is_passed_as_a_file() -> None:
    plan = Plan(name="mine", phases=(Phase(name="one", train=("heads", "biases")),))
    spec = spec_of("full").model_copy(update={"plan": plan, "scenario": None})
    assert "--plan plan.yaml" in train_command(spec, minilm())
    assert needs_plan_file(spec, minilm())


def test_shell_syntax_is_quoted() -> None:
    spec = spec_of("heads-only").model_copy(update={"data": "my data/$(x).yaml"})
    assert "--data 'my data/$(x).yaml'" in train_command(spec, minilm())


def test_device_and_precision_are_listed_where_they_differ_from_the_defaults() -> None:
    other = {"device": "cuda", "precision": "bfloat16"}
    command = train_command(spec_of("heads-only").model_copy(update=other), minilm())
    assert command.endswith("\n  --device cuda \\\n  --precision bfloat16")
    assert "--device" not in train_command(spec_of("heads-only"), minilm())


def test_a_run_without_prefix_reuse_is_repeated_without_it() -> None:
    spec = spec_of("heads-only").model_copy(update={"prefix_reuse": False})
    assert train_command(spec, minilm()).endswith("\n  --no-prefix-reuse")


def test_a_run_without_measures_is_repeated_without_them() -> None:
    spec = spec_of("heads-only").model_copy(update={"measure": False})
    assert train_command(spec, minilm()).endswith("\n  --no-measures")


def test_label_noise_is_named_for_each_task() -> None:
    command = train_command(spec_of("full", label_noise={"sentiment": 0.3, "ner": 0.125}), minilm())
    assert command.endswith("\n  --label-noise sentiment=0.3 \\\n  --label-noise ner=0.125")


def test_a_run_from_random_weights_is_repeated_from_random_weights() -> None:
    spec = spec_of("heads-only", random_backbone=True)
    assert train_command(spec, minilm()).endswith("\n  --random-backbone")


def test_other_data_that_were_scored_are_scored_again() -> None:
    command = train_command(spec_of("full", also_evaluate=("sample-posts", "my data")), minilm())
    assert command.endswith("\n  --also-evaluate sample-posts \\\n  --also-evaluate 'my data'")


def test_epochs_keep_all_their_digits() -> None:
    assert "--epochs 0.3333333333333333 " in train_command(
        spec_of("heads-only", epochs=1 / 3), minilm()
    )


@pytest.mark.parametrize("scenario", ["heads-only", "gradual", "freeze-head:ner", "ulmfit"])
def test_the_words_of_the_command_choose_the_runs_own_plan(scenario: str) -> None:
    plan = scenario_plan(scenario, minilm()).with_rates(0.0007, 0.03)
    spec = spec_of(scenario).model_copy(update={"plan": plan})
    words = shlex.split(train_command(spec, minilm()).replace("\\\n", " "))[4:]
    options = dict(zip(words[::2], words[1::2], strict=True))
    chosen = load_model_and_plan(
        options["--checkpoint"], options["--scenario"], None, options["--data"]
    )
    rates = (options.get(f"--{name}learning-rate") for name in ("", "head-"))
    assert chosen.plan.with_rates(*(float(rate) if rate else None for rate in rates)) == plan
    assert chosen.model.tasks == spec.tasks


def test_the_run_that_others_start_from_is_named_in_a_comment() -> None:
    arm = named_arm("full", options={"starts_from": "second"})
    spec = ComparisonSpec(checkpoint="minilm-l6", arms=(arm,), starts_from="first")
    for run, line in zip(("first", "second"), parent_comment(spec)[::2], strict=True):
        assert line == f"# Starts from run {run}, which must be in the store (FREEZE_LAB_HOME) with"
    assert parent_comment(spec_of("full")) == []


def test_the_number_of_threads_is_in_the_environment_of_the_command() -> None:
    assert with_threads(3, "python") == "FREEZE_LAB_THREADS=3 python"
    assert with_threads(None, "python") == "python"


def test_a_comparisons_command_lists_all_options_of_its_spec() -> None:
    spec = ComparisonSpec(
        checkpoint="minilm-l6",
        scenarios=("heads-only", "top-1"),
        seeds=(0, 2),
        seconds=30.0,
        learning_rate=0.0003,
        sweep=(0.3, 1.0),
        examples={"ner": 50},
        label_noise={"sentiment": 0.25},
        also_evaluate=("sample-posts",),
        random_backbone=True,
    )
    assert compare_command(spec) == (
        "python -m mtl_core compare \\\n"
        "  --checkpoint minilm-l6 \\\n"
        "  --scenarios heads-only,top-1 \\\n"
        "  --seeds 0,2 \\\n"
        "  --data sample \\\n"
        "  --seconds 30 \\\n"
        "  --batch-size 16 \\\n"
        "  --max-length 128 \\\n"
        "  --sentence-vector first-token \\\n"
        "  --learning-rate 0.0003 \\\n"
        "  --sweep 0.3,1 \\\n"
        "  --examples ner=50 \\\n"
        "  --label-noise sentiment=0.25 \\\n"
        "  --also-evaluate sample-posts \\\n"
        "  --random-backbone"
    )
    on_a_card = spec.model_copy(update={"device": "cuda", "precision": "bfloat16"})
    assert "\n  --device cuda \\\n  --precision bfloat16 \\\n" in compare_command(on_a_card)
    onward = spec.model_copy(update={"random_backbone": False, "starts_from": "a-run"})
    assert compare_command(onward).endswith("  --starts-from a-run")
    with_margin = spec.model_copy(update={"margin": 0.02})
    assert "\n  --margin 0.02" in compare_command(with_margin)
    assert "\n  --reference full" in compare_command(with_margin, "full")
    several = spec.model_copy(update={"examples": {}, "train_sizes": (50, 100, None)})
    assert "\n  --examples 50,100,all \\\n" in compare_command(several)
