"""The program of a plan: executed on a tiny model, beside the optimizer of a run."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.freezing.rates import default_rates
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan, scenarios
from mtl_core.freezing.snippet import torch_snippet, trainable_prefixes
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.optimizer import PlanOptimizer, optimizer_groups
from mtl_core.training.schedule import rate_factor

BERT = ModelDescription(read_description(shipped_description("bert-base-uncased")), DEFAULT_TASKS)

SCENARIOS = (
    *("frozen", "heads-only", "layernorm", "bitfit", "top-1", "top-2", "bottom-1", "bottom-2"),
    *("freeze-head:sentiment", "freeze-head:ner", "embeddings-frozen", "full", "lp-ft"),
    *("gradual", "discriminative", "ulmfit", "chain-thaw"),
)


@pytest.fixture(scope="module")
def tiny_model(tiny_checkpoint: Path) -> ModelDescription:
    return ModelDescription(
        describe(resolve_checkpoint(str(tiny_checkpoint), ANY_FILE)), DEFAULT_TASKS
    )


@pytest.fixture(scope="module")
def execute(tiny_model: ModelDescription, tiny_checkpoint: Path) -> Callable[..., dict[str, Any]]:
    """Runs the program of a plan as it is; returns the names that it defines."""

    def run(plan: Plan, **options: Any) -> dict[str, Any]:
        tables, space = parameter_tables(plan, tiny_model), {}
        program = torch_snippet(tables, tiny_model, str(tiny_checkpoint), **options)
        with torch.random.fork_rng(devices=[]):
            exec(program, space)  # noqa: S102 (it is the product's own)
        return space

    return run


@pytest.fixture(scope="module")
def executed(
    tiny_model: ModelDescription, execute: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """As `execute`, for a scenario, once for each set of options."""
    return cache(
        lambda scenario, **options: execute(scenario_plan(scenario, tiny_model), **options)
    )


def tables_of(scenario: str, model: ModelDescription) -> tuple[ParameterTable, ...]:
    return parameter_tables(scenario_plan(scenario, model), model)


def groups_of(optimizer: Any, model: Any) -> dict[str, tuple[float, float]]:
    """The rate and the weight decay of each parameter of a torch optimizer, by name."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in (optimizer.param_groups if optimizer else ())
        for parameter in group["params"]
    }


def test_every_scenario_of_the_tiny_model_is_tested(tiny_model: ModelDescription) -> None:
    assert {each.name for each in scenarios(tiny_model)} == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_groups_of_the_program_are_those_of_a_run_in_every_phase(
    scenario: str, tiny_model: ModelDescription, executed: Callable[..., dict[str, Any]]
) -> None:
    program, previous = executed(scenario), None
    tables = tables_of(scenario, tiny_model)
    for table, phase in zip(tables, program["PHASES"], strict=True):
        previous = phase(program["model"], previous)
        expected = {
            name: (group.learning_rate, group.weight_decay)
            for group in optimizer_groups(table, tiny_model, 0.01)
            for name in group.names
        }
        assert groups_of(previous, program["model"]) == expected
        learns = {name: p.requires_grad for name, p in program["model"].named_parameters()}
        assert learns == {row.name: row.state is not State.FROZEN for row in table.rows}


@pytest.mark.parametrize(
    ("scenario", "options", "bottom", "top"),
    [
        ("frozen", {}, False, False),
        ("heads-only", {}, False, False),
        ("top-1", {}, False, True),
        ("freeze-head:ner", {}, True, True),
        ("heads-only", {"frozen_dropout": True}, True, True),
    ],
)
def test_the_program_turns_dropout_off_in_frozen_layers(
    scenario: str,
    options: dict[str, bool],
    bottom: bool,
    top: bool,
    executed: Callable[..., dict[str, Any]],
) -> None:
    layers = executed(scenario, **options)["model"].bert.encoder.layer
    assert [layer.output.dropout.training for layer in layers] == [bottom, top]


def test_each_layer_has_all_digits_of_its_rate_and_biases_no_decay(
    executed: Callable[..., dict[str, Any]],
) -> None:
    program = executed("discriminative")
    groups = groups_of(program["optimizer"], program["model"])
    rate = default_rates("discriminative", 384).encoder / 2.6
    assert groups["bert.encoder.layer.0.output.dense.weight"] == (rate, 0.01)
    assert groups["bert.encoder.layer.0.output.dense.bias"] == (rate, 0.0)
    assert groups["bert.encoder.layer.0.output.LayerNorm.weight"] == (rate, 0.0)


@pytest.mark.parametrize("schedule", Schedule)
def test_schedule_and_steps_of_the_program_are_those_of_a_run(
    schedule: Schedule, execute: Callable[..., dict[str, Any]]
) -> None:
    phases = tuple(
        Phase(name=str(epochs), train=("heads",), epochs=epochs) for epochs in (1.0, 2.5)
    )
    program = execute(Plan(name="own", phases=phases, schedule=schedule))
    for steps in (1, 2, 9, 10, 25):
        factors = [program["rate_factor"](step, steps) for step in range(1, steps + 1)]
        assert factors == [rate_factor(schedule, step, steps) for step in range(1, steps + 1)]
    assert program["phase_steps"](33) == [9, 24]


