"""`scenarios`: the scenarios that fit a checkpoint."""

from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]
BERT = ("--checkpoint", "bert-base-uncased")


def test_scenarios_are_listed_for_a_checkpoint(command: Command) -> None:
    answer = command("scenarios", *BERT, "--format", "json")

    rows = {each["name"]: each for each in answer.json}
    assert list(rows["top-1"]) == ["name", "phases", "learns", "trainable", "when"]
    assert rows["gradual"]["phases"] == 4
    assert rows["heads-only"]["trainable"] == 4_614
    assert rows["gradual"]["trainable"] == 21_268_230  # of its widest phase
    assert "top-12" in rows
    assert all(each["when"] for each in rows.values())
    assert "top-7" not in command("scenarios").out  # the default checkpoint has six layers
