"""Gradients of a step as one padded batch, as separate parts, and as parts that share a pass.

    python benchmarks/steps.py [--data sample] [--examples N] [--steps 30] [--rounds 4] [--json]

The same sentences are computed in all three ways, in one process on one thread. For each step and
way the fastest of several rounds counts; the table shows the sum over the steps. Frozen layers are
reused. Tokens are those of an average step with padding. Prints a Markdown table, or JSON with
--json.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.training.environment import ENVIRONMENT

os.environ |= ENVIRONMENT | {"OMP_NUM_THREADS": "1"}  # before torch is imported

from benchmarks.run_request import RunRequest, build_spec
from mtl_core.freezing.apply import apply_phase
from mtl_core.models.matrix_products import compute_with
from mtl_core.settings import CACHE_BYTES
from mtl_core.training.batches import Batch, collate, drawn_batches
from mtl_core.training.gradients import accumulate_gradients, split_by_length
from mtl_core.training.loaded_run import LoadedRun, load_run
from mtl_core.training.prefix.reuse import ReusedPrefix
from mtl_core.training.prefix.store import PrefixStore

SCENARIOS = ("full", "top-3", "top-1", "bitfit")
WAYS = ("whole", "parts", "shared")


class PartByPart(ReusedPrefix):
    """Computes the parts one after another, as for an architecture that does not pack."""

    packs = False


def main() -> None:
    """Time every scenario and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--data", default="sample")
    parser.add_argument("--examples", type=int)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    compute_with(threads=1)
    with tempfile.TemporaryDirectory() as folder:
        store = PrefixStore(Path(folder), CACHE_BYTES)
        rows = [_row(name, arguments, store) for name in arguments.scenarios.split(",")]
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| scenario | whole, ms | parts, ms | shared, ms | parts / shared | tokens a step |")
    print("|---|--:|--:|--:|--:|--:|")
    for row in rows:
        milliseconds = " | ".join(f"{row['milliseconds'][way]:.1f}" for way in WAYS)
        tokens = " / ".join(f"{row['tokens'][way]:.0f}" for way in WAYS)
        print(f"| {row['scenario']} | {milliseconds} | {row['ratio']:.2f} | {tokens} |")


def _row(scenario: str, arguments: argparse.Namespace, store: PrefixStore) -> dict[str, Any]:
    request = RunRequest("ours", scenario, data=arguments.data, examples=arguments.examples)
    loaded = load_run(build_spec(request))
    table = loaded.tables[0]
    apply_phase(table, loaded.model)
    packed, separate = ReusedPrefix(loaded, store), PartByPart(loaded, store)
    for each in (packed, separate):
        each.enter(table)
    sides = {"whole": separate, "parts": separate, "shared": packed}
    drawn = drawn_batches(loaded.training, batch_size=loaded.spec.batch_size, seed=0)
    seconds, tokens = dict.fromkeys(WAYS, 0.0), dict.fromkeys(WAYS, 0)
    for _ in range(arguments.steps):
        examples = next(drawn)
        batches = _batches(examples, loaded, shared=packed.packs)
        fastest = _fastest(loaded, sides, batches, arguments.rounds)
        for way in WAYS:
            seconds[way] += fastest[way]
            tokens[way] += sum(batch.input_ids.numel() for batch in batches[way])
    return {
        "scenario": scenario,
        "packs": packed.packs,
        "milliseconds": {way: 1000 * seconds[way] / arguments.steps for way in WAYS},
        "ratio": seconds["parts"] / seconds["shared"],
        "tokens": {way: tokens[way] / arguments.steps for way in WAYS},
    }


def _batches(examples: Any, loaded: LoadedRun, *, shared: bool) -> dict[str, list[Batch]]:
    tasks, pad = loaded.spec.tasks, loaded.pad_id
    return {
        "whole": [collate(examples, tasks, pad)],
        "parts": split_by_length(examples, tasks, pad),
        "shared": split_by_length(examples, tasks, pad, packed=shared),
    }


def _fastest(
    loaded: LoadedRun,
    sides: dict[str, ReusedPrefix],
    batches: dict[str, list[Batch]],
    rounds: int,
) -> dict[str, float]:
    """Seconds of each way: the fastest round. The ways alternate."""
    fastest = dict.fromkeys(WAYS, float("inf"))
    for _ in range(rounds):
        for way in WAYS:
            loaded.model.zero_grad(set_to_none=True)
            began = perf_counter()
            accumulate_gradients(loaded, sides[way], batches[way])
            fastest[way] = min(fastest[way], perf_counter() - began)
    return fastest


if __name__ == "__main__":
    main()
