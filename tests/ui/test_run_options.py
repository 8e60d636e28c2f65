"""An option of a run reaches every place from its one definition."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from mtl_core.cli.entry import application
from mtl_core.cli.run_options import run_options
from mtl_core.engine.lab import Lab
from mtl_core.report.repeat import compare_command, train_command
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.options import RunOptions, ScalarOptions, flag_of, option_facts, options_of
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.choice import Choice, choice_from
from mtl_core.ui.shared.keys import comparison_option_key
from mtl_core.ui.train.run_actions import choice_of
from tests.run_story import minilm, spec_of
from tests.visiting import visited

OTHER: dict[str, Any] = {
    "epochs": 2.5,
    "batch_size": 8,
    "max_length": 64,
    "random_backbone": True,
    "resample": True,
    "weight_decay": 0.125,
    "max_grad_norm": 2.5,
    "head_dropout": 0.0,
    "frozen_dropout": True,
    "micro_batch_size": 2,
    "gradient_checkpointing": True,
    "examples": {"sentiment": 20, "ner": 10},
    "label_noise": {"ner": 0.3},
    "also_evaluate": ("sample-posts",),
    "others_each_epoch": True,
    "evaluations_per_epoch": 4,
    "probe_layers": True,
    "starts_from": "a-run",
    "device": "cuda",
    "precision": "bfloat16",
    "seed": 7,
    "sentence_vector": "mean",
    "prefix_reuse": False,
    "measure": False,
}
"""A value other than the default for every option."""

NEW = {name: OTHER[name] for name in ("weight_decay", "max_grad_norm", "head_dropout")}


def of_kind(kind: type[BaseModel]) -> dict[str, Any]:
    return {name: value for name, value in OTHER.items() if name in kind.model_fields}


def parsed(command: str, kind: type[RunOptions], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The options that the command line reads from a repeat command."""
    monkeypatch.setattr("mtl_core.training.device.resolve_device", lambda name: name)
    seen: list[dict[str, Any]] = []
    typed = typer.Typer()

    @typed.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
    @run_options(kind)
    def only_options(context: typer.Context, options: dict[str, Any]) -> None:
        seen.append(options)

    words = shlex.split(command.replace("\\\n", " "))[4:]
    result = CliRunner().invoke(typed, words)
    assert result.exit_code == 0, result.output
    return seen[0]


def test_every_option_of_a_run_has_another_value_in_these_tests() -> None:
    assert set(OTHER) == set(options_of(RunSpec))
    for name, (field, _) in options_of(RunSpec).items():
        assert OTHER[name] != field.get_default(call_default_factory=True)


@pytest.mark.parametrize(("command", "kind"), [("train", RunSpec), ("compare", ComparisonSpec)])
def test_every_option_is_in_the_help_of_its_command(command: str, kind: type[RunOptions]) -> None:
    words = CliRunner().invoke(application(), [command, "--help"]).output.split()
    for name, (field, option) in options_of(kind).items():
        assert flag_of(name, field, option) in words


def test_every_number_and_switch_is_a_query_parameter_and_comes_back_from_it() -> None:
    for name, value in of_kind(ScalarOptions).items():
        choice = Choice(**{name: value})
        assert list(choice.as_query()) == [name]
        assert choice_from(choice.as_query()) == (choice, [])
        assert choice.run_options()[name] == value


def test_the_note_about_a_share_without_its_task_says_only_what_to_write() -> None:
    assert choice_from({"label_noise": "0.3"})[1] == [
        "expected task=share with a share from 0 to 1, such as ner=0.3."
    ]


def test_an_address_becomes_a_choice_a_spec_and_a_command_that_gives_the_spec_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    numbers = {name: str(value) for name, value in of_kind(ScalarOptions).items()}
    query = {**numbers, "label_noise": "ner=0.3", "seed": "7", "also_evaluate": "sample-posts"}
    query["sentence_vector"] = "mean"
    choice, notes = choice_from(query)
    assert notes == []
    model = minilm().reading(choice.sentence_vector)
    shared = {"checkpoint": "minilm-l6", "scenario": "full", "data": "sample"}
    plan = spec_of("full").plan
    spec = prepare_spec(model, plan, **shared, seed=choice.seed, **choice.run_options())
    options = parsed(train_command(spec, model), RunSpec, monkeypatch)
    assert prepare_spec(model, plan, **shared, **options) == spec
    again, notes = choice_of(spec, model)
    assert (again.replace(scenario="heads-only"), notes) == (choice, [])


