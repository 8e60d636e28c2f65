"""Kills runs at random moments and resumes them; compares each with a run that was not killed.

    python benchmarks/kills.py [--kills 5] [--scenarios heads-only,full] [--results FILE]

Each trial starts `train` as a process, sends SIGKILL after a random step, continues with
`runs resume`, and compares all events but their times, and every tensor of the model, with an uncut
run of the same scenario. A trial in --results is not repeated, so an interrupted command continues
there. Prints a Markdown table with one row per scenario; exits with 1 if anything differs.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from mtl_core.training.events import event_from_json
from tests.event_facts import facts

SCENARIOS = ("heads-only", "top-1", "gradual", "lp-ft", "discriminative", "full")
OPTIONS = ("--epochs", "2", "--max-length", "48", "--no-measures")
SENTENCES = ("--examples", "sentiment=48", "--examples", "ner=48")
PROGRAM = (sys.executable, "-m", "mtl_core")
ROOT = Path(__file__).parent.parent


def main() -> int:
    """Run the trials that the results lack and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=5, help="of each scenario")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--results", type=Path, default=Path("kills.jsonl"))
    arguments = parser.parse_args()
    scenarios = arguments.scenarios.split(",")
    done = _known(arguments.results)
    for scenario in scenarios:
        missing = [n for n in range(arguments.kills) if (scenario, n) not in done]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder:
            whole = uncut(scenario, Path(folder))
            for number in missing:
                row = trial(scenario, number, whole, Path(folder))
                done[scenario, number] = row
                with arguments.results.open("a", encoding="utf-8") as results:
                    results.write(json.dumps(row) + "\n")
                print(row, file=sys.stderr, flush=True)
    rows = [row for (scenario, _), row in done.items() if scenario in scenarios]
    print(table(rows, scenarios))
    return int(not all(row["equal"] for row in rows))


def uncut(scenario: str, folder: Path) -> dict[str, Any]:
    """The events and the weights of a run that is not killed."""
    output = folder / "whole"
    lines = _finished(("train", *_options(scenario), "--output", output), folder / "home-whole")
    return {"events": _facts(lines), "weights": weights(output), "steps": _steps(lines)}


def trial(scenario: str, number: int, whole: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Kill one run after a random step and resume it."""
    home, output = folder / f"home-{number}", folder / f"model-{number}"
    step = random.Random(f"{scenario} {number}").randint(1, whole["steps"] - 1)
    run = killed_after(step, ("train", *_options(scenario), "--output", output), home)
    resumed = _finished(("runs", "resume", run, "--format", "jsonl", "--output", output), home)
    shown = _finished(("runs", "show", run, "--format", "jsonl"), home)
    equal = _facts(shown) == whole["events"] and weights(output) == whole["weights"]
    return {
        "scenario": scenario,
        "number": number,
        "killed_after": step,
        "saved": whole["steps"] - _steps(resumed),
        "steps": whole["steps"],
        "equal": equal,
    }


def killed_after(step: int, command: Sequence[object], home: Path) -> str:
    """Start a run and kill it after its event for `step`; returns the run's id."""
    process = subprocess.Popen(  # noqa: S603 - our own program
        [*PROGRAM, *map(str, command)],
        cwd=ROOT,
        env=_environment(home),
        stdout=subprocess.PIPE,
        text=True,
    )
    run = ""
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        run = event.get("run", run)
        if event["event"] == "step" and event["step"] == step:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return run


def weights(folder: Path) -> str:
    """The digest of all tensors that a run wrote."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def table(rows: Sequence[Mapping[str, Any]], scenarios: Sequence[str]) -> str:
    """A Markdown table with one row per scenario."""
    lines = [
        "| scenario | steps | kills | steps not repeated, mean | events and weights equal |",
        "|---|--:|--:|--:|--:|",
    ]
    for scenario in scenarios:
        own = [row for row in rows if row["scenario"] == scenario]
        saved = sum(row["saved"] for row in own) / max(1, len(own))
        equal = sum(row["equal"] for row in own)
        steps = own[0]["steps"] if own else 0
        lines.append(f"| {scenario} | {steps} | {len(own)} | {saved:.1f} | {equal} of {len(own)} |")
    return "\n".join(lines)


def _options(scenario: str) -> tuple[str, ...]:
    return ("--scenario", scenario, *OPTIONS, *SENTENCES, "--format", "jsonl")


def _finished(command: Sequence[object], home: Path) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, *map(str, command)],
        cwd=ROOT,
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout.splitlines()


def _environment(home: Path) -> dict[str, str]:
    """The state is saved at every second: the runs are short."""
    return {**os.environ, "FREEZE_LAB_HOME": str(home), "FREEZE_LAB_STATE_SECONDS": "1"}


def _facts(lines: Sequence[str]) -> list[dict[str, Any]]:
    return [facts(event_from_json(line)) for line in lines]


def _steps(lines: Sequence[str]) -> int:
    return sum(json.loads(line)["event"] == "step" for line in lines)


def _known(results: Path) -> dict[tuple[str, int], dict[str, Any]]:
    if not results.exists():
        return {}
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {(row["scenario"], row["number"]): row for row in rows}


if __name__ == "__main__":
    sys.exit(main())
