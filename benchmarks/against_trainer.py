"""Whole runs of Freeze Lab against Hugging Face's Trainer: seconds, memory and scores.

    python benchmarks/against_trainer.py [--scenarios heads-only,heads-only:warm,top-1,…]
        [--data sample] [--examples N] [--epochs 3] [--seeds 0] [--repeats 3] [--threads 1]
        [--parity] [--json]

Both sides have the same checkpoint, data, tokenization, batch size, epochs, AdamW (fused), rates,
schedule, threads and number of evaluations, the one before training included; Freeze Lab's
measures of what moved are off, for Trainer has none. They alternate, each run in a process of its
own. Seconds are of the whole run, loading and evaluating included, imports apart; the ratio is the
median over pairs. The second ratio is of processor seconds, which tell more where other work takes
turns on the same cores. `:warm` means that the frozen layers' outputs are in the cache from an
earlier run. With --parity the losses of each step are held against Freeze Lab's own ordinary loop,
which reuses nothing. Prints a Markdown table, or JSON with --json.
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

from benchmarks.one_run import Wanted, start

SCENARIOS = ("heads-only", "heads-only:warm", "top-1", "top-3", "gradual", "full")
_WARM = ":warm"
Pair = tuple[dict[str, Any], dict[str, Any]]


def main() -> None:
    """Measure the scenarios asked for and print what came out."""
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
    parser.add_argument("--examples", type=int, help="training sentences of each task; else all")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs for each seed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parity", action="store_true", help="one ordinary run more a seed")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measured(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """All pairs of one scenario, boiled down."""
    scenario, warm = name.removesuffix(_WARM), name.endswith(_WARM)
    wanted = Wanted(
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
    apart = []
    for seed in map(int, arguments.seeds.split(",")):
        for repeat in range(arguments.repeats):
            pairs.append(_pair(replace(wanted, seed=seed), warm, first_is_ours=bool(repeat % 2)))
        if arguments.parity:
            ordinary = start(replace(wanted, side="ordinary", seed=seed))
            apart.append(_apart(pairs[-1][1]["losses"], ordinary["losses"]))
    return _row(name, pairs, max(apart) if apart else None)


def _pair(wanted: Wanted, warm: bool, first_is_ours: bool) -> Pair:
    """One run of each side, Trainer's first or last; each with a cache of its own."""
    theirs = replace(wanted, side="trainer")
    with tempfile.TemporaryDirectory() as cache:
        wanted = replace(wanted, cache=cache)
        if warm:
            start(wanted)
        if first_is_ours:
            ours = start(wanted)
            return start(theirs), ours
        return start(theirs), start(wanted)


def _apart(one: list[dict[str, float | None]], other: list[dict[str, float | None]]) -> float:
    """The largest difference between two runs' losses, step by step and task by task."""
    return max(
        abs((a[task] or 0.0) - (b[task] or 0.0))
        for a, b in zip(one, other, strict=True)
        for task in a
    )


def _row(name: str, pairs: list[Pair], apart: float | None) -> dict[str, Any]:
    """Medians of seconds and memory, means of scores over seeds."""
    theirs, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "scenario": name,
        "pairs": len(pairs),
        "trainer": _side(theirs),
        "ours": _side(ours),
        "ratio": _ratio(pairs, "seconds"),
        "processor_ratio": _ratio(pairs, "processor_seconds"),
        "largest_loss_difference": apart,
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
    apart = row["largest_loss_difference"]
    parity = "" if apart is None else f" {apart:.1e} |"
    return (
        f"| {row['scenario']} | {theirs['seconds']:.1f} | {ours['seconds']:.1f} | {spreads} "
        f"| {memory} | {scores} |{parity}"
    )


def _score(side: dict[str, Any], task: str) -> str:
    """The mean over seeds, and the lowest to the highest where they differ."""
    low, high = side["metric_ranges"][task]
    between = f" ({low:.3f} to {high:.3f})" if low < high else ""
    return f"{side['metrics'][task]:.3f}{between}"


def _spread(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def _absolute(data: str) -> str:
    """A manifest's path from anywhere; the name of a sample as it is."""
    return str(Path(data).resolve()) if Path(data).is_file() else data


if __name__ == "__main__":
    main()