def test_a_repeat_command_gives_every_option_of_a_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec_of("full", **OTHER)
    options = parsed(train_command(spec, minilm()), RunSpec, monkeypatch)
    assert options == of_kind(RunSpec)
    usual = spec_of("full")
    options = parsed(train_command(usual, minilm()), RunSpec, monkeypatch)
    assert {name: getattr(usual, name) for name in options} == options


def test_a_repeat_command_gives_every_option_of_a_comparison_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = ComparisonSpec(checkpoint="minilm-l6", scenarios=("full",), **of_kind(RunOptions))
    assert parsed(compare_command(spec), RunOptions, monkeypatch) == of_kind(RunOptions)


def test_every_option_with_a_label_has_a_field_in_both_folds(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl_core.engine.machine.accelerator_exists", lambda *_: True)
    labelled = [n for n, (_, option) in options_of(ScalarOptions).items() if option.label]
    assert set(NEW) < set(labelled)
    train, compare = visited("train"), visited("compare")
    kinds = {bool: "toggle", str: "selectbox"}
    for name in labelled:
        kind = kinds.get(type(OTHER[name]), "number_input")
        assert getattr(train, kind)(key=name).label == (
            getattr(compare, kind)(key=comparison_option_key(name)).label
        )


def test_a_machine_without_a_gpu_has_no_field_for_the_device(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtl_core.engine.machine.accelerator_exists", lambda *_: False)
    page = visited("train")
    assert "device" not in {each.key for each in page.selectbox}
    page.selectbox(key="precision").set_value("bfloat16").run()
    page.button(key="start").click().run()
    assert not page.exception
    (record,) = lab.store.runs()
    assert (record.spec.device, record.spec.precision) == ("cpu", "bfloat16")


def test_the_fold_of_the_train_page_sets_the_options_of_the_run(lab: Lab) -> None:
    page = visited("train")
    for name, value in NEW.items():
        page.number_input(key=name).set_value(value).run()
    assert {name: page.query_params[name] for name in NEW} == {
        "weight_decay": "0.125",
        "max_grad_norm": "2.5",
        "head_dropout": "0.0",
    }
    page.button(key="start").click().run()
    assert not page.exception
    (record,) = lab.store.runs()
    assert {name: getattr(record.spec, name) for name in NEW} == NEW


def test_the_fold_of_the_compare_page_sets_the_options_of_every_run(lab: Lab) -> None:
    page = visited("compare")
    page.pills(key="scenarios").set_value(["heads-only", "full"]).run()
    for name, value in NEW.items():
        page.number_input(key=f"comparison_{name}").set_value(value).run()
    page.button(key="start_comparison").click().run()
    assert not page.exception
    record = lab.store.comparisons()[0]
    for spec in (record.spec, *(run.spec for run in record.runs)):
        assert {name: getattr(spec, name) for name in NEW} == NEW
        assert option_facts(spec) == [
            "weight decay 0.125",
            "max gradient norm 2.5",
            "head dropout 0",
        ]


def test_a_run_of_the_page_reads_what_its_checkpoint_was_trained_with(lab: Lab) -> None:
    page = visited("train")
    page.button(key="start").click().run()
    page = visited("train", sentence_vector="pooler")
    page.button(key="start").click().run()
    page.selectbox(key="sentence_vector").set_value("first-token").run()
    page.button(key="start").click().run()
    assert not page.exception
    vectors = sorted(run.spec.sentence_vector for run in lab.store.runs())
    assert vectors == ["first-token", "mean", "pooler"]


def test_a_pooler_that_the_checkpoint_does_not_have_is_replaced_and_noted(lab: Lab) -> None:
    page = visited("freeze", checkpoint="distilbert-base-uncased", sentence_vector="pooler")
    assert not page.exception
    noted = " ".join(each.value.replace("\\", "") for each in (*page.warning, *page.caption))
    assert "Sentence vector pooler: distilbert has no pooler." in noted


def test_a_comparison_of_the_page_has_the_chosen_vector(lab: Lab) -> None:
    page = visited("compare")
    page.pills(key="scenarios").set_value(["heads-only"]).run()
    page.button(key="start_comparison").click().run()
    page = visited("compare")
    page.pills(key="scenarios").set_value(["heads-only"]).run()
    page.selectbox(key="comparison_sentence_vector").set_value("first-token").run()
    page.button(key="start_comparison").click().run()
    assert not page.exception
    vectors = sorted(each.spec.sentence_vector for each in lab.store.comparisons(shipped=None))
    assert {"first-token", "mean"} <= set(vectors)


def test_a_store_file_is_not_needed_for_a_value_out_of_range(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        application(), ["train", "--scenario", "full", "--head-dropout", "1"]
    )
    assert "--head-dropout 1.0: input should be less than 1" in str(result.exception)
