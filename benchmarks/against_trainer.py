"""Whole runs of Freeze Lab against Hugging Face's Trainer: seconds, memory and scores.

    python benchmarks/against_trainer.py [--scenarios heads-only,heads-only:warm,top-1,…]
        [--data sample] [--examples N] [--epochs 3] [--seeds 0] [--repeats 3] [--threads 1]
        [--parity] [--json]

Both sides use the same checkpoint, data, tokenization, batch size, epochs, fused AdamW, rates,
schedule, threads and number of evaluations, including the one before training. Freeze Lab's
measures of movement are off, because Trainer has none. The sides alternate, and each run has its
own process. Seconds cover the whole run with loading and evaluation, without imports; the ratio is
the median over pairs. The second ratio compares processor seconds, which are more reliable on a
busy machine. `:warm` means that an earlier run has stored the outputs of the frozen layers. With
--parity the losses of each step are compared with Freeze Lab's own loop without reuse. Prints a
Markdown table, or JSON with --json.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.run_request import RunRequest, run_in_process

SCENARIOS = ("heads-only", "heads-only:warm", "top-1", "top-3", "gradual", "full")
_WARM = ":warm"
Pair = tuple[dict[str, Any], dict[str, Any]]


def main() -> None:
    """Measure the requested scenarios and print a table."""
    arguments = _arguments()
    rows = []
    for name in arguments.scenarios.split(","):
        rows.append(_measured(name, arguments))
        print(_markdown_row(rows[-1]), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    tasks = list(rows[0]["ours"]["metrics"])
    scores = " | ".join(f"{task}: Trainer / ours" for task in tasks)
    parity = " largest loss difference |" if arguments.parity else ""
    print(
        f"| scenario | Trainer s | ours s | ratio | of processor s | peak MB: Trainer / ours "
        f"| {scores} |{parity}"
    )
    print(f"|---|--:|--:|--:|--:|--:|{'--:|' * (len(tasks) + bool(parity))}")
    for row in rows:
        print(_markdown_row(row))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--data", default="sample", help="'sample' or a manifest")
    parser.add_argument(
        "--examples", type=int, help="training sentences of each task (all by default)"
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs for each seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--parity", action="store_true", help="one more run without reuse for each seed"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all pairs of one scenario and summarise them."""
    scenario, warm = name.removesuffix(_WARM), name.endswith(_WARM)
    request = RunRequest(
        side="ours",
        scenario=scenario,
        checkpoint=arguments.checkpoint,
        data=_absolute(arguments.data),
        examples=arguments.examples,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        max_length=arguments.max_length,
        threads=arguments.threads,
    )
    pairs: list[Pair] = []
    differences = []
    for seed in map(int, arguments.seeds.split(",")):
        for repeat in range(arguments.repeats):
            pairs.append(_pair(replace(request, seed=seed), warm, first_is_ours=bool(repeat % 2)))
        if arguments.parity:
            ordinary = run_in_process(replace(request, side="ordinary", seed=seed))
            differences.append(_largest_difference(pairs[-1][1]["losses"], ordinary["losses"]))
    return _row(name, pairs, max(differences, default=None))


def _pair(request: RunRequest, warm: bool, first_is_ours: bool) -> Pair:
    """Run both sides once, with a new cache; `warm` fills the cache first."""
    theirs = replace(request, side="trainer")
    with tempfile.TemporaryDirectory() as cache:
        request = replace(request, cache=cache)
        if warm:
            run_in_process(request)
        if first_is_ours:
            ours = run_in_process(request)
            return run_in_process(theirs), ours
        return run_in_process(theirs), run_in_process(request)


def _largest_difference(
    one: list[dict[str, float | None]], other: list[dict[str, float | None]]
) -> float:
    """The largest difference between two runs' losses, step by step and task by task."""
    return max(
        abs((a[task] or 0.0) - (b[task] or 0.0))
        for a, b in zip(one, other, strict=True)
        for task in a
    )


def _row(name: str, pairs: list[Pair], loss_difference: float | None) -> dict[str, Any]:
    """Medians of seconds and memory, means of scores over seeds."""
    theirs, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "scenario": name,
        "pairs": len(pairs),
        "trainer": _side(theirs),
        "ours": _side(ours),
        "ratio": _ratio(pairs, "seconds"),
        "processor_ratio": _ratio(pairs, "processor_seconds"),
        "largest_loss_difference": loss_difference,
        "reused_from_layer": ours[0]["reused"],
    }


def _ratio(pairs: list[Pair], what: str) -> dict[str, float]:
    ratios = [theirs[what] / ours[what] for theirs, ours in pairs]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


def _side(runs: list[dict[str, Any]]) -> dict[str, Any]:
    scores = {task: [run["metrics"][task] for run in runs] for task in runs[0]["metrics"]}
    return {
        "seconds": median(run["seconds"] for run in runs),
        "process_seconds": median(run["process_seconds"] for run in runs),
        "processor_seconds": median(run["processor_seconds"] for run in runs),
        "peak_memory_bytes": median(run["peak_memory_bytes"] for run in runs),
        "metrics": {task: mean(each) for task, each in scores.items()},
        "metric_ranges": {task: (min(each), max(each)) for task, each in scores.items()},
    }


def _markdown_row(row: dict[str, Any]) -> str:
    theirs, ours = row["trainer"], row["ours"]
    scores = " | ".join(
        f"{_score(theirs, task)} / {_score(ours, task)}" for task in ours["metrics"]
    )
    memory = " / ".join(f"{side['peak_memory_bytes'] / 1e6:,.0f}" for side in (theirs, ours))
    spreads = " | ".join(_spread(row[name]) for name in ("ratio", "processor_ratio"))
    difference = row["largest_loss_difference"]
    parity = "" if difference is None else f" {difference:.1e} |"
    return (
        f"| {row['scenario']} | {theirs['seconds']:.1f} | {ours['seconds']:.1f} | {spreads} "
        f"| {memory} | {scores} |{parity}"
    )


def _score(side: dict[str, Any], task: str) -> str:
    """The mean over seeds, with the range if they differ."""
    low, high = side["metric_ranges"][task]
    score_range = f" ({low:.3f} to {high:.3f})" if low < high else ""
    return f"{side['metrics'][task]:.3f}{score_range}"


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _absolute(data: str) -> str:
    """Resolve a manifest's path; return the name of a sample unchanged."""
    return str(Path(data).resolve()) if Path(data).is_file() else data


if __name__ == "__main__":
    main()
