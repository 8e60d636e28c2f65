"""Freeze Lab against Hugging Face's Trainer, as a user runs both: whole processes.

    python benchmarks/against_trainer.py [--scenarios heads-only,heads-only:warm,top-1,…]
        [--data sample] [--examples N] [--epochs 3] [--seeds 0] [--repeats 1] [--short-repeats 3]
        [--sentence-vector V] [--precision bfloat16] [--threads N] [--fastest] [--parity] [--json]

Our side is `python -m mtl_core train` with its default options, all measures included, and an
empty FREEZE_LAB_HOME. Trainer's side is `trainer_side.py`, a script that needs nothing of Freeze
Lab. Seconds are those of the whole process: imports, reading, training, evaluations and exit.
Checkpoint, sentence vector, sentences, batch size, epochs, learning rates, schedule and the number
of evaluations are equal, with one evaluation before training. Trainer pads by batch, saves no
checkpoints and sends no reports; all else are the defaults of TrainingArguments, which include
fused AdamW.
--precision bfloat16 is the option of that name on our side and `bf16=True` on Trainer's.
--fastest adds grouping by length and turns off the progress bar and pinned memory.

The two sides alternate. A row has --repeats pairs for each seed, or --short-repeats if our first
run takes under 30 seconds. Both sides use their default number of threads, or --threads on both.
"Inner" seconds leave out Trainer's imports. On our side they are the run's own `total_seconds`,
from before the data are read; imports that happen later count. `:warm` means that an earlier run
in the same home has stored the outputs of the frozen layers. The rows of a scenario with and
without `:warm` share Trainer's runs, which have no stored outputs. With --parity the losses of each
step are compared with a run with --no-prefix-reuse. Prints a Markdown table with the lowest ratio
first, or JSON with --json.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.run_request import ROOT, RunRequest
from benchmarks.trainer_job import trainer_job
from benchmarks.whole_process import run_measured
from mtl_core.file_access import ANY_FILE
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.events import PhaseStarted, RunFinished, Step

SCENARIOS = ("heads-only", "heads-only:warm", "top-1", "top-3", "gradual", "full")
_WARM = ":warm"
_SHORT_SECONDS = 30.0
Result = dict[str, Any]
Pair = tuple[Result, Result]
TrainerRuns = dict[tuple[RunRequest, int], Result]
"""Trainer's results by request and number of the pair; rows with equal requests share them."""


