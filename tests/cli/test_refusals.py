"""Bad input: exit 2, one message on stderr, nothing on stdout, nothing kept."""

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Refused = Callable[..., str]
HEADS = ("--scenario", "heads-only")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("inspekt",), "No such command 'inspekt'. Did you mean 'inspect'? See `python -m"),
        (("inspect", "--scenarioo", "x"), "No such option: --scenarioo"),
        (("inspect", "--format", "xml"), "'xml' is not one of 'table', 'json', 'csv'"),
        (("inspect", "--phase", "x"), "Invalid value for '--phase': "),
        (("inspect", "--phase", 0), "--phase 0: 'heads-only' has 1 phase, counted from 1."),
        (("inspect", "--scenario", "gradual", "--phase", 9), "--phase 9: 'gradual' has 4 phases"),
        (("inspect", *HEADS, "--plan", "x.yaml"), "either --scenario NAME or --plan FILE"),
        (("inspect", "--scenario", "haeds-only"), "Did you mean 'heads-only'?"),
        (("inspect", "--scenario", "top-7"), "it has 6 layers, so top-1 to top-6 exist."),
        (("inspect", "--plan", "missing.yaml"), "There is no plan file at missing.yaml."),
        (("inspect", "--plan", "."), "cannot be read as UTF-8 text"),
        (("inspect", "--plan", "a\0b"), "Invalid value for '--plan': embedded null byte."),
        (("inspect", "--checkpoint", "bert-bse-uncased"), "bert-base-uncased"),
        (("inspect", "--checkpoint", "a\0b"), "'a\\x00b' is not a checkpoint"),
        (("inspect", "--checkpoint", "x" * 5_000), "xxx"),
        (("inspect", "--data", "missing.yaml"), "There are no data called 'missing.yaml'."),
        (("inspect", "--data", "a\0b"), "There are no data called"),
        (("inspect", "--data", "a\x1b[31mb\u202e"), "There are no data called 'ab'."),
        (("plan",), "either --scenario NAME or --plan FILE"),
        (("plan", "--scenario", "nonsense"), "There is no scenario 'nonsense'."),
        (("train",), "either --scenario NAME or --plan FILE"),
        (("train", *HEADS, "--plan", "x.yaml"), "either --scenario NAME or --plan FILE"),
        (("train", *HEADS, "--epochs", "nan"), "--epochs nan: input should be a finite number"),
        (("train", *HEADS, "--epochs", "inf"), "--epochs inf: input should be a finite number"),
        (("train", *HEADS, "--epochs", -1), "--epochs -1.0: input should be greater than 0"),
        (("train", *HEADS, "--epochs", 1e9), "--epochs 1000000000.0: input should be less"),
        (("train", *HEADS, "--seed", -1), "--seed -1: input should be greater than or equal"),
        (("train", *HEADS, "--seed", 2**63), "--seed 9223372036854775808: input should be less"),
        (("train", *HEADS, "--batch-size", 0), "--batch-size 0: input should be greater than"),
        (("train", *HEADS, "--max-length", 0), "maximum length of 0 tokens cannot be used"),
        (("train", *HEADS, "--max-length", 513), "at most 512 for this checkpoint"),
        (("cost", "--max-length", 513), "at most 512 for this checkpoint"),
        (("train", *HEADS, "--learning-rate", "nan"), "A learning rate of nan: it must be above"),
        (("train", *HEADS, "--head-learning-rate", 0), "A learning rate of 0: it must be above"),
        (("train", *HEADS, "--learning-rate", 11), "A learning rate of 11: it must be above 0"),
        (("train", *HEADS, "--examples", "ner"), "--examples ner: write TASK=N"),
        (("train", *HEADS, "--examples", "ner=0"), "--examples ner=0: write TASK=N with N from 1"),
        (("train", *HEADS, "--examples", "ner=-1"), "--examples ner=-1: write TASK=N"),
        (("train", *HEADS, "--label-noise", "ner"), "--label-noise ner: write TASK=SHARE"),
        (("train", *HEADS, "--label-noise", "ner=2"), "--label-noise-ner 2.0: input should be"),
        (
            ("train", *HEADS, "--label-noise", "nre=1"),
            "Label noise for 'nre': there is no such task.",
        ),
        (("train", *HEADS, "--examples", "nre=5"), "There is no task 'nre'."),
        (("runs", "show", "nothing"), "There is no run 'nothing'."),
        (("runs", "delete", "nothing"), "There is no run 'nothing'."),
        (("runs", "show"), "Missing argument"),
        (("serve", "--port", 0), "Invalid value for '--port'"),
        (("serve", "--port", 65536), "Invalid value for '--port'"),
        (("serve", "--address", "256.1.1.1"), "--address '256.1.1.1' is not an address of this"),
        (("serve", "--address", "192.0.2.1"), "--address '192.0.2.1' is not an address of this"),
        (("serve", "--address", ""), "--address '' is not an address of this machine."),
        (("serve", "--address", "a\0b"), "is not an address of this machine. Omit the option for"),
        (
            ("serve", "--address", "x" * 300),
            "is not an address of this machine. Omit the option for",
        ),
    ],
    ids=lambda value: " ".join(map(ascii, value))[:40] if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused_in_one_message(
    refused: Refused, arguments: tuple[object, ...], says: str
) -> None:
    assert says in refused(*arguments)


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00\x01",
        b"- a\n- b\n",
        b"name: x\nphases: [{name: a, train: [*.bias]}]\n",
        b"name: x\nphases: [{name: a, train: [layer.1]}]\n",
        b"name: x\nphases: [{name: a, train: [top:13]}]\n",
        b"a: " + b"[" * 40_000,
        b"#" * 10_000_000,
    ],
    ids=["binary", "list", "star", "nothing matches", "top:13", "deep", "10 MB"],
)
def test_a_hostile_plan_file_is_refused_by_its_name_or_its_place(
    refused: Refused, tmp_path: Path, text: bytes
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(text)

    message = refused("inspect", "--plan", file)

    assert "mine.yaml" in message or "phase 'a'" in message


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("FREEZE_LAB_THREADS", "abc", "FREEZE_LAB_THREADS=abc: a whole number from 1 to 256"),
        ("FREEZE_LAB_THREADS", "0", "FREEZE_LAB_THREADS=0: a whole number"),
        ("FREEZE_LAB_THREADS", "-1", "FREEZE_LAB_THREADS=-1: a whole number"),
        ("FREEZE_LAB_THREADS", "1e3", "FREEZE_LAB_THREADS=1e3: a whole number"),
        ("FREEZE_LAB_THREADS", "257", "FREEZE_LAB_THREADS=257: a whole number"),
        ("FREEZE_LAB_PARALLEL_RUNS", "two", "FREEZE_LAB_PARALLEL_RUNS=two: a whole number from 1"),
        ("FREEZE_LAB_PARALLEL_RUNS", "0", "FREEZE_LAB_PARALLEL_RUNS=0: a whole number"),
        ("FREEZE_LAB_MATRIX_PRODUCTS", "blis", "mkl or onednn is needed"),
        ("FREEZE_LAB_HOME", "~nobody-at-all/x", "there is no such user"),
        ("FREEZE_LAB_DATA", "~nobody-at-all/x", "FREEZE_LAB_DATA=~nobody-at-all/x: there is no"),
    ],
)
def test_an_environment_that_cannot_be_used_is_named(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)

    assert says in refused("runs", "list")


