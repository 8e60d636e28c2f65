"""Train every scenario once on the same data and print a table: scores, seconds, memory.

    python benchmarks/scenarios.py [--data sample] [--checkpoint minilm-l6] [--seeds 0]
                                   [--learning-rate 3e-4]

Each run is one `train --format jsonl` in a process of its own, one after the other. Prints a
Markdown table, and JSON with --json.
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
    """Run the scenarios asked for and print what they said."""
    arguments = _arguments()
    rows = []
    for scenario in arguments.scenarios.split(","):
        runs = [_run(scenario, seed, arguments) for seed in arguments.seeds.split(",")]
        rows.append(_row(scenario, runs))
        print(_markdown_row(rows[-1]), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    tasks = list(rows[0]["now"])
    heads = " | ".join(f"{task} before → now" for task in tasks)
    print(f"| scenario | parameters that learn | {heads} | seconds | peak MB | frozen identical |")
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
    parser.add_argument("--learning-rate", help="of the encoder; else each scenario's own")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(scenario: str, seed: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One run's events, boiled down. The model is written, so that the file is proved too."""
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
        "learn": max(phase["trainable"] for phase in phases),
        "before": {task: _headline(score) for task, score in first["tasks"].items()},
        "now": {task: _headline(score) for task, score in last["metrics"].items()},
        "seconds": last["total_seconds"],
        "megabytes": last["peak_memory_bytes"] / 1e6,
        "identical": last["frozen_identical"],
        "tensors": last["frozen_tensors"],
    }


def _headline(score: dict[str, float]) -> float:
    return score["accuracy"] if "accuracy" in score else score["entity_f1"]


def _row(scenario: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The mean over seeds."""
    tasks = list(runs[0]["now"])
    return {
        "scenario": scenario,
        "learn": runs[0]["learn"],
        "before": {task: mean(run["before"][task] for run in runs) for task in tasks},
        "now": {task: mean(run["now"][task] for run in runs) for task in tasks},
        "seconds": mean(run["seconds"] for run in runs),
        "megabytes": max(run["megabytes"] for run in runs),
        "identical": all(run["identical"] for run in runs),
        "tensors": runs[0]["tensors"],
        "seeds": len(runs),
    }


def _markdown_row(row: dict[str, Any]) -> str:
    scores = " | ".join(
        f"{row['before'][task]:.3f} → {row['now'][task]:.3f}" for task in row["now"]
    )
    proof = f"{row['tensors']} of {row['tensors']}" if row["identical"] else "NO"
    return (
        f"| {row['scenario']} | {row['learn']:,} | {scores} | {row['seconds']:.0f} "
        f"| {row['megabytes']:,.0f} | {proof} |"
    )


if __name__ == "__main__":
    main()
