"""`plan`: a printed plan is equivalent to its scenario."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
BERT = ("--checkpoint", "bert-base-uncased")


@pytest.mark.parametrize(
    "scenario", ["heads-only", "top-2", "freeze-head:ner", "discriminative", "gradual"]
)
def test_a_printed_plan_does_what_its_scenario_does(
    command: Command, tmp_path: Path, scenario: str
) -> None:
    file = tmp_path / "plan.yaml"
    printed = command("plan", *BERT, "--scenario", scenario)
    file.write_text(printed.out, encoding="utf-8")

    by_plan = command("inspect", *BERT, "--plan", file, "--format", "json").json
    by_name = command("inspect", *BERT, "--scenario", scenario, "--format", "json").json

    assert (printed.code, printed.err) == (0, "")
    assert by_plan == by_name
