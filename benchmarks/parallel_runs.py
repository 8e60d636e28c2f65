"""Seconds of a comparison whose runs are trained one after another, and at the same time.

    python benchmarks/parallel_runs.py [--scenarios heads-only,top-1] [--seeds 0,1] [--epochs 1]
                                       [--examples sentiment=100 --examples ner=100]
                                       [--repeats 1] [--json]

Each measurement is one `compare` as a user calls it: a whole process with an empty home, so that
nothing is stored for it. One after another means FREEZE_LAB_PARALLEL_RUNS=1, with the default
number of threads; at the same time means default settings. The two alternate. Prints a Markdown
table with the medians, or JSON with --json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from statistics import median
from time import monotonic

MODES: Mapping[str, Mapping[str, str]] = {
    "one after another": {"FREEZE_LAB_PARALLEL_RUNS": "1"},
    "at the same time": {},
}
_VARIABLES = ("FREEZE_LAB_PARALLEL_RUNS", "FREEZE_LAB_THREADS", "FREEZE_LAB_CACHE")


def main() -> None:
    """Run the comparison in both ways and print the seconds."""
    arguments = _arguments()
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    for _ in range(arguments.repeats):
        for mode, variables in MODES.items():
            seconds[mode].append(_seconds(arguments, variables))
            print(f"{mode}: {seconds[mode][-1]:.1f} s", file=sys.stderr, flush=True)
    medians = {mode: median(each) for mode, each in seconds.items()}
    if arguments.json:
        print(json.dumps({"seconds": seconds, "medians": medians}, indent=2))
        return
    print("| runs | seconds | ratio |\n|---|--:|--:|")
    slowest = medians["one after another"]
    for mode, each in medians.items():
        print(f"| {mode} | {each:.1f} | {slowest / each:.2f} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--data", default="sample")
    parser.add_argument("--scenarios", default="heads-only,top-1")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--epochs", default="1")
    parser.add_argument("--examples", action="append", default=[])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _seconds(arguments: argparse.Namespace, variables: Mapping[str, str]) -> float:
    """The seconds of one whole `compare`. Raises CalledProcessError if it fails."""
    command = [
        *(sys.executable, "-m", "mtl_core", "compare", "--format", "json"),
        *("--checkpoint", arguments.checkpoint, "--data", arguments.data),
        *("--scenarios", arguments.scenarios, "--seeds", arguments.seeds),
        *("--epochs", arguments.epochs),
    ]
    for limit in arguments.examples:
        command += ["--examples", limit]
    inherited = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    with tempfile.TemporaryDirectory() as home:
        environment = {**inherited, **variables, "FREEZE_LAB_HOME": home}
        began = monotonic()
        subprocess.run(command, check=True, capture_output=True, env=environment)  # noqa: S603
        return monotonic() - began


if __name__ == "__main__":
    main()
