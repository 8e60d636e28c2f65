"""`compare` in its own process, interrupted by a signal and resumed."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from tests.commands import run_in_home

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 300


def started(home: Path, *arguments: object) -> subprocess.Popen[str]:
    """A process in which Ctrl-C interrupts, as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "mtl_core", "compare", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "FREEZE_LAB_HOME": str(home), "FREEZE_LAB_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.long
def test_an_interrupted_comparison_is_resumed(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> None:
    home = tmp_path / "home"
    tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
    options = ("--scenarios", "frozen,full", "--seeds", 0, "--epochs", 60, "--batch-size", 1)
    process = started(home, *tiny, *options)
    assert process.stderr is not None
    comparison = process.stderr.readline().split()[1].rstrip(":")
    assert process.stderr.readline().startswith("  1/2 frozen · seed 0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (130, "")
    assert "Stopped: 1 of 2 runs are finished." in err
    assert f"`python -m mtl_core compare --resume {comparison}`" in err
    with closing(RunStore(home / "runs.sqlite")) as store:
        before = store.comparison(comparison)
    assert [run.state for run in before.runs] == [RunState.FINISHED, RunState.STOPPED]

    resumed = run_in_home(home, "compare", "--resume", comparison)
    assert resumed.code == 0, resumed.err
    assert "2 runs, 1 of them finished before" in resumed.err
    with closing(RunStore(home / "runs.sqlite")) as store:
        after = store.comparison(comparison)
    assert [run.state for run in after.runs] == [RunState.FINISHED] * 2
    assert after.runs[0] == before.runs[0]
