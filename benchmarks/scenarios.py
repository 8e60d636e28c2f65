"""Trains every scenario on the same data and prints scores, seconds and memory.

    python benchmarks/scenarios.py [--data sample] [--checkpoint minilm-l6] [--seeds 0]
                                   [--learning-rate 3e-4]

Each run is one `train --format jsonl` in a new process, one after the other. Prints a Markdown
table, or JSON with --json.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

SCENARIOS = ("frozen", "heads-only", "top-1", "top-2", "top-3", "full", "gradual", "discriminative")


def main() -> None:
    """Run the requested scenarios and print a table."""
    arguments = _arguments()
    rows = []
    for scenario in arguments.scenarios.split(","):
        runs = [_run(scenario, seed, arguments) for seed in arguments.seeds.split(",")]
        rows.append(_row(scenario, runs))
        print(_markdown_row(rows[-1]), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    tasks = list(rows[0]["after"])
    heads = " | ".join(f"{task} before → after" for task in tasks)
    print(f"| scenario | trainable parameters | {heads} | seconds | peak MB | frozen identical |")
    print(f"|---|--:|{'--:|' * len(tasks)}--:|--:|---|")
    for row in rows:
        print(_markdown_row(row))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--data", default="sample")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--epochs", default="3")
    parser.add_argument("--learning-rate", help="of the encoder (by default each scenario's own)")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(scenario: str, seed: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Train once. The model is written, so that the proof of freezing covers the file too."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "mtl_core", "train", "--format", "jsonl"),
            *("--checkpoint", arguments.checkpoint, "--scenario", scenario),
            *("--data", arguments.data, "--seed", seed, "--epochs", arguments.epochs),
            *("--output", str(Path(folder) / "model")),
        ]
        if arguments.learning_rate:
            command += ["--learning-rate", arguments.learning_rate]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    events = [json.loads(line) for line in lines.splitlines()]
    first = next(event for event in events if event["event"] == "evaluation")
    phases = [event for event in events if event["event"] == "phase_started"]
    last = events[-1]
    return {
        "trainable": max(phase["trainable"] for phase in phases),
        "before": {task: _headline(score) for task, score in first["tasks"].items()},
        "after": {task: _headline(score) for task, score in last["metrics"].items()},
        "seconds": last["total_seconds"],
        "megabytes": last["peak_memory_bytes"] / 1e6,
        "identical": last["frozen_identical"],
        "tensors": last["frozen_tensors"],
    }


def _headline(score: dict[str, float]) -> float:
    return score["accuracy"] if "accuracy" in score else score["entity_f1"]


def _row(scenario: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds."""
    tasks = list(runs[0]["after"])
    return {
        "scenario": scenario,
        "trainable": runs[0]["trainable"],
        "before": {task: mean(run["before"][task] for run in runs) for task in tasks},
        "after": {task: mean(run["after"][task] for run in runs) for task in tasks},
        "seconds": mean(run["seconds"] for run in runs),
        "megabytes": max(run["megabytes"] for run in runs),
        "identical": all(run["identical"] for run in runs),
        "tensors": runs[0]["tensors"],
        "seeds": len(runs),
    }


def _markdown_row(row: dict[str, Any]) -> str:
    scores = " | ".join(
        f"{row['before'][task]:.3f} → {row['after'][task]:.3f}" for task in row["after"]
    )
    proof = f"{row['tensors']} of {row['tensors']}" if row["identical"] else "NO"
    return (
        f"| {row['scenario']} | {row['trainable']:,} | {scores} | {row['seconds']:.0f} "
        f"| {row['megabytes']:,.0f} | {proof} |"
    )


if __name__ == "__main__":
    main()
