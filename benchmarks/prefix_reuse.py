"""Seconds of runs with and without prefix reuse, by scenario and by architecture.

    python benchmarks/prefix_reuse.py [--what scenarios,architectures] [--repeats 3] [--json]

Each run is one `train --format jsonl` in a new process: without reuse ("off"), with reuse and an
empty cache ("cold"), and with the cache that this run filled ("warm"). The three alternate, so that
other work on the machine affects all of them. Figures are medians. Processor seconds cover the
whole process with its imports; on a busy machine they are more reliable than the clock. The
architectures have random weights, six layers of width 256, and train `top-1` on 200 sentences of
the sample. Prints a Markdown table, or JSON with --json.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.file_access import ANY_FILE

SCENARIOS = ("heads-only", "top-1", "top-3", "gradual")
SIZES = {
    "vocab_size": 30_522,
    "hidden_size": 256,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 1024,
    "max_position_embeddings": 512,
    "pad_token_id": 0,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": {},
    "distilbert": {"dim": 256, "n_layers": 6, "n_heads": 4, "hidden_dim": 1024},
    "electra": {"embedding_size": 128},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 256,
        "pos_att_type": ["p2c", "c2p"],
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "conv_kernel_size": 3,
        "conv_act": "gelu",
    },
    "mpnet": {},
    "modernbert": {
        "bos_token_id": 101,
        "cls_token_id": 101,
        "eos_token_id": 102,
        "sep_token_id": 102,
    },
    "xlm-roberta": {},
    "convbert": {"embedding_size": 256},
}
SIDES = ("off", "cold", "warm")


def main() -> None:
    """Run the requested cases and print a table."""
    arguments = _arguments()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in _cases(arguments.what.split(","), Path(folder)):
            rows.append(_row(name, command, arguments.repeats, Path(folder)))
            print(_markdown_row(rows[-1]), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(
        "| case | reuse | off, s | cold, s | warm, s | off, CPU s | cold, CPU s | warm, CPU s "
        "| step off, ms | step on, ms | largest loss difference |"
    )
    print(f"|---|---|{'--:|' * 9}")
    for row in rows:
        print(_markdown_row(row))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--what", default="scenarios,architectures")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _cases(what: list[str], folder: Path) -> list[tuple[str, list[str]]]:
    cases = []
    if "scenarios" in what:
        cases += [
            (f"minilm-l6, {name}", ["--checkpoint", "minilm-l6", "--scenario", name])
            for name in SCENARIOS
        ]
    if "architectures" in what:
        few = ["--examples", "sentiment=100", "--examples", "ner=100", "--scenario", "top-1"]
        cases += [
            (f"{kind}, top-1", ["--checkpoint", str(_checkpoint(kind, folder)), *few])
            for kind in ARCHITECTURES
        ]
    return cases


def _checkpoint(kind: str, folder: Path) -> Path:
    """Write random weights of an architecture with the embedded checkpoint's tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModel

    from mtl_core.models.checkpoint import require_weights, resolve_checkpoint

    created = folder / kind
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **_sizes(kind))
    AutoModel.from_config(config).save_pretrained(created)
    source = require_weights(resolve_checkpoint("minilm-l6", ANY_FILE))
    for file in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
        if (source / file).is_file():
            shutil.copy(source / file, created / file)
    return created


def _sizes(kind: str) -> dict[str, Any]:
    """The sizes of an architecture; its own names replace the common ones."""
    own = ARCHITECTURES[kind]
    renamed = {"hidden_size", "num_hidden_layers", "num_attention_heads"} if "dim" in own else set()
    return {name: size for name, size in SIZES.items() if name not in renamed} | own


def _row(name: str, command: list[str], repeats: int, folder: Path) -> dict[str, Any]:
    """Medians over the repeats, and the largest relative loss difference between off and cold."""
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(repeats):
        cache = folder / f"cache-{len(list(folder.iterdir()))}-{number}"
        for side in SIDES:
            runs[side].append(_run([*command, *(["--no-prefix-reuse"] * (side == "off"))], cache))
        shutil.rmtree(cache, ignore_errors=True)
    difference = max(
        abs(off - on) / abs(off)
        for off, on in zip(runs["off"][0]["losses"], runs["cold"][0]["losses"], strict=True)
    )
    seconds = {
        kind: {side: median(run[kind] for run in runs[side]) for side in SIDES}
        for kind in ("total", "training", "evaluation", "prefix", "processor")
    }
    return {
        "what": name,
        "reuse": runs["cold"][0]["reuse"],
        "seconds": seconds,
        "step_seconds": {
            side: seconds["training"][side] / runs[side][0]["steps"] for side in SIDES
        },
        "largest_loss_difference": difference,
        "warm_is_cold": runs["cold"][0]["losses"] == runs["warm"][0]["losses"],
        "repeats": repeats,
    }


def _run(command: list[str], cache: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        before = _processor_seconds()
        environment = {**os.environ, "FREEZE_LAB_HOME": home, "FREEZE_LAB_CACHE": str(cache)}
        train = [sys.executable, "-m", "mtl_core", "train", "--format", "jsonl", *command]
        lines = subprocess.run(  # noqa: S603
            train, check=True, capture_output=True, text=True, env=environment
        ).stdout
        processor_seconds = _processor_seconds() - before
    events = [json.loads(line) for line in lines.splitlines()]
    steps = [event for event in events if event["event"] == "step"]
    last = events[-1]
    return {
        "reuse": [e["prefix"]["from_layer"] for e in events if e["event"] == "phase_started"],
        "losses": [loss for step in steps for loss in step["loss"].values() if loss is not None],
        "steps": len(steps),
        "training": last["training_seconds"],
        "evaluation": last["evaluation_seconds"],
        "prefix": last["prefix_seconds"],
        "total": last["total_seconds"],
        "processor": processor_seconds,
    }


def _processor_seconds() -> float:
    """Processor seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _markdown_row(row: dict[str, Any]) -> str:
    reuse = ", ".join("off" if each is None else f"from layer {each}" for each in row["reuse"])
    kinds = ("total", "processor")
    seconds = " | ".join(f"{row['seconds'][kind][side]:.1f}" for kind in kinds for side in SIDES)
    step = " | ".join(f"{row['step_seconds'][side] * 1000:.1f}" for side in ("off", "cold"))
    same = "" if row["warm_is_cold"] else ", warm differs"
    difference = f"{row['largest_loss_difference']:.0e}"
    return f"| {row['what']} | {reuse} | {seconds} | {step} | {difference}{same} |"


if __name__ == "__main__":
    main()
