import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.snippet import torch_snippet, trainable_prefixes
from mtl_core.freezing.table import ParameterTable, State
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.settings import ANY_FILE
from mtl_core.tasks.task import DEFAULT_TASKS

BERT = ModelDescription(read_description(shipped_description("bert-base-uncased")), DEFAULT_TASKS)

SCENARIOS = ("frozen", "heads-only", "top-1", "freeze-head:ner", "gradual", "discriminative")

RUN_ALL = """
import json, pathlib, sys

def report(model, optimizer):
    layers = model.bert.encoder.layer
    return {
        "requires_grad": {name: each.requires_grad for name, each in model.named_parameters()},
        "dropout_trains": [layer.output.dropout.training for layer in layers],
        "rates": [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
        if optimizer
        else [],
    }

reports = {}
for file in sys.argv[1:]:
    path, space = pathlib.Path(file), {}
    try:
        exec(compile(path.read_text(), file, "exec"), space)
    except AssertionError as problem:
        reports[path.stem] = str(problem)
    else:
        reports[path.stem] = report(space["model"], space["optimizer"])
print(json.dumps(reports))
"""


@pytest.fixture(scope="module")
def tiny_model(tiny_checkpoint: Path) -> ModelDescription:
    return ModelDescription(
        describe(resolve_checkpoint(str(tiny_checkpoint), ANY_FILE)), DEFAULT_TASKS
    )


@pytest.fixture(scope="module")
def reports(
    tiny_model: ModelDescription, tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What each scenario's snippet did, run as it is by a fresh interpreter."""
    folder = tmp_path_factory.mktemp("snippets")
    for scenario in SCENARIOS:
        program = torch_snippet(tables_of(scenario, tiny_model), tiny_model, str(tiny_checkpoint))
        (folder / f"{scenario}.py").write_text(program, encoding="utf-8")
    heads = (folder / "heads-only.py").read_text(encoding="utf-8")
    (folder / "miscounted.py").write_text(heads.replace("trainable=198", "trainable=199"))
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL, *map(str, sorted(folder.iterdir()))],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def tables_of(scenario: str, model: ModelDescription) -> tuple[ParameterTable, ...]:
    return parameter_tables(scenario_plan(scenario, model), model)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_snippet_freezes_exactly_what_the_table_says(
    scenario: str, tiny_model: ModelDescription, reports: dict[str, Any]
) -> None:
    last = tables_of(scenario, tiny_model)[-1]
    expected = {row.name: row.state is not State.FROZEN for row in last.rows}
    assert reports[scenario]["requires_grad"] == expected


@pytest.mark.parametrize(
    ("scenario", "bottom", "top"),
    [
        ("frozen", False, False),
        ("heads-only", False, False),
        ("top-1", False, True),
        ("freeze-head:ner", True, True),
    ],
)
def test_the_snippet_turns_dropout_off_in_frozen_layers(
    scenario: str, bottom: bool, top: bool, reports: dict[str, Any]
) -> None:
    assert reports[scenario]["dropout_trains"] == [bottom, top]


def test_the_snippet_gives_each_layer_its_rate_and_biases_no_decay(reports: dict[str, Any]) -> None:
    rates = [4.44e-05, 0.000115, 0.0003, 0.001, 0.001]
    assert reports["discriminative"]["rates"] == [
        [rate, decay] for rate in rates for decay in (0.01, 0.0)
    ]
    assert reports["frozen"]["rates"] == []


def test_a_wrong_count_stops_the_snippet(reports: dict[str, Any]) -> None:
    assert reports["miscounted"] == "198 trainable parameters, expected 199"


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
    assert "for phase in (phase_1, phase_2, phase_3, phase_4,):" in program


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
