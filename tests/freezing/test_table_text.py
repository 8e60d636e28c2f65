import csv
import io
import json

import pytest

from mtl_core.freezing.resolve import parameter_table, parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.freezing.table_text import (
    as_csv,
    as_json,
    as_markdown,
    listing,
    no_effect_notes,
    rate_text,
    shape_text,
)
from tests.freezing.small_models import plan_of, shipped, tied_model, two_layers


def small_table(*train: str) -> ParameterTable:
    return parameter_table(plan_of(*train, learning_rate=3e-4), two_layers())


def test_the_listing_follows_requires_grad_so_unreached_tensors_are_trainable() -> None:
    table = small_table("heads", "pooler", "layer:1")

    assert listing(table) == (
        "Trainable Parameters:\n"
        "  ✅ tiny.layer.1.dense.weight\n"
        "  ✅ tiny.layer.1.norm.bias\n"
        "  ✅ tiny.pooler.weight\n"
        "  ✅ classifier.weight\n"
        "  ✅ classifier.bias\n"
        "  ✅ ner.weight\n"
        "  ✅ ner.bias\n"
        "\n"
        "Frozen Parameters:\n"
        "  ❌ tiny.embeddings.weight\n"
        "  ❌ tiny.layer.0.dense.weight\n"
        "  ❌ tiny.layer.0.norm.bias\n"
        "  ❌ tiny.final.norm.bias\n"
    )


def test_the_listing_names_a_tied_tensor_once_as_torch_does() -> None:
    text = listing(parameter_table(plan_of("all"), tied_model()))

    assert "tiny.layer.0.dense.weight" in text
    assert "tiny.layer.1.dense.weight" not in text


def test_the_listing_has_both_headings_even_if_a_list_is_empty() -> None:
    assert listing(small_table()).startswith("Trainable Parameters:\n\nFrozen Parameters:\n  ❌ ")
    assert listing(small_table("all")).endswith("  ✅ ner.bias\n\nFrozen Parameters:\n")


def test_csv_reads_back_with_every_digit_and_adds_up() -> None:
    model = shipped("bert-base-uncased")
    table = parameter_table(scenario_plan("discriminative", model), model)

    rows = list(csv.DictReader(io.StringIO(as_csv(table))))

    assert list(rows[0]) == [
        *("name", "state", "shape", "count", "group", "learning_rate", "reached_by", "tied_to"),
        "no_effective_update",
    ]
    assert [row["name"] for row in rows] == [row.name for row in table.rows]
    assert [row["state"] for row in rows] == [row.state for row in table.rows]
    assert sum(int(row["count"]) for row in rows) == table.totals.all
    read = [float(row["learning_rate"]) if row["learning_rate"] else None for row in rows]
    assert read == [row.learning_rate for row in table.rows]
    assert rows[0]["shape"] == "30522 × 768"
    assert rows[0]["reached_by"] == "sentiment ner"
    assert rows[0]["tied_to"] == ""
    marked = [row["name"] for row in rows if row["no_effective_update"] == "true"]
    assert marked == [row.name for row in table.rows if row.no_effective_update]
    assert len(marked) == 9


def test_csv_gives_a_tied_name_no_parameters_and_its_owner() -> None:
    table = parameter_table(plan_of("all"), tied_model())
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(as_csv(table)))}

    assert rows["tiny.layer.1.dense.weight"]["count"] == "0"
    assert rows["tiny.layer.1.dense.weight"]["tied_to"] == "tiny.layer.0.dense.weight"


def test_markdown_is_a_table_and_a_sum() -> None:
    lines = as_markdown(small_table("all")).splitlines()

    assert lines[0] == "| state | parameter | shape | count | group | learning rate |"
    assert lines[2] == (
        "| ▲ trainable | `tiny.embeddings.weight` | 10 × 8 | 80 | embeddings | 3e-4 |"
    )
    assert "| ○ unreached | `tiny.pooler.weight` | 8 × 8 | 64 | pooler |  |" in lines
    assert lines[-1] == "286 trainable + 0 frozen + 64 unreached = 350 parameters"
    assert {line.count("|") for line in lines[:13]} == {7}