def test_a_home_that_cannot_be_made_is_refused_with_the_remedy(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        monkeypatch.setenv("FREEZE_LAB_HOME", str(home))
        assert "Set FREEZE_LAB_HOME to a folder you may write to." in refused("runs", "list")


def test_a_home_is_needed_only_by_what_keeps_something(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FREEZE_LAB_HOME", str(tmp_path / "file"))

    assert command("inspect").code == 0


def test_a_store_that_is_no_database_is_refused_with_the_remedy(
    refused: Refused, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "runs.sqlite").write_bytes(b"no database at all" * 100)

    assert "Move that file away to start with an empty store" in refused("runs", "list")


def test_a_busy_port_is_refused_with_the_remedy(refused: Refused) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]

        message = refused("serve", "--port", port)

    assert message.startswith(f"127.0.0.1:{port} cannot be used: ")
    assert message.endswith(
        f"Choose another port, e.g. --port {port + 1} (make run PORT={port + 1})."
    )


def test_an_output_that_is_not_empty_is_refused_and_no_run_is_kept(
    train: Callable[..., Any], command: Callable[..., Any], tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "precious.txt").write_text("mine", encoding="utf-8")

    answer = train(*HEADS, "--output", full)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == f"{full} is not empty; name a new folder, or empty it first.\n"
    assert [each.name for each in full.iterdir()] == ["precious.txt"]
    assert command("runs", "list", "--format", "json").json == []


def test_an_output_below_a_file_or_with_an_impossible_name_is_refused(
    train: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for output in (tmp_path / "file", tmp_path / "file" / "below", "a\0b"):
        answer = train(*HEADS, "--output", output)
        assert (answer.code, answer.out) == (2, ""), answer
        assert len(answer.err.splitlines()) == 1


def test_a_checkpoint_without_weights_is_refused_and_no_run_is_kept(
    train: Callable[..., Any],
    command: Callable[..., Any],
    tiny_checkpoint: Path,
    tmp_path: Path,
) -> None:
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((tiny_checkpoint / name).read_bytes())

    answer = train("--checkpoint", tmp_path, *HEADS)

    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1
    assert command("runs", "list", "--format", "json").json == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"hidden_size": None, "hidden_dim": 32}, "contains 'hidden_dim' 32. BertConfig of tra"),
        ({"max_position_embeddings": 6}, "reads at most 6 tokens, and a run needs at least 8."),
    ],
)
def test_the_same_configuration_is_refused_by_every_command(
    refused: Refused,
    tiny_checkpoint: Path,
    tiny_data: Path,
    tmp_path: Path,
    values: dict[str, object],
    says: str,
) -> None:
    folder = shutil.copytree(tiny_checkpoint, tmp_path / "other")
    stated = json.loads((folder / "config.json").read_text()) | values
    kept = {name: value for name, value in stated.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    given = ("--checkpoint", folder, *HEADS)

    assert says in refused("inspect", *given)
    assert says in refused("cost", *given, "--max-length", 16)
    assert says in refused("train", *given, "--max-length", 16, "--data", tiny_data)
