"""The options of a run: their definitions, and the effect of those of the optimiser and heads."""

import json
import typing

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from mtl_core.training.arm import ComparisonArm
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.loaded_run import load_run
from mtl_core.training.options import (
    RunOptions,
    ScalarOptions,
    first_problem,
    option_facts,
    options_of,
    unusual_arguments,
    usual_arguments,
)
from mtl_core.training.spec import RunSpec

NEW = {"weight_decay": 0.2, "max_grad_norm": 0.5, "head_dropout": 0.0}


def test_every_field_of_the_options_is_an_option_with_a_help_text():
    for kind in (ScalarOptions, RunOptions):
        assert list(options_of(kind)) == list(kind.model_fields)
        assert all(option.help.endswith(".") for _, option in options_of(kind).values())


def test_both_specs_have_every_option_with_the_same_default():
    for kind in (RunSpec, ComparisonSpec):
        defaults = {name: kind.model_fields[name] for name in RunOptions.model_fields}
        for name, field in defaults.items():
            assert repr(field) == repr(RunOptions.model_fields[name])


def test_facts_name_only_what_is_not_at_its_default(bench):
    assert option_facts(bench.spec("full")) == []
    assert option_facts(bench.spec("full", **NEW)) == [
        "weight decay 0.2",
        "max gradient norm 0.5",
        "head dropout 0",
    ]


def test_arguments_name_what_is_not_at_its_default_with_all_its_digits(bench):
    spec = bench.spec("full", weight_decay=1 / 3, measure=False, examples={"ner": 5})
    assert usual_arguments(spec) == [
        ("--epochs", "1"),
        ("--batch-size", "4"),
        ("--max-length", "32"),
        ("--sentence-vector", "first-token"),
        ("--seed", "0"),
    ]
    assert unusual_arguments(spec) == [
        ("--weight-decay", "0.3333333333333333"),
        ("--examples", "ner=5"),
        ("--no-measures",),
    ]


def test_a_spec_written_before_these_options_existed_has_their_defaults(bench):
    content = json.loads(bench.spec("full").model_dump_json())
    for name in NEW:
        del content[name]
    assert RunSpec.model_validate_json(json.dumps(content)) == bench.spec("full")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight_decay", -0.1, "greater than or equal to 0"),
        ("max_grad_norm", 0.0, "greater than 0"),
        ("max_grad_norm", float("inf"), "finite"),
        ("head_dropout", 1.0, "less than 1"),
        ("head_dropout", -0.1, "greater than or equal to 0"),
    ],
)
def test_values_out_of_range_are_refused(name, value, message):
    with pytest.raises(ValidationError, match=message):
        ScalarOptions(**{name: value})


def test_weight_decay_changes_the_weights_that_a_run_writes(bench, tmp_path):
    plan = bench.plan(["all"], learning_rate=1e-3)
    without = bench.end(bench.spec(plan, weight_decay=0.0), tmp_path / "without")
    usual = bench.end(bench.spec(plan), tmp_path / "usual")
    much = bench.end(bench.spec(plan, weight_decay=0.5), tmp_path / "much")
    name = "bert.encoder.layer.0.output.dense.weight"
    assert not torch.equal(without[name], usual[name])
    assert much[name].norm() < usual[name].norm() < without[name].norm()


def test_a_tiny_gradient_norm_shrinks_adamws_steps(bench, tmp_path):
    """AdamW divides by the gradient's own size, except by what its epsilon of 1e-8 adds."""
    start = bench.start()
    plan = bench.plan(["head:sentiment"], head_learning_rate=1e-3)
    moved = {}
    for norm in (1.0, 1e-9):
        spec = bench.spec(plan, max_grad_norm=norm, weight_decay=0.0)
        end = bench.end(spec, tmp_path / str(norm))
        moved[norm] = (end["classifier.weight"] - start["classifier.weight"]).norm().item()
    assert moved[1e-9] < moved[1.0] / 5


def test_without_head_dropout_two_passes_in_training_mode_are_equal(bench):
    states = torch.randn(2, 5, 32)
    for share, equal in ((0.0, True), (0.5, False)):
        model = load_run(bench.spec("heads-only", head_dropout=share)).model.train()
        first, second = (model.heads(states, torch.ones(2, 5)) for _ in range(2))
        assert all(torch.equal(first[task], second[task]) is equal for task in first)


def test_head_dropout_changes_the_losses_with_the_prefix_stored_or_not(bench, of):
    def losses(**values):
        return [each.loss for each in of(bench.run(bench.spec("heads-only", **values)), "step")]

    for reuse in (True, False):
        some, none = (losses(head_dropout=p, prefix_reuse=reuse) for p in (0.1, 0.0))
        assert some != none
        assert losses(prefix_reuse=reuse) == some


def test_device_and_precision_are_closed_lists():
    for name in ("device", "precision"):
        annotation = RunOptions.model_fields[name].annotation
        assert RunOptions.model_fields[name].default in typing.get_args(annotation)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"batch_size": 0}, "Batch size 0: it should be greater than or equal to 1."),
        ({"head_dropout": 2}, "Head dropout 2: it should be less than 1."),
        ({"precision": "float8"}, "Precision float8: it should be 'float32' or 'bfloat16'."),
        ({"epochs": "x" * 99}, f"Epochs {'x' * 60}…: it should be a valid number, unable to"),
    ],
)
def test_the_first_problem_names_the_field_the_value_and_what_is_possible(values, sentence):
    with pytest.raises(ValidationError) as raised:
        ScalarOptions(**values)
    assert first_problem(raised.value).startswith(sentence)


def test_the_first_problem_of_text_that_is_no_json_has_no_field():
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(tuple[ComparisonArm, ...]).validate_json("[")
    assert first_problem(raised.value).startswith("Invalid JSON: ")