def test_training_with_the_program_takes_the_steps_of_a_run(
    tiny_model: ModelDescription, execute: Callable[..., dict[str, Any]]
) -> None:
    """Two phases, with moments that go on, clipping, decay, the schedule and a loss weight."""
    phases = tuple(
        Phase(name=name, train=train) for name, train in (("a", ("heads",)), ("b", ("all",)))
    )
    plan = Plan(name="own", phases=phases, task_weights={"ner": 0.25}, learning_rate=1e-3)
    program = execute(plan, weight_decay=0.5, max_grad_norm=0.1)
    model, other = program["model"], deepcopy(program["model"])
    parameters = dict(other.named_parameters())
    tables = parameter_tables(plan, tiny_model)
    mine = PlanOptimizer(tables, tiny_model, parameters, weight_decay=0.5, max_grad_norm=0.1)

    def losses(of: Any) -> dict[str, Any]:
        """A loss that depends on all weights and, as an unreached pooler, not on others."""
        squares = {
            n: (p - 0.1).square().sum() for n, p in of.named_parameters() if "pooler" not in n
        }
        return {"sentiment": sum(squares.values()), "ner": sum(squares.values())}

    before = model.classifier.weight.detach().clone()
    program["train"](model, losses, 6)
    for table in tables:
        learning = {row.name for row in table.rows if row.learning_rate is not None}
        for step in (1, 2, 3):
            (1.25 * losses(other)["sentiment"]).backward()
            for name, parameter in parameters.items():
                if name not in learning:
                    parameter.grad = None
            mine.step(table, step, 3)

    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, parameters[name], rtol=1e-5, atol=1e-7)
    assert (model.classifier.weight - before).abs().max() > 1e-3


def test_a_wrong_count_stops_the_program(
    tiny_model: ModelDescription, executed: Callable[..., dict[str, Any]]
) -> None:
    program = executed("heads-only")
    with pytest.raises(AssertionError, match="198 trainable parameters, expected 199"):
        program["begin_phase"](
            program["model"], None, {"classifier": 0.01, "ner": 0.01}, trainable=199
        )


def test_bert_with_its_top_layer_needs_three_names() -> None:
    (table,) = tables_of("top-1", BERT)
    assert trainable_prefixes(table.rows) == (
        ("bert.encoder.layer.11", 5e-5),
        ("classifier", 1e-3),
        ("ner", 1e-3),
    )


def test_layer_1_does_not_cover_layers_10_and_11() -> None:
    plan = Plan(name="one", phases=(Phase(name="one", train=("layer:1",)),))
    (table,) = parameter_tables(plan, BERT)
    assert trainable_prefixes(table.rows) == (("bert.encoder.layer.1", 5e-5),)
    assert 'name.startswith(part + ".")' in torch_snippet((table,), BERT, "somewhere")


def test_an_unused_pooler_is_listed_as_unreached() -> None:
    tables = tables_of("full", BERT)
    assert 'trainable=108_896_262, unreached=("bert.pooler",)' in torch_snippet(tables, BERT, "x")


def test_gradual_has_a_function_for_each_phase() -> None:
    program = torch_snippet(tables_of("gradual", BERT), BERT, "google-bert/bert-base-uncased")
    assert 'CHECKPOINT = "google-bert/bert-base-uncased"' in program
    assert '"""Phase 2 of 4, + layer 11: 7,092,486 of 109,486,854 trainable."""' in program
    assert "PHASES = (phase_1, phase_2, phase_3, phase_4,)" in program


def test_user_text_cannot_escape_its_string_literal() -> None:
    name = 'a"""\nimport os #'
    plan = Plan(name=name, phases=(Phase(name=name, train=("heads",)),))
    program = torch_snippet(parameter_tables(plan, BERT), BERT, 'x"\nimport os')
    compile(program, "snippet", "exec")
    assert "\nimport os" not in program


def test_the_options_of_a_run_are_in_the_program() -> None:
    tables = tables_of("heads-only", BERT)
    program = torch_snippet(
        tables, BERT, "x", weight_decay=0.05, max_grad_norm=0.5, head_dropout=0.2
    )
    assert "WEIGHT_DECAY = 0.05" in program
    assert "MAX_GRAD_NORM = 0.5" in program
    assert "nn.Dropout(0.2)" in program


def test_the_program_reads_the_sentence_vector_of_the_model() -> None:
    lines = {
        SentenceVector.FIRST_TOKEN: "sentence = self.dropout(output.last_hidden_state[:, 0])",
        SentenceVector.MEAN: "(output.last_hidden_state * real).sum(1) / real.sum(1)",
        SentenceVector.POOLER: "sentence = self.dropout(output.pooler_output)",
    }
    for vector, line in lines.items():
        model = BERT.reading(vector)
        program = torch_snippet(parameter_tables(scenario_plan("full", model), model), model, "x")
        assert line in program
        assert ("unreached" in program.partition("def phase_1")[2]) is (vector != "pooler")
