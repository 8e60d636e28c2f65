"""The estimates of `cost` against real training steps: saved bytes and seconds per step.

    python benchmarks/cost.py [--checkpoint minilm-l6] [--batch-size 16] [--max-length 64] [--json]

Steps are those of a fine-tune (dropout, cross entropy, clipping, AdamW) on random tokens without
padding. Weights are random, which affects neither bytes nor seconds. The fastest of a few steps
counts, as in the calibration behind the estimate. Prints a Markdown table, or JSON with --json.
"""

import argparse
import json
import sys
import weakref
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel

sys.path.insert(0, str(Path(__file__).parent.parent))

from mtl_core.cost.calibrate import measure_speed
from mtl_core.cost.estimate import StepCost, step_cost
from mtl_core.cost.profile_cache import read_profile, shipped_profile
from mtl_core.cost.speed import machine
from mtl_core.freezing.apply import apply_phase
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.table import ParameterTable
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import entry
from mtl_core.models.configuration import read_architecture
from mtl_core.models.description import ModelDescription
from mtl_core.models.multitask import MultiTaskModel
from mtl_core.settings import Settings
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.optimizer import PlanOptimizer
from mtl_core.training.options import ScalarOptions

SCENARIOS = ("heads-only", "top-1", "layernorm", "bitfit", "embeddings-frozen", "full")


def main() -> None:
    """Estimate and measure each scenario; print both."""
    arguments = _arguments()
    settings = Settings.from_environment()
    torch.set_num_threads(settings.threads)
    rows = [_row(scenario, arguments, settings) for scenario in arguments.scenarios.split(",")]
    if arguments.json:
        print(json.dumps({"machine": machine(settings), "steps": rows}, indent=2))
        return
    size = f"{arguments.batch_size} × {arguments.max_length} tokens"
    print(f"{arguments.checkpoint}, {size}, {machine(settings)}\n")
    print("| scenario | saved, estimated | saved, measured | s per step, estimated | measured |")
    print("|---|--:|--:|--:|--:|")
    for row in rows:
        kept, measured = (row[name] / 1e6 for name in ("kept_bytes", "measured_kept_bytes"))
        seconds, real = row["seconds"], row["measured_seconds"]
        print(f"| {row['scenario']} | {kept:,.1f} MB | {measured:,.1f} MB", end="")
        print(f" | {seconds:.2f} | {real:.2f} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _row(scenario: str, arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    speed = measure_speed(settings)  # for each scenario: the load of a busy machine changes
    known = entry(arguments.checkpoint)
    description = ModelDescription(read_description(shipped_description(known.name)), DEFAULT_TASKS)
    table = parameter_table(scenario_plan(scenario, description), description)
    profile = read_profile(shipped_profile(known.name))
    cost = step_cost(profile, description, table, arguments.batch_size, arguments.max_length)
    encoder = AutoModel.from_config(read_architecture(known.config_file), dtype=torch.float32)
    model = MultiTaskModel(encoder, DEFAULT_TASKS, seed=0)
    apply_phase(table, model)
    step = _Step(model, table, description, cost)
    kept = step.kept_bytes()
    times = [step.seconds() for _ in range(arguments.steps)]
    return {
        "scenario": scenario,
        "kept_bytes": cost.saved_activation_bytes,
        "measured_kept_bytes": kept,
        "seconds": speed.seconds(cost),
        "measured_seconds": min(times),
        "speed": speed.model_dump(exclude={"machine"}),
    }


class _Kept:
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor.detach()


class _Step:
    """Runs and measures one training step."""

    def __init__(
        self,
        model: MultiTaskModel,
        table: ParameterTable,
        description: ModelDescription,
        cost: StepCost,
    ) -> None:
        self._model, self._table = model, table
        defaults = ScalarOptions()
        self._optimizer = PlanOptimizer(
            [table],
            description,
            dict(model.named_parameters()),
            weight_decay=defaults.weight_decay,
            max_grad_norm=defaults.max_grad_norm,
        )
        shape = cost.batch_size, cost.max_length
        self._ids, self._mask = torch.randint(1000, 4000, shape), torch.ones(shape).long()
        self._labels = {
            "sentiment": torch.zeros(shape[0]).long(),
            "ner": torch.zeros(shape).long().flatten(),
        }

    def seconds(self) -> float:
        """Seconds of one complete step."""
        start = perf_counter()
        self._loss().backward()  # type: ignore[no-untyped-call]
        self._optimizer.step(self._table, 1, 10)
        return perf_counter() - start

    def kept_bytes(self) -> int:
        """Bytes that autograd holds after the forward pass; each storage counts once."""
        own = [*self._model.parameters(), *self._model.buffers(), *self._labels.values()]
        ours = {each.untyped_storage()._cdata for each in (*own, self._ids, self._mask)}
        alive: weakref.WeakSet[_Kept] = weakref.WeakSet()

        def keep(tensor: Tensor) -> _Kept:
            kept = _Kept(tensor)
            alive.add(kept)
            return kept

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
            loss = self._loss()
        storages = {each.tensor.untyped_storage()._cdata: each.tensor for each in alive}
        kept = sum(
            tensor.untyped_storage().nbytes()
            for address, tensor in storages.items()
            if address not in ours
        )
        del loss
        return kept

    def _loss(self) -> Tensor:
        logits = self._model(self._ids, self._mask)
        losses = [
            nn.functional.cross_entropy(logits[task].flatten(0, -2), labels)
            for task, labels in self._labels.items()
        ]
        return torch.stack(losses).sum()


if __name__ == "__main__":
    main()
