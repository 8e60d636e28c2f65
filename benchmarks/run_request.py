"""A benchmark's request for one run, its run spec, and the process that carries it out."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import entry as catalogue_entry
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.environment import ENVIRONMENT
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class RunRequest:
    """One run of one implementation.

    `side` is "ours", or "ordinary" (ours without prefix reuse).
    `examples` limits the training sentences of each task. `sentence_vector` None: the checkpoint's
    own. `cache` is the folder of stored frozen
    outputs; a run holds at most `prefix_memory_bytes` of them in memory.
    """

    side: Literal["ours", "ordinary"]
    scenario: str
    checkpoint: str = "minilm-l6"
    data: str = "sample"
    examples: int | None = None
    epochs: float = 3.0
    batch_size: int = 16
    max_length: int = 128
    seed: int = 0
    sentence_vector: str | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    threads: int = 1
    cache: str | None = None
    prefix_memory_bytes: int = PREFIX_MEMORY_BYTES


def build_spec(request: RunRequest) -> RunSpec:
    """The run spec that the command line builds from the same options."""
    entry = resolve_checkpoint(request.checkpoint, ANY_FILE).entry
    if entry is None:
        sys.exit(f"'{request.checkpoint}' is not in the catalogue.")
    tasks = load_tasks(request.data, ANY_FILE)
    vector = SentenceVector(request.sentence_vector or catalogue_entry(entry).sentence_vector)
    model = ModelDescription(read_description(shipped_description(entry)), tasks, vector)
    limit = {task.name: request.examples for task in tasks} if request.examples else {}
    return prepare_spec(
        model,
        scenario_plan(request.scenario, model),
        checkpoint=request.checkpoint,
        scenario=request.scenario,
        data=request.data,
        epochs=request.epochs,
        batch_size=request.batch_size,
        max_length=request.max_length,
        seed=request.seed,
        examples=limit,
        threads=request.threads,
        precision=request.precision,
        prefix_reuse=request.side != "ordinary",
        measure=False,
    )


def run_in_process(request: RunRequest) -> dict[str, Any]:
    """Run `benchmarks.one_run` in a new process and return its result.

    `process_seconds` is added: from the start of Python to its end.
    """
    environment = os.environ | ENVIRONMENT | {"OMP_NUM_THREADS": str(request.threads)}
    command = [sys.executable, "-m", "benchmarks.one_run", json.dumps(asdict(request))]
    began = perf_counter()
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{request.side} failed on {request.scenario}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result | {"process_seconds": perf_counter() - began}