def main() -> None:
    """Measure the requested scenarios and print a table."""
    arguments = _arguments()
    rows = []
    trainer_runs: TrainerRuns = {}
    for name in arguments.scenarios.split(","):
        rows.append(_measured(name, arguments, trainer_runs))
        print(_markdown_row(rows[-1]), file=sys.stderr, flush=True)
    rows.sort(key=lambda row: row["ratio"]["median"])
    machine = {"processor": _processor(), "cores": os.cpu_count()}
    if arguments.json:
        print(json.dumps({**machine, "fastest": arguments.fastest, "rows": rows}, indent=2))
        return
    print(f"{machine['processor']}, {machine['cores']} cores; threads {_threads(rows)}\n")
    print("\n".join(_markdown(rows, arguments.parity)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--data", default="sample", help="'sample' or a manifest")
    parser.add_argument(
        "--examples", type=int, help="training sentences of each task (all by default)"
    )
    parser.add_argument(
        "--sentence-vector",
        choices=[*SentenceVector],
        help="of both sides (our default if unset)",
    )
    parser.add_argument(
        "--precision", choices=["float32", "bfloat16"], default="float32", help="of both sides"
    )
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--repeats", type=int, default=1, help="pairs of runs for each seed")
    parser.add_argument("--short-repeats", type=int, default=3, help="pairs of a short row")
    parser.add_argument("--threads", type=int, help="of both sides (each one's default if unset)")
    parser.add_argument(
        "--fastest", action="store_true", help="also change defaults of TrainingArguments"
    )
    parser.add_argument(
        "--parity", action="store_true", help="one more run without reuse for each seed"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _measured(
    name: str, arguments: argparse.Namespace, trainer_runs: TrainerRuns
) -> dict[str, Any]:
    """Run all pairs of one scenario and summarise them."""
    scenario, warm = name.removesuffix(_WARM), name.endswith(_WARM)
    request = RunRequest(
        side="ours",
        scenario=scenario,
        checkpoint=arguments.checkpoint,
        data=_absolute(arguments.data),
        examples=arguments.examples,
        sentence_vector=arguments.sentence_vector,
        precision=arguments.precision,
        epochs=arguments.epochs,
        batch_size=arguments.batch_size,
        max_length=arguments.max_length,
    )
    pairs: list[Pair] = []
    differences = []
    for seed in map(int, arguments.seeds.split(",")):
        request = replace(request, seed=seed)
        repeats, done = arguments.repeats, 0
        while done < repeats:
            pairs.append(_pair(request, warm, arguments, done, trainer_runs))
            if pairs[0][1]["seconds"] < _SHORT_SECONDS:
                repeats = max(repeats, arguments.short_repeats)
            done += 1
        if arguments.parity:
            with tempfile.TemporaryDirectory() as home:
                ordinary = _ours(replace(request, side="ordinary"), home, arguments.threads)
            differences.append(largest_difference(pairs[-1][1]["losses"], ordinary["losses"]))
    return row_of(name, pairs, max(differences, default=None))


def _pair(
    request: RunRequest,
    warm: bool,
    arguments: argparse.Namespace,
    number: int,
    trainer_runs: TrainerRuns,
) -> Pair:
    """Run both sides once, ours in a new home; `warm` fills the home's cache first.

    Ours is first in every second pair. Trainer's result is taken from `trainer_runs` if another row
    has measured it, and added otherwise.
    """
    threads, key = arguments.threads, (request, number)
    with tempfile.TemporaryDirectory() as home:
        if warm:
            _ours(request, home, threads)
        ours = _ours(request, home, threads) if number % 2 else None
        if key not in trainer_runs:
            trainer_runs[key] = _theirs(request, arguments.fastest, threads)
        return trainer_runs[key], ours or _ours(request, home, threads)


def _ours(request: RunRequest, home: str, threads: int | None) -> Result:
    """Run the command `train`; its events are then read from the store."""
    command = [sys.executable, "-m", "mtl_core", "train", *_options(request)]
    environment = _environment(threads) | {"FREEZE_LAB_HOME": home}
    if threads:
        environment["FREEZE_LAB_THREADS"] = str(threads)
    cost = run_measured(command, environment, ROOT)
    store = RunStore(Path(home) / "runs.sqlite")
    record = store.runs()[0]
    events = [event for _, event in store.events(record.id)]
    store.close()
    last = events[-1]
    assert isinstance(last, RunFinished), last
    return asdict(cost) | {
        "inner_seconds": last.total_seconds,
        "training_seconds": last.training_seconds,
        "evaluation_seconds": last.evaluation_seconds,
        "prefix_seconds": last.prefix_seconds,
        "threads": record.spec.threads,
        "metrics": {name: score.headline for name, score in last.metrics.items()},
        "losses": [event.loss for event in events if isinstance(event, Step)],
        "reused": [
            event.prefix.from_layer if event.prefix else None
            for event in events
            if isinstance(event, PhaseStarted)
        ],
    }


def _options(request: RunRequest) -> list[str]:
    """The options of `train` for a request; what the request leaves at its default is left out."""
    options = {
        "checkpoint": request.checkpoint,
        "scenario": request.scenario,
        "data": request.data,
        "epochs": request.epochs,
        "batch-size": request.batch_size,
        "max-length": request.max_length,
        "seed": request.seed,
        "precision": request.precision,
    }
    if request.sentence_vector:
        options["sentence-vector"] = request.sentence_vector
    tasks = load_tasks(request.data, ANY_FILE) if request.examples else ()
    return [
        *(part for name, value in options.items() for part in (f"--{name}", str(value))),
        *(part for task in tasks for part in ("--examples", f"{task.name}={request.examples}")),
        *(["--no-prefix-reuse"] if request.side == "ordinary" else []),
    ]


def _theirs(request: RunRequest, fastest: bool, threads: int | None) -> Result:
    """Run the script with Trainer on the same sentences."""
    with tempfile.TemporaryDirectory() as folder:
        job, result = Path(folder) / "job.json", Path(folder) / "result.json"
        job.write_text(json.dumps(trainer_job(request, fastest)), encoding="utf-8")
        script = Path(__file__).with_name("trainer_side.py")
        command = [sys.executable, str(script), str(job), str(result)]
        cost = run_measured(command, _environment(threads), Path(folder))
        scored: Result = json.loads(result.read_text(encoding="utf-8"))
        return asdict(cost) | scored


def _environment(threads: int | None) -> dict[str, str]:
    """This process's environment without Freeze Lab's variables, with `threads` if given."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("FREEZE_LAB_")}
    return own | ({"OMP_NUM_THREADS": str(threads)} if threads else {})


def largest_difference(
    one: Sequence[dict[str, float | None]], other: Sequence[dict[str, float | None]]
) -> float:
    """The largest difference between two runs' losses, step by step and task by task."""
    return max(
        abs((a[task] or 0.0) - (b[task] or 0.0))
        for a, b in zip(one, other, strict=True)
        for task in a
    )


def row_of(name: str, pairs: Sequence[Pair], loss_difference: float | None) -> dict[str, Any]:
    """Medians of seconds and memory, means of scores; each pair is Trainer's run, then ours."""
    theirs, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    return {
        "scenario": name,
        "pairs": len(pairs),
        "trainer": _side(theirs),
        "ours": _side(ours),
        "ratio": _ratio(pairs, "seconds"),
        "inner_ratio": _ratio(pairs, "inner_seconds"),
        "processor_ratio": _ratio(pairs, "processor_seconds"),
        "largest_loss_difference": loss_difference,
        "reused_from_layer": ours[0]["reused"],
    }


def _ratio(pairs: Sequence[Pair], what: str) -> dict[str, float]:
    ratios = [theirs[what] / ours[what] for theirs, ours in pairs]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


def _side(runs: Sequence[Result]) -> dict[str, Any]:
    names = [name for name in runs[0] if name.endswith("_seconds") or name == "seconds"]
    tasks = list(runs[0]["metrics"])
    scores = {task: [run["metrics"][task] for run in runs] for task in tasks}
    return {
        **{name: median(run[name] for run in runs) for name in names},
        "peak_memory_bytes": median(run["peak_memory_bytes"] for run in runs),
        "threads": runs[0]["threads"],
        "metrics": {task: mean(each) for task, each in scores.items()},
        "metric_ranges": {task: (min(each), max(each)) for task, each in scores.items()},
    }


def _markdown(rows: Sequence[dict[str, Any]], parity: bool) -> list[str]:
    tasks = list(rows[0]["ours"]["metrics"])
    scores = " | ".join(f"{task}: Trainer / ours" for task in tasks)
    last = " largest loss difference |" if parity else ""
    return [
        "| scenario | Trainer s | ours s | ratio | inner s: Trainer / ours | ratio "
        f"| of processor s | peak MB: Trainer / ours | {scores} |{last}",
        f"|---|--:|--:|--:|--:|--:|--:|--:|{'--:|' * (len(tasks) + bool(parity))}",
        *map(_markdown_row, rows),
    ]


def _markdown_row(row: dict[str, Any]) -> str:
    theirs, ours = row["trainer"], row["ours"]
    scores = " | ".join(
        f"{_score(theirs, task)} / {_score(ours, task)}" for task in ours["metrics"]
    )
    memory = " / ".join(f"{side['peak_memory_bytes'] / 1e6:,.0f}" for side in (theirs, ours))
    inner = " / ".join(f"{side['inner_seconds']:.1f}" for side in (theirs, ours))
    ratio, inner_ratio, processor = (
        _spread(row[name]) for name in ("ratio", "inner_ratio", "processor_ratio")
    )
    difference = row["largest_loss_difference"]
    parity = "" if difference is None else f" {difference:.1e} |"
    return (
        f"| {row['scenario']} | {theirs['seconds']:.1f} | {ours['seconds']:.1f} | {ratio} "
        f"| {inner} | {inner_ratio} | {processor} | {memory} | {scores} |{parity}"
    )


def _score(side: dict[str, Any], task: str) -> str:
    """The mean over seeds, with the range if they differ."""
    low, high = side["metric_ranges"][task]
    score_range = f" ({low:.3f} to {high:.3f})" if low < high else ""
    return f"{side['metrics'][task]:.3f}{score_range}"


def _spread(ratio: dict[str, float]) -> str:
    """The median; the range too if there are several pairs."""
    spread = f" ({ratio['low']:.2f} to {ratio['high']:.2f})" if ratio["low"] < ratio["high"] else ""
    return f"{ratio['median']:.2f}{spread}"


def _threads(rows: Sequence[dict[str, Any]]) -> str:
    """The threads of Trainer and of Freeze Lab."""
    return " / ".join(str(rows[0][side]["threads"]) for side in ("trainer", "ours"))


def _processor() -> str:
    """The name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _absolute(data: str) -> str:
    """Resolve a manifest's path; return the name of a sample unchanged."""
    return str(Path(data).resolve()) if Path(data).is_file() else data


if __name__ == "__main__":
    main()
