"""`predict`: answers of models that runs wrote, as text and as JSON."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def run(train: Command, tmp_path: Path) -> str:
    answer = train(
        *("--scenario", "heads-only", "--epochs", 1, "--batch-size", 4),
        *("--output", tmp_path / "model", "--format", "jsonl"),
    )
    assert answer.code == 0, answer.err
    return str(answer.events[0]["run"])


def test_json_holds_each_models_answers_with_their_confidence(command: Command, run: str) -> None:
    text = "anna was in oslo."
    answer = command("predict", run, "--text", text, "--before-training", "--format", "json")
    assert answer.code == 0, answer.err
    (sentence,) = answer.json["sentences"]
    assert sentence["text"] == text
    assert sentence["words"] == ["anna", "was", "in", "oslo", "."]
    before, after = sentence["models"]
    assert [before["model"], after["model"]] == ["before training", run]
    assert before["answers"] != after["answers"]
    by_label = after["answers"]["sentiment"]["by_label"]
    assert list(by_label) == ["negative", "positive"]
    assert sum(by_label.values()) == pytest.approx(1, abs=1e-6)
    assert after["answers"]["sentiment"]["confidence"] == max(by_label.values())
    assert len(after["answers"]["ner"]["tags"]) == 5


def test_text_tells_each_model_in_lines_and_what_was_cut(command: Command, run: str) -> None:
    answer = command("predict", run, "--text", "good food", "--text", "food " * 20)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[:2] == ["good food", f"  {run}"]
    assert lines[2].startswith("    sentiment: ")
    assert lines[3].startswith("    ner: ")
    assert lines[-1] == "    truncated: only 14 of 20 words fit the maximum length"


def test_invalid_sentences_are_refused_in_one_message(
    command: Command, train: Command, refused: Callable[..., str], run: str, tmp_path: Path
) -> None:
    assert "--text is empty" in refused("predict", run, "--text", " ")
    assert "nothing-like-it" in refused("predict", "nothing-like-it", "--text", "good")
    bare = train("--scenario", "frozen", "--format", "jsonl").events[0]["run"]
    assert f"Run '{bare}' has no saved model. Run it again with --output DIR" in refused(
        "predict", bare, "--text", "good"
    )
    (tmp_path / "model" / "model.safetensors").unlink()
    assert f"The model of run '{run}' is no longer at" in refused("predict", run, "--text", "good")
