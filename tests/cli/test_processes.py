"""The command line as a process of its own: exit codes, signals, pipes, and what it imports."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-m", "mtl_core"]
PATIENCE_SECONDS = 120


def finished(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE_SECONDS,
    )


def _default_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job is born deaf to Ctrl-C


@pytest.fixture
def long_run(tiny_checkpoint: Path, tiny_data: Path) -> Any:
    """A run of minutes as a process; ended with the test, whatever happens."""
    started: list[subprocess.Popen[str]] = []

    def start(form: str) -> subprocess.Popen[str]:
        options = ["--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16]
        options += ["--scenario", "full", "--epochs", 1000, "--batch-size", 1, "--format", form]
        process = subprocess.Popen(
            [*MODULE, "train", *map(str, options)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            preexec_fn=_default_signals,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_inspect_prints_the_documented_numbers() -> None:
    answer = finished(
        *("inspect", "--checkpoint", "bert-base-uncased", "--scenario", "heads-only"),
        *("--format", "json"),
    )
    document = json.loads(answer.stdout)

    assert (answer.returncode, answer.stderr) == (0, "")
    assert document["totals"] == {
        "all": 109_486_854,
        "trainable": 4_614,
        "frozen": 109_482_240,
        "unreached": 0,
    }
    assert sum(each["state"] == "frozen" for each in document["parameters"]) == 199
    assert {tuple(each) for each in document["parameters"]} == {
        (
            *("name", "shape", "count", "group", "state"),
            *("learning_rate", "reached_by", "tied_to", "no_effective_update"),
        )
    }


def test_output_is_utf_8_in_any_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    answer = finished("inspect", "--format", "listing")

    assert (answer.returncode, answer.stderr) == (0, "")
    assert "  ✅ classifier.weight\n" in answer.stdout


def test_bad_input_leaves_with_2_and_one_line() -> None:
    answer = finished("inspect", "--scenario", "nonsense")

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("There is no scenario 'nonsense'.")
    assert len(answer.stderr.splitlines()) == 1


def test_what_a_catalogue_checkpoint_needs_imports_neither_torch_nor_streamlit() -> None:
    program = (
        "import sys\n"
        "from mtl_core.cli.entry import run\n"
        "for words in ('inspect --checkpoint roberta-base --scenario gradual --data sample',\n"
        "              'plan --scenario full', 'checkpoints', 'scenarios', 'runs list'):\n"
        "    assert run(words.split()) == 0, words\n"
        "heavy = {'torch', 'transformers', 'streamlit', 'plotly', 'pandas', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert (answer.returncode, answer.stderr) == (0, "[]\n")


def test_a_reader_that_leaves_is_no_error() -> None:
    process = subprocess.Popen(
        [*MODULE, "inspect", "--checkpoint", "bert-base-uncased", "--format", "json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()

    assert complaint == b""
    assert process.wait(PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_run_says_so_and_is_kept_as_stopped(
    long_run: Callable[[str], subprocess.Popen[str]],
    command: Callable[..., Any],
    number: signal.Signals,
) -> None:
    process = long_run("jsonl")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if json.loads(line)["event"] == "step":
            break
    process.send_signal(number)
    rest, complaint = process.communicate(timeout=PATIENCE_SECONDS)

    events = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    assert (process.returncode, complaint) == (130, "Interrupted.\n")
    assert (events[-1]["event"], events[-1]["reason"]) == ("run_stopped", "Interrupted.")
    kept = command("runs", "list", "--format", "json").json
    assert [(each["run"], each["state"]) for each in kept] == [(events[0]["run"], "stopped")]
    stored = command("runs", "show", events[0]["run"], "--format", "jsonl").events
    assert stored[-1] == events[-1]
    assert [each["event"] for each in stored][:5] == [
        *("run_started", "evaluation", "answers", "phase_started", "step")
    ]


@pytest.mark.parametrize("form", ["jsonl", pytest.param("text", marks=pytest.mark.long)])
def test_a_run_whose_reader_leaves_stops_and_is_kept_as_stopped(
    long_run: Callable[[str], subprocess.Popen[str]], command: Callable[..., Any], form: str
) -> None:
    process = long_run(form)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    complaint = process.stderr.read()

    assert (process.wait(PATIENCE_SECONDS), complaint) == (130, "Interrupted.\n")
    kept = command("runs", "list", "--format", "json").json
    assert [(each["state"], each["reason"]) for each in kept] == [
        ("stopped", "The reader of the events closed the pipe.")
    ]


def test_an_internal_error_is_one_line_without_debugging(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from mtl_core.cli.entry import run\n"
        "import json\n"
        "json.dumps = None\n"
        "sys.exit(run(['checkpoints', '--format', 'json']))\n"
    )
    for debug, says in (("", "Internal error in Freeze Lab"), ("1", "Traceback")):
        answer = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            env={**os.environ, "FREEZE_LAB_DEBUG": debug},
        )
        assert answer.returncode == 1
        assert answer.stderr.startswith(says)
        assert len(answer.stderr.splitlines()) == 1 or debug
