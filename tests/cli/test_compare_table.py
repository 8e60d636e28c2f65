"""The table that `compare` ends with, on terminals of several widths."""

from io import StringIO

from rich.console import Console

from mtl_core.cli.compare.results import results_table
from tests.grouped_story import grouped, plan_result


def test_a_table_of_results_fits_a_terminal_of_80_columns_line_by_line() -> None:
    results = grouped(
        plan_result("discriminative", 47.0, trainable=22_567_686), plan_result("top-1", 10.0)
    )
    narrow, wide = StringIO(), StringIO()
    Console(width=80, file=narrow).print(results_table(results, 80))
    Console(width=120, file=wide).print(results_table(results, 120))
    assert "0.850 (0.800 to 0.900)" in wide.getvalue()
    assert [line.split() for line in narrow.getvalue().splitlines()[2:4]] == [
        ["discriminative", "22,567,686", "0.850", "0.400", "47.0", "470", "0"],
        ["0.800", "to", "0.900", "0.300", "to", "0.500"],
    ]
