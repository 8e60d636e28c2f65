"""`checkpoints`: the catalogue as a table and as JSON."""

from collections.abc import Callable
from typing import Any

Command = Callable[..., Any]


def test_checkpoints_are_listed_with_their_facts(command: Command) -> None:
    answer = command("checkpoints", "--format", "json")

    found = {each["name"]: each for each in answer.json}
    assert (answer.code, answer.err) == (0, "")
    assert {"minilm-l6", "bert-base-uncased", "roberta-base", "biobert", "legal-bert"} <= set(found)
    bert = found["bert-base-uncased"]
    assert (bert["architecture"], bert["layers"], bert["hidden"]) == ("bert", 12, 768)
    assert bert["parameters"] == 109_482_240
    assert found["minilm-l6"]["weights"] is True
    biobert = found["biobert"]
    assert (biobert["domain"], biobert["cased"]) == ("biomedical", True)
    assert (biobert["tokenizer"], biobert["download_megabytes"]) == ("WordPiece", 433)
    table = command("checkpoints").out
    assert all(name in table for name in found)
    assert "109,482,240" in table


def test_the_table_of_checkpoints_is_one_line_each_of_at_most_120_characters(
    command: Command,
) -> None:
    lines = command("checkpoints").out.splitlines()

    assert len(lines) == 1 + len(command("checkpoints", "--format", "json").json)
    assert max(len(line.rstrip()) for line in lines) <= 120
