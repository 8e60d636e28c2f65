"""Carries out one `RunRequest` and prints its result as JSON; the benchmarks start it.

    python -m benchmarks.one_run '{"side": "ours", "scenario": "top-1", …}'

The imports are done before the clock starts. Everything else counts: reading the data, the
tokenizer, loading the weights, training, evaluation and the proof that frozen tensors did not
change.
"""

import json
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.run_request import RunRequest, build_spec
from mtl_core.settings import CACHE_BYTES


def main() -> None:
    """Run the request in the only argument."""
    request = RunRequest(**json.loads(sys.argv[1]))
    import torch
    import transformers
    from transformers import AutoModel, AutoTokenizer, BertModel  # noqa: F401

    from mtl_core.training.memory import peak_memory_bytes

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(request.threads)
    began = process_time()
    result = run_ours(request)
    result["processor_seconds"] = process_time() - began
    result["peak_memory_bytes"] = peak_memory_bytes()
    print(json.dumps(result))


def run_ours(request: RunRequest) -> dict[str, Any]:
    """Run `fine_tune` once; seconds, scores and the loss of every step."""
    from mtl_core.training.events import PhaseStarted, RunFinished, Step
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.run import fine_tune

    memory = request.prefix_memory_bytes
    store = PrefixStore(Path(request.cache), CACHE_BYTES, memory) if request.cache else None
    began = perf_counter()
    events = list(fine_tune(build_spec(request), "a run", prefixes=store))
    seconds = perf_counter() - began
    last = events[-1]
    assert isinstance(last, RunFinished), last
    return {
        "seconds": seconds,
        "training_seconds": last.training_seconds,
        "evaluation_seconds": last.evaluation_seconds,
        "prefix_seconds": last.prefix_seconds,
        "metrics": {name: headline(vars(score)) for name, score in last.metrics.items()},
        "losses": [event.loss for event in events if isinstance(event, Step)],
        "reused": [
            event.prefix.from_layer if event.prefix else None
            for event in events
            if isinstance(event, PhaseStarted)
        ],
    }


def headline(score: dict[str, Any]) -> float:
    """Accuracy of a sentence task, entity F1 of a token task."""
    return float(score["accuracy"] if "accuracy" in score else score["entity_f1"])


if __name__ == "__main__":
    main()
