"""CSV of every point, and nothing in it that a spreadsheet would run."""

import csv
import io
from collections.abc import Callable

import pytest

from mtl_core.export.tables import csv_text, parameters_csv, tables_of
from mtl_core.freezing.table_text import as_csv
from mtl_core.report.load import Report
from mtl_core.store.runs import RunStore

Read = Callable[..., Report]


def rows_of(report: Report, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(dict(tables_of(report))[name])))


def test_every_loss_of_every_step_is_a_row_and_a_missing_one_an_empty_cell(
    read: Read, pair: tuple[str, str]
) -> None:
    rows = rows_of(read(*pair), "losses.csv")
    assert len(rows) == 2 * 4 * 2
    first = [(row["step"], row["task"], row["loss"]) for row in rows if row["run"] == pair[0]]
    assert first == [
        *(("1", "sentiment", "0.5"), ("1", "ner", "0.5")),
        *(("2", "sentiment", "0.25"), ("2", "ner", "")),
        *(("3", "sentiment", "0.125"), ("3", "ner", "0.125")),
        *(("4", "sentiment", "0.0"), ("4", "ner", "0.0")),
    ]


def test_rates_and_evaluations_are_rows(read: Read, pair: tuple[str, str]) -> None:
    report = read(*pair)
    rates = rows_of(report, "learning-rates.csv")
    assert [(row["group"], row["learning_rate"]) for row in rates] == [("ner", "0.01")] * 8
    found = {
        (row["step"], row["task"], row["metric"]): row["value"]
        for row in rows_of(report, "evaluations.csv")
        if row["run"] == pair[1]
    }
    assert len(found) == 2 * (3 + 4)
    assert found["0", "ner", "loss"] == "1.4"
    assert found["4", "sentiment", "accuracy"] == "0.85"


def test_scores_keep_all_their_digits(read: Read, pair: tuple[str, str]) -> None:
    rows = rows_of(read(*pair), "scores.csv")
    assert [(row["plan"], row["task"], row["value"], row["standing"]) for row in rows] == [
        ("heads only", "sentiment", "0.7", "open"),
        ("heads only", "ner", "0.3", "open"),
        ("top layer", "sentiment", "0.85", "open"),
        ("top layer", "ner", "0.5", "open"),
    ]
    assert rows[0]["standard_error"] == repr((0.7 * (1 - 0.7) / 20) ** 0.5)
    assert rows[1]["standard_error"] == ""
    assert (rows[0]["judged_on"], rows[0]["sentences"]) == ("validation", "20")
    assert rows[0]["frozen_identical"] == "true"
    assert rows[0]["trained_together"] == rows[0]["trained_beside"] == ""


def test_the_parameter_table_is_that_of_inspect(read: Read, pair: tuple[str, str]) -> None:
    table = read(*pair).runs[0].tables[0]
    assert parameters_csv(table) == as_csv(table)


def test_differences_list_the_spec_keys_that_differ(read: Read, pair: tuple[str, str]) -> None:
    rows = rows_of(read(*pair), "differences.csv")
    assert {row["key"]: (row[pair[0]], row[pair[1]]) for row in rows}["scenario"] == (
        "heads-only",
        "top-1",
    )


@pytest.mark.parametrize("cell", ["=1+1", "+a", "-a", "@SUM(A1)", "\tx", "\nx", "=HYPERLINK(0)"])
def test_a_cell_that_would_be_a_formula_gets_an_apostrophe(cell: str) -> None:
    _, row = csv.reader(io.StringIO(csv_text(["text"], [[cell]]), newline=""))
    assert row == [f"'{cell}"]


def test_a_carriage_return_does_not_end_a_row() -> None:
    assert csv_text(["text"], [["a\rb\r\nc"], ["d"]]) == 'text\n"a\nb\nc"\nd\n'


def test_numbers_are_no_formulas_and_commas_stay_in_their_cell() -> None:
    assert csv_text(["a", "b", "c"], [[-1.5, "x, y", None]]) == 'a,b,c\n-1.5,"x, y",\n'


def test_a_title_that_is_a_formula_gets_an_apostrophe(
    store: RunStore, read: Read, pair: tuple[str, str]
) -> None:
    store.rename(pair[0], "=cmd|' /C calc'!A0")
    assert rows_of(read(*pair), "scores.csv")[0]["name"] == "'=cmd|' /C calc'!A0"
