"""Measures how long a comparison of heads takes with one seed and with many.

    python benchmarks/seeds_at_once.py --seeds 20 --epochs 3 [--separate]

Each line is a whole process of `python -m mtl_core compare` with default options, on the included
sample. Two comparisons, which are not counted, first store the outputs of the frozen layers: one
run has several threads, each of several runs has one, and stored outputs depend on the threads.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Print the seconds of each comparison, and the ratio of many seeds to one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="number of seeds, up to 20")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--separate", action="store_true", help="also train each run alone (slow)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        for count in (1, 2):
            compare(home, range(100, 100 + count), given.epochs)
        one = compare(home, range(1), given.epochs)
        print(f"1 seed: {one:.1f} s", flush=True)
        many = compare(home, range(given.seeds), given.epochs)
        print(
            f"{given.seeds} seeds together: {many:.1f} s, {many / one:.2f} of one seed", flush=True
        )
        if given.separate:
            alone = compare(home, range(given.seeds), given.epochs, "--separate-runs")
            print(f"{given.seeds} seeds separately: {alone:.1f} s, {alone / one:.2f} of one seed")


def compare(home: str, seeds: Sequence[int], epochs: float, *options: str) -> float:
    """Return the seconds of one comparison. Raises CalledProcessError unless all runs finish."""
    command = [sys.executable, "-m", "mtl_core", "compare", "--scenarios", "heads-only"]
    command += ["--seeds", ",".join(map(str, seeds)), "--epochs", str(epochs), *options]
    began = perf_counter()
    subprocess.run(  # noqa: S603 - our own command
        command,
        cwd=ROOT,
        env={**os.environ, "FREEZE_LAB_HOME": home},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return perf_counter() - began


if __name__ == "__main__":
    main()
