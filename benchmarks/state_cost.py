"""The cost of saving the state of a run: whole processes with saving against without.

    python benchmarks/state_cost.py [--pairs 5] [--scenario full] [--epochs 6] [--sentences 400]
                                    [--every 60] [--json]

Each pair is two runs of `train`, one after the other, from the start of the process to its end. One
saves a state every `--every` seconds (60 is the default of FREEZE_LAB_STATE_SECONDS), the other
once a day, that is never. The order alternates from pair to pair, so that other work on the machine
affects both sides. Phases but the last save a state at their end on both sides, so the scenario
should have one phase. Prints the seconds of both, their ratio in each pair with the median, and how
many states were due. Exits with 1 if the losses of a pair differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

PROGRAM = (sys.executable, "-m", "mtl_core", "train")
ROOT = Path(__file__).parent.parent
NEVER = 86_400  # the largest value of FREEZE_LAB_STATE_SECONDS


def main() -> int:
    """Run the pairs and print a table."""
    arguments = _arguments()
    pairs = [_pair(number, arguments) for number in range(arguments.pairs)]
    if arguments.json:
        print(json.dumps(pairs, indent=2))
    else:
        print(_table(pairs))
    if not any(pair["states"] for pair in pairs):
        print("No run was long enough to save a state: raise --epochs.", file=sys.stderr)
    return int(not all(pair["equal"] for pair in pairs))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--scenario", default="full")
    parser.add_argument("--epochs", type=float, default=6)
    parser.add_argument("--sentences", type=int, default=400, help="training sentences of a task")
    parser.add_argument("--every", type=int, default=60, help="seconds between two states")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _pair(number: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run both sides; the first pair begins with saving, the second one without, and so on."""
    sides = [arguments.every, NEVER]
    if number % 2:
        sides.reverse()
    found = {every: _run(every, arguments) for every in sides}
    saving, without = found[arguments.every], found[NEVER]
    pair = {
        "saving_seconds": saving["seconds"],
        "without_seconds": without["seconds"],
        "ratio": saving["seconds"] / without["seconds"],
        "states": int(saving["training_seconds"] // arguments.every),
        "equal": saving["losses"] == without["losses"],
    }
    print(pair, file=sys.stderr, flush=True)
    return pair


def _run(every: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One process with a store of its own: its seconds, those of its steps, and its losses."""
    command = [
        *PROGRAM,
        *("--scenario", arguments.scenario, "--epochs", str(arguments.epochs)),
        *("--examples", f"sentiment={arguments.sentences}"),
        *("--examples", f"ner={arguments.sentences}", "--format", "jsonl"),
    ]
    with tempfile.TemporaryDirectory() as home:
        settings = {"FREEZE_LAB_HOME": home, "FREEZE_LAB_STATE_SECONDS": str(every)}
        began = perf_counter()
        done = subprocess.run(  # noqa: S603 - our own program
            command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, check=True
        )
        seconds = perf_counter() - began
    events = [json.loads(line) for line in done.stdout.splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    return {
        "seconds": seconds,
        "training_seconds": steps[-1]["elapsed_seconds"] - steps[0]["elapsed_seconds"],
        "losses": [event["loss"] for event in steps],
    }


def _table(pairs: list[dict[str, Any]]) -> str:
    """A Markdown table with one row per pair, and the median."""
    lines = [
        "| pair | saving, s | without, s | ratio | states due | losses equal |",
        "|--:|--:|--:|--:|--:|---|",
    ]
    for number, pair in enumerate(pairs, start=1):
        lines.append(
            f"| {number} | {pair['saving_seconds']:.1f} | {pair['without_seconds']:.1f} "
            f"| {pair['ratio']:.3f} | {pair['states']} | {'yes' if pair['equal'] else 'no'} |"
        )
    ratio = median(pair["ratio"] for pair in pairs)
    return "\n".join([*lines, f"| median | | | {ratio:.3f} | | |"])


if __name__ == "__main__":
    sys.exit(main())
