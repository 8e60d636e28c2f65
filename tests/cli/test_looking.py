"""`checkpoints`, `scenarios`, `inspect` and `plan`: they look and change nothing."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mtl_core import __version__

Command = Callable[..., Any]
COMMANDS = [
    ("checkpoints",),
    ("scenarios",),
    ("inspect",),
    ("cost",),
    ("plan",),
    ("train",),
    ("serve",),
    ("runs",),
    ("runs", "list"),
    ("runs", "show"),
    ("runs", "delete"),
]
BERT = ("--checkpoint", "bert-base-uncased")


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_no_arguments_print_help(command: Command, arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)

    assert (answer.code, answer.err) == (0, "")
    assert all(f"  {name[0]} " in answer.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: Command, name: tuple[str, ...]) -> None:
    answer = command(*name, "--help")

    assert (answer.code, answer.err) == (0, "")
    assert f"Usage: python -m mtl_core {' '.join(name)}" in answer.out


def test_runs_alone_prints_its_help(command: Command) -> None:
    answer = command("runs")

    assert answer.code == 0
    assert all(f"  {name} " in answer.out for name in ("list", "show", "delete"))


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


def test_inspect_shows_the_heads_when_nothing_is_asked(command: Command) -> None:
    answer = command("inspect")

    assert answer.code == 0
    assert answer.out.startswith("2,310 of 22,715,526 parameters learn")
    assert "2,310 trainable + 22,713,216 frozen + 0 unreached = 22,715,526" in answer.out


def test_inspect_as_a_table_explains_the_unreached(command: Command) -> None:
    out = command("inspect", *BERT, "--scenario", "full").out

    assert "○ unreached" in out
    assert "Unreached: selected by the plan, but no task's loss sends it a gradient." in out
    assert "bert.encoder.layer.11.attention.output.LayerNorm.weight" in out


def test_inspect_as_a_listing(command: Command) -> None:
    lines = command("inspect", *BERT, "--scenario", "heads-only", "--format", "listing").out
    lines = lines.splitlines()

    assert lines[:2] == ["Trainable Parameters:", "  ✅ classifier.weight"]
    assert lines[5:8] == ["", "Frozen Parameters:", "  ❌ bert.embeddings.word_embeddings.weight"]
    assert sum(line.startswith("  ❌ ") for line in lines) == 199


def test_inspect_as_csv_and_markdown(command: Command) -> None:
    written = command("inspect", *BERT, "--scenario", "full", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(written)))
    markdown = command("inspect", *BERT, "--scenario", "full", "--format", "markdown").out

    assert sum(int(row["count"]) for row in rows) == 109_486_854
    assert sum(int(row["count"]) for row in rows if row["state"] == "unreached") == 590_592
    assert markdown.endswith(
        "108,896,262 trainable + 0 frozen + 590,592 unreached = 109,486,854 parameters\n"
    )


def test_a_phase_is_shown_by_its_number(command: Command) -> None:
    answer = command("inspect", *BERT, "--scenario", "gradual", "--phase", 4, "--format", "json")

    assert answer.json["phase"] == 4
    assert answer.json["totals"]["trainable"] == 21_268_230
    assert (
        "phase 2 of 4: + layer 11"
        in command("inspect", *BERT, "--scenario", "gradual", "--phase", 2).out
    )


def test_data_decide_the_heads(command: Command, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv").write_text("text,label\na,x\nb,y\nc,z\n", encoding="utf-8")
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(
        "tasks:\n  mood: {kind: sentence, head: feelings, train: train.csv, validation: dev.csv}\n",
        encoding="utf-8",
    )
    document = command(
        *("inspect", *BERT, "--scenario", "freeze-head:mood", "--data", manifest),
        *("--format", "json"),
    ).json

    assert [each["name"] for each in document["groups"]][-1] == "feelings"
    assert document["totals"]["all"] == 109_482_240 + 3 * 768 + 3
    assert document["totals"]["frozen"] == 3 * 768 + 3
    assert document["parameters"][-1]["reached_by"] == ["mood"]


def test_the_sample_data_have_the_default_heads(command: Command) -> None:
    def parameters(*data: str) -> Any:
        return command("inspect", *BERT, *data, "--format", "json").json["parameters"]

    assert parameters("--data", "sample") == parameters()
    assert parameters("--data", "sample-posts") == parameters()


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


def test_a_name_is_printed_as_it_is_written(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(
        "name: '[/red] [bold]x :heart: 🧠'\nphases:\n  - {name: '[a]', train: [heads]}\n"
        "  - {name: b, train: []}\n",
        encoding="utf-8",
    )
    first = command("inspect", "--plan", file).out.splitlines()[0]

    assert first.endswith("· minilm-l6 · [/red] [bold]x :heart: 🧠, phase 1 of 2: [a]")


def test_a_folder_with_only_a_config_can_be_inspected(
    command: Command, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_bytes((tiny_checkpoint / "config.json").read_bytes())

    for reference in (tmp_path, config):
        answer = command("inspect", "--checkpoint", reference, "--format", "json")
        assert (answer.code, answer.err) == (0, "")
        assert answer.json["totals"]["all"] == 21_510
