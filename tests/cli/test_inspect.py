"""`inspect`: the parameter table in every format."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
BERT = ("--checkpoint", "bert-base-uncased")


def test_inspect_shows_the_heads_without_options(command: Command) -> None:
    answer = command("inspect")

    assert answer.code == 0
    assert answer.out.startswith("2,310 of 22,715,526 parameters are trainable")
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


def test_inspect_states_how_data_were_read(command: Command, tmp_path: Path) -> None:
    for split in ("train", "dev"):
        rows = f'text\tlabel\n"Good" {split}\tx\nbad {split}\ty\n'
        (tmp_path / f"{split}.tsv").write_text(rows, encoding="utf-8")
    manifest = tmp_path / "mine.yaml"
    manifest.write_text(
        "tasks:\n  mood: {kind: sentence, head: feelings, train: train.tsv, validation: dev.tsv}\n",
        encoding="utf-8",
    )
    reading = (
        "mood was read as TSV (columns 'text' and 'label' of 2; quotation marks belong to the "
        "text): 2 classes ('x', 'y'); 2 + 2 sentences in train and validation."
    )
    options = ("inspect", *BERT, "--data", manifest)

    assert command(*options).out.splitlines()[-1] == f"Data: {reading}"
    assert command(*options, "--format", "json").json["data_notes"] == [reading]
    assert command("inspect", *BERT, "--format", "json").json["data_notes"] == []


def test_inspect_states_what_has_no_effect_in_a_configuration(
    command: Command, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    values = json.loads((tiny_checkpoint / "config.json").read_text())
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**values, "directionality": "bidi", "return_dict": False}))
    notes = [
        "config.json sets how the model runs: return_dict false. Runs ignore this, and models are "
        "written without it.",
        "BertConfig of transformers does not read 'directionality' in config.json.",
    ]
    options = ("inspect", "--checkpoint", config)

    shown = command(*options).out.splitlines()
    assert [f"Checkpoint: {note}" in shown for note in notes] == [True, True]
    assert command(*options, "--format", "json").json["checkpoint_notes"][:2] == notes


def _surplus_layer(tensors: dict[str, Any]) -> None:
    last = [name for name in tensors if name.startswith("encoder.layer.1.")]
    tensors.update({name.replace(".1.", ".2.", 1): tensors[name].clone() for name in last})


def _head(tensors: dict[str, Any]) -> None:
    tensors.update({f"cls.{n}": tensors["pooler.dense.bias"].clone() for n in "ab"})


def _without_an_embedding(tensors: dict[str, Any]) -> None:
    tensors.pop("embeddings.word_embeddings.weight")


@pytest.mark.parametrize(
    ("change", "start", "end"),
    [
        (_head, "Not read from the weights: cls (2 tensors).", ""),
        (
            _surplus_layer,
            "The weights cannot be trained. They have 16 tensors inside the encoder that "
            "config.json does not define: encoder.layer.2.attention.output.LayerNorm.bias, ",
            "load it in transformers and save it with save_pretrained().",
        ),
        (
            _without_an_embedding,
            "1 of 37 tensors of the encoder are not in the weights under their names, "
            "bert.embeddings.word_embeddings.weight among them.",
            "unless transformers converts them from other names.",
        ),
    ],
)
def test_inspect_states_what_the_names_in_the_weights_show(
    command: Command,
    tiny_checkpoint: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    start: str,
    end: str,
) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(tiny_checkpoint / "model.safetensors")
    change(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((tiny_checkpoint / "config.json").read_bytes())

    answer = command("inspect", "--checkpoint", tmp_path, "--format", "json")

    (note,) = answer.json["checkpoint_notes"]
    assert note.startswith(start)
    assert note.endswith(end)
    assert f"Checkpoint: {note}" in command("inspect", "--checkpoint", tmp_path).out.splitlines()


def test_inspect_states_that_weights_cannot_be_read_or_are_not_here(
    command: Command, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    def notes(*options: object) -> list[str]:
        answer = command("inspect", *options, "--format", "json")
        assert answer.code == 0
        found: list[str] = answer.json["checkpoint_notes"]
        return found

    (tmp_path / "config.json").write_bytes((tiny_checkpoint / "config.json").read_bytes())
    assert notes("--checkpoint", tmp_path) == [
        "There are no weights on this machine, so everything shown follows from config.json. "
        "Whether weights fit it is checked when they are loaded."
    ]
    (tmp_path / "model.safetensors").write_bytes(b"no header")
    (damaged,) = notes("--checkpoint", tmp_path)
    assert damaged.startswith(f"The weights cannot be trained: {tmp_path / 'model.safetensors'}")
    assert notes("--checkpoint", tiny_checkpoint) == []
    assert notes(*BERT) == []
    assert notes() == []