def test_the_json_document_has_exactly_the_documented_fields() -> None:
    model = shipped("bert-base-uncased")
    tables = parameter_tables(scenario_plan("gradual", model), model)

    document = json.loads(json.dumps(as_json(tables, 2, "bert-base-uncased", "gradual")))

    assert list(document) == [
        *("checkpoint", "scenario", "phase", "phases", "totals"),
        *("tensors_without_effective_update", "groups", "parameters"),
    ]
    assert document["phase"] == 2
    assert document["phases"] == [
        {
            "name": name,
            "epochs": 1.0,
            "trainable": trainable,
            "frozen": 109_486_854 - trainable,
            "unreached": 0,
            "learning_rate": rate,
        }
        for name, trainable, rate in (
            ("heads", 4_614, 1e-2),
            ("+ layer 11", 7_092_486, 5e-5),
            ("+ layer 10", 14_180_358, 5e-5),
            ("+ layer 9", 21_268_230, 5e-5),
        )
    ]
    assert document["totals"] == {
        "all": 109_486_854,
        "trainable": 7_092_486,
        "frozen": 102_394_368,
        "unreached": 0,
    }
    assert document["groups"][-1] == {
        "name": "ner",
        "all": 3_076,
        "trainable": 3_076,
        "frozen": 0,
        "unreached": 0,
    }
    assert document["parameters"][-2] == {
        "name": "ner.weight",
        "shape": [4, 768],
        "count": 3_072,
        "group": "ner",
        "state": "trainable",
        "learning_rate": 1e-3,
        "reached_by": ["ner"],
        "tied_to": None,
        "no_effective_update": False,
    }
    assert document["tensors_without_effective_update"] == 0


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (None, ""),
        (3e-4, "3e-4"),
        (1.15e-4, "1.15e-4"),
        (1e-2, "1e-2"),
        (5e-5, "5e-5"),
        (9.999e-5, "1e-4"),
        (5e-5 / 2.6**12, "5.24e-10"),
        (10.0, "1e1"),
        (0.5, "5e-1"),
    ],
)
def test_rates_are_formatted_with_an_exponent(rate: float | None, text: str) -> None:
    assert rate_text(rate) == text


def test_shapes_are_formatted_with_multiplication_signs() -> None:
    assert shape_text((768, 3072)) == "768 × 3072"
    assert shape_text((768,)) == "768"
    assert shape_text(()) == ""


def test_rates_below_the_resolution_of_float32_are_marked_and_explained() -> None:
    model = shipped("bert-base-uncased")
    table = parameter_table(scenario_plan("discriminative", model), model)

    lines = as_markdown(table).splitlines()

    marked = [line for line in lines if line.endswith(" † |")]
    assert len(marked) == table.without_effective_update == 9
    assert all(".LayerNorm.weight` |" in line for line in marked)
    assert lines[-1] == (
        "† no effective update (9 LayerNorm tensors, estimated): below a rate of 2.98e-8, a step "
        "is smaller than float32 resolves for weights of about 1."
    )
    assert no_effect_notes(small_table("all")) == ()


def test_only_trainable_layernorm_weights_are_estimated_and_strictly_below_the_bound() -> None:
    model = shipped("bert-base-uncased")

    def marked(rate: float, *train: str) -> list[str]:
        table = parameter_table(plan_of(*train, learning_rate=rate), model)
        return [row.name for row in table.rows if row.no_effective_update]

    assert marked(2.0**-25, "all") == []
    assert len(marked(2.9e-8, "all")) == 25
    assert marked(1e-12, "biases") == []
    assert marked(1e-12, "layer:3") == [
        "bert.encoder.layer.3.attention.output.LayerNorm.weight",
        "bert.encoder.layer.3.output.LayerNorm.weight",
    ]
