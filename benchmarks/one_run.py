"""One measured run in a process of its own, for the benchmarks beside it.

    python -m benchmarks.one_run '{"side": "ours", "scenario": "top-1", …}'

Reads a `Wanted` as JSON and prints what the run said as JSON. What both sides import is imported
before the clock starts; from there on everything counts: reading the data, the tokenizer, loading
the weights, training, evaluating, and on Freeze Lab's side its proof that frozen stayed frozen.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from mtl_core.settings import CACHE_BYTES, PREFIX_MEMORY_BYTES
from mtl_core.training.environment import ENVIRONMENT

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Wanted:
    """What to run. `side`: "trainer", "ours", or "ordinary" (ours without prefix reuse).

    `examples` limits each task's training sentences; `cache` is the folder of stored outputs, of
    which at most `prefix_memory_bytes` lie in memory.
    """

    side: str
    scenario: str
    checkpoint: str = "minilm-l6"
    data: str = "sample"
    examples: int | None = None
    epochs: float = 3.0
    batch_size: int = 16
    max_length: int = 128
    seed: int = 0
    threads: int = 1
    cache: str | None = None
    prefix_memory_bytes: int = PREFIX_MEMORY_BYTES


def start(wanted: Wanted) -> dict[str, Any]:
    """Run `wanted` in a child process and wait for it; its result.

    Adds `process_seconds`, from the start of Python to its end.
    """
    import subprocess

    environment = os.environ | ENVIRONMENT | {"OMP_NUM_THREADS": str(wanted.threads)}
    command = [sys.executable, "-m", "benchmarks.one_run", json.dumps(asdict(wanted))]
    began = perf_counter()
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{wanted.side} failed on {wanted.scenario}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1]) | {"process_seconds": perf_counter() - began}


def spec_of(wanted: Wanted) -> Any:
    """The run spec that the command line would make of these choices."""
    from mtl_core.freezing.scenarios import scenario_plan
    from mtl_core.models.cache import read_description, shipped_description
    from mtl_core.models.checkpoint import resolve_checkpoint
    from mtl_core.models.description import ModelDescription
    from mtl_core.tasks.dataset import load_tasks
    from mtl_core.training.prepare import prepare_spec

    entry = resolve_checkpoint(wanted.checkpoint).entry
    if entry is None:
        sys.exit(f"'{wanted.checkpoint}' is not in the catalogue.")
    tasks = load_tasks(wanted.data)
    model = ModelDescription(read_description(shipped_description(entry)), tasks)
    limit = {task.name: wanted.examples for task in tasks} if wanted.examples else {}
    return prepare_spec(
        model,
        scenario_plan(wanted.scenario, model),
        checkpoint=wanted.checkpoint,
        scenario=wanted.scenario,
        data=wanted.data,
        epochs=wanted.epochs,
        batch_size=wanted.batch_size,
        max_length=wanted.max_length,
        seed=wanted.seed,
        examples=limit,
        threads=wanted.threads,
        prefix_reuse=wanted.side != "ordinary",
        measure=False,  # as Trainer, which measures nothing
    )


def run_ours(wanted: Wanted) -> dict[str, Any]:
    """One `fine_tune`, its events boiled down."""
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune

    memory = wanted.prefix_memory_bytes
    store = PrefixStore(Path(wanted.cache), CACHE_BYTES, memory) if wanted.cache else None
    began = perf_counter()
    events = list(fine_tune(spec_of(wanted), "a run", prefixes=store))
    seconds = perf_counter() - began
    last = events[-1]
    return {
        "seconds": seconds,
        "training_seconds": last.training_seconds,
        "evaluation_seconds": last.evaluation_seconds,
        "prefix_seconds": last.prefix_seconds,
        "metrics": {name: headline(vars(score)) for name, score in last.metrics.items()},
        "losses": [event.loss for event in events if event.event == "step"],
        "reused": [event.prefix.from_layer for event in events if event.event == "phase_started"],
    }


def headline(score: dict[str, Any]) -> float:
    """Accuracy of a sentence task, entity F1 of a token task."""
    return score["accuracy"] if "accuracy" in score else score["entity_f1"]


def main() -> None:
    """Run what the only argument says."""
    wanted = Wanted(**json.loads(sys.argv[1]))
    import seqeval.metrics.v1  # noqa: F401  before the clock, as all that both sides import
    import sklearn.metrics  # noqa: F401
    import torch
    import transformers
    from transformers import AutoModel, AutoTokenizer, BertModel  # noqa: F401

    from mtl_core.training.clock import peak_memory_bytes

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(wanted.threads)
    began = process_time()
    if wanted.side == "trainer":
        from benchmarks.trainer_side import run_trainer

        said = run_trainer(wanted)
    else:
        said = run_ours(wanted)
    spent = {"processor_seconds": process_time() - began}
    print(json.dumps(said | spent | {"peak_memory_bytes": peak_memory_bytes()}))


if __name__ == "__main__":
    main()
