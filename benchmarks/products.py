"""The matrix products of a training step with torch's two libraries, MKL and oneDNN.

    python benchmarks/products.py [--hidden 384] [--threads 1] [--rounds 7] [--json]

Measures the products of an encoder's linear layers: the forward pass and the gradients of input and
weight. The libraries alternate in one process, and the fastest round of each counts. Prints a
Markdown table, or JSON with --json. For whole steps, run `benchmarks/steps.py` with
FREEZE_LAB_MATRIX_PRODUCTS=mkl or onednn.
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
    """Time every product and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with torch.inference_mode():
        rows = [_row(*each, arguments.rounds) for each in _products(arguments.hidden)]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| product | shape | MKL, GFLOP/s | oneDNN, GFLOP/s | oneDNN / MKL |")
    print("|---|---|--:|--:|--:|")
    for row in rows:
        speeds = f"{row['mkl']:.0f} | {row['onednn']:.0f} | {row['onednn'] / row['mkl']:.2f}"
        print(f"| {row['product']} | {row['shape']} | {speeds} |")


def _products(hidden: int) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield the products of linear layers: name, left and right operand."""
    for tokens in TOKENS:
        for inputs, outputs in ((hidden, hidden), (hidden, 4 * hidden), (4 * hidden, hidden)):
            states, weight = torch.randn(tokens, inputs), torch.randn(outputs, inputs)
            gradient = torch.randn(tokens, outputs)
            yield "forward", states, weight.t()
            yield "gradient of the input", gradient, weight
            yield "gradient of the weight", gradient.t(), states


def _row(name: str, left: Tensor, right: Tensor, rounds: int) -> dict[str, Any]:
    sides: dict[str, Callable[[], Tensor]] = {
        "mkl": lambda: left @ right,
        "onednn": lambda: onednn_product(left, right),
    }
    fastest = dict.fromkeys(sides, float("inf"))
    for _ in range(rounds):
        for side, multiply in sides.items():
            fastest[side] = min(fastest[side], _seconds(multiply))
    (rows, inner), columns = left.shape, right.shape[1]
    speeds = {side: 2 * rows * inner * columns / fastest[side] / 1e9 for side in sides}
    return {"product": name, "shape": f"{rows} x {inner} x {columns}"} | speeds


def _seconds(multiply: Callable[[], Tensor]) -> float:
    began = perf_counter()
    for _ in range(_TIMES):
        multiply()
    return (perf_counter() - began) / _TIMES


if __name__ == "__main__":
    main()
