"""Matrix products of a training step by torch's two libraries, MKL and oneDNN.

    python benchmarks/products.py [--hidden 384] [--threads 1] [--rounds 7] [--json]

Forward, towards the input and towards the weight, as linear layers of an encoder have them; the two
take turns in one process, and of each the quickest round counts. Prints a Markdown table, and JSON
with --json. FREEZE_LAB_MATRIX_PRODUCTS=mkl or onednn before `benchmarks/steps.py` gives whole steps
either way.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.training.environment import ENVIRONMENT

os.environ |= ENVIRONMENT  # before torch is imported
import torch
from torch import Tensor

from mtl_core.models.matrix_products import onednn_product

TOKENS = (64, 256, 640)
_TIMES = 10


def main() -> None:
    """Time every product and print what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with torch.inference_mode():
        rows = [_row(*each, asked.rounds) for each in _products(asked.hidden)]
    if asked.json:
        print(json.dumps(rows, indent=2))
        return
    print("| product | shape | MKL, GFLOP/s | oneDNN, GFLOP/s | oneDNN / MKL |")
    print("|---|---|--:|--:|--:|")
    for row in rows:
        speeds = f"{row['mkl']:.0f} | {row['onednn']:.0f} | {row['onednn'] / row['mkl']:.2f}"
        print(f"| {row['product']} | {row['shape']} | {speeds} |")


def _products(hidden: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """The products of linear layers, by name."""
    for tokens in TOKENS:
        for taken, given in ((hidden, hidden), (hidden, 4 * hidden), (4 * hidden, hidden)):
            states, weight = torch.randn(tokens, taken), torch.randn(given, taken)
            gradient = torch.randn(tokens, given)
            yield "forward", states, weight.t()
            yield "towards the input", gradient, weight
            yield "towards the weight", gradient.t(), states


def _row(name: str, left: Tensor, right: Tensor, rounds: int) -> dict[str, Any]:
    sides: dict[str, Callable[[], Tensor]] = {
        "mkl": lambda: left @ right,
        "onednn": lambda: onednn_product(left, right),
    }
    least = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds):
        for side, multiply in sides.items():
            least[side] = min(least[side], _seconds(multiply))
    (rows, inner), columns = left.shape, right.shape[1]
    speeds = {side: 2 * rows * inner * columns / least[side] / 1e9 for side in sides}
    return {"product": name, "shape": f"{rows} x {inner} x {columns}"} | speeds


def _seconds(multiply: Callable[[], Tensor]) -> float:
    began = perf_counter()
    for _ in range(_TIMES):
        multiply()
    return (perf_counter() - began) / _TIMES


if __name__ == "__main__":
    main()
